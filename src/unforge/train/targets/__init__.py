"""How the manipulators and the identity encoder behind trained targets are made: one file for each kind."""

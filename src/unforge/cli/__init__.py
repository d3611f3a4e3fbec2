"""The command line: one file per verb. A new verb is one new file with a click command called `command`."""

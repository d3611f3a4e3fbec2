"""How the networks come about: data sets, pseudo-fakes, recipes. Needs the extra `train`; nothing else imports it."""

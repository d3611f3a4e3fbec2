"""Why a verdict is what it is: evidence put into words, pictures and files that people read."""

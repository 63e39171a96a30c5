"""The command `r1kit`. `main.py` has the table of commands; each command group is one file beside it."""

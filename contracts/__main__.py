"""`python -m contracts` does what the console script does."""

from contracts._cli import main

main(prog_name="contracts")

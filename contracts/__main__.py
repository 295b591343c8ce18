"""`python -m contracts` does what the console script does."""

from contracts.cli.main import main

main(prog_name="contracts")

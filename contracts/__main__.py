"""`python -m contracts` does what the console script does."""

from contracts.cli.entry import main

main()

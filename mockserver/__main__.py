"""`python -m mockserver` does what the console script does."""

from mockserver.cli.main import main

main()

"""`python -m mockserver` does what the console script does."""

from mockserver._cli import main

main()

"""`python -m contracts`."""

from contracts._cli import main

if __name__ == "__main__":
    main(prog_name="contracts")

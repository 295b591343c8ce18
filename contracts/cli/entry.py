"""The console script `contracts`. Prints how to install the suite if a package of the extra `suite` is missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line `contracts`. Exits with code 2 if the extra `suite` is not installed."""
    try:
        from contracts.cli.main import main as suite
    except ModuleNotFoundError as error:
        missing = (error.name or "contracts").partition(".")[0]
        if missing in ("contracts", "openapi"):
            raise
        sys.stderr.write(f"contracts needs the extra: pip install 'contract-mock[suite]' ({missing} is not installed)\n")
        sys.exit(2)
    suite(prog_name="contracts")

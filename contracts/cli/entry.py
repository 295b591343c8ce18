"""The console script `contracts`; says so where the suite is not installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line of the suite."""
    try:
        from contracts.cli.main import main as suite
    except ModuleNotFoundError as error:
        missing = (error.name or "contracts").partition(".")[0]
        if missing in ("contracts", "openapi"):
            raise
        sys.stderr.write(f"contracts needs the extra: pip install 'contract-mock[suite]' ({missing} is not installed)\n")
        sys.exit(2)
    suite(prog_name="contracts")

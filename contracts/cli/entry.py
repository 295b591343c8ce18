"""The console script `contracts`. Prints how to install an extra if a package of it is missing."""

from __future__ import annotations

import sys

LOAD = "load"
"""The command that runs on Locust."""


def main() -> None:
    """Runs the command line `contracts`. Exits with code 2 if the extra that a command needs is not installed."""
    extra = "suite"
    try:
        if sys.argv[1:2] == [LOAD]:
            extra = LOAD
            # It replaces sockets, threads and clocks by those of gevent, so it comes before everything that uses them.
            import locust  # noqa: F401
        from contracts.cli.main import main as suite
    except ModuleNotFoundError as error:
        missing = (error.name or "contracts").partition(".")[0]
        if missing in ("contracts", "openapi"):
            raise
        command = "contracts load" if extra == LOAD else "contracts"
        sys.stderr.write(f"{command} needs the extra: pip install 'contract-mock[{extra}]' ({missing} is not installed)\n")
        sys.exit(2)
    suite(prog_name="contracts")

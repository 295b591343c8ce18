"""Starts the mock, tests it with `contracts verify`, and stops it.

`python tests/verify_mock.py [--contract FILE] [--world FILE] [options of contracts verify]`; without a contract, the one of
device sharing on its demo world.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from threading import Thread

DEMO = Path(__file__).parent.parent / "openapi" / "worlds" / "demo.yaml"


def verify(arguments: list[str]) -> int:
    """The exit code of the test run."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--contract")
    parser.add_argument("--world", default=str(DEMO))
    options, rest = parser.parse_known_args(arguments)
    both = ["--world", options.world, *(["--contract", options.contract] if options.contract else [])]
    mock = subprocess.Popen(
        [sys.executable, "-m", "mockserver", "serve", "--port", "0", *both], stdout=subprocess.PIPE, text=True
    )
    try:
        assert mock.stdout is not None
        line = mock.stdout.readline()
        if not line:
            return mock.wait()
        Thread(target=mock.stdout.read, daemon=True).start()  # a full pipe would block the mock
        command = [sys.executable, "-m", "contracts", "verify", "--target", line.split()[-1], *both, *rest]
        return subprocess.run(command).returncode
    finally:
        mock.terminate()
        mock.wait()


if __name__ == "__main__":
    sys.exit(verify(sys.argv[1:]))

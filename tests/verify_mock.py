"""Starts the mock on the demo world, examines it, and stops it: `python tests/verify_mock.py [options of contracts verify]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

WORLD = Path(__file__).parent.parent / "openapi" / "worlds" / "demo.yaml"


def main() -> int:
    """The exit code of the examination."""
    mock = subprocess.Popen([sys.executable, "-m", "mockserver", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert mock.stdout is not None
        line = mock.stdout.readline()
        if not line:
            return mock.wait()
        Thread(target=mock.stdout.read, daemon=True).start()  # a full pipe would stop the mock
        command = [sys.executable, "-m", "contracts", "verify", "--target", line.split()[-1], "--world", str(WORLD)]
        return subprocess.run([*command, *sys.argv[1:]]).returncode
    finally:
        mock.terminate()
        mock.wait()


if __name__ == "__main__":
    sys.exit(main())

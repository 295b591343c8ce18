"""The time from the start of the mock to its first reply, and of `import openapi`, with a profile."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench._servers import MOCK, SERVERS, Server

PARTS = """
import time
begun, parts = [0.0], []
def part(name):
    begun.append(time.process_time())
    parts.append(f"{name}={(begun[-1] - begun[-2]) * 1000}")
part("Python itself")
import openapi
part("import openapi")
import mockserver.cli.main
part("import mockserver")
contract = openapi.load()
part("load the contract")
mock = mockserver.Mock(contract, mockserver.Origin(openapi.read_document(openapi.demo_world())))
part("begin the world")
app = mockserver.create_app(mock)
part("make the application")
print(*parts, sep=";")
"""


def main(rounds: int) -> None:
    """Prints medians of interleaved rounds, and the fastest round, which other processes disturbed least."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            server = Server(MOCK, SERVERS[MOCK], None, Path(folder) / str(number))
            found.setdefault("mockserver serve: from its start to its first reply", []).append(server.start_up * 1000)
            found.setdefault("the same, processor time", []).append(server.processor() * 1000)
            server.stop()
            said = subprocess.run([sys.executable, "-c", PARTS], check=True, capture_output=True, text=True).stdout
            for name, _, milliseconds in (each.partition("=") for each in said.strip().split(";")):
                found.setdefault(f"processor time: {name}", []).append(float(milliseconds))
    table = Table("what", "median ms", "fastest ms", title=f"start-up, {rounds} rounds")
    for name, times in found.items():
        table.add_row(name, f"{median(times):.0f}", f"{min(times):.0f}")
    Console().print(table)

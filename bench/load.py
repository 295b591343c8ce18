"""What judging costs a load test: Locust alone and `contracts load`, with the same kind of requests to the mock.

Each run is a process of its own. The processor time is that of the process which sends, while the load lasts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

import openapi
from mockserver import running

ALONE = {"Locust alone, HttpUser": "HttpUser", "Locust alone, FastHttpUser": "FastHttpUser"}
JUDGED = "contracts load"


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run."""

    requests: int
    rate: float
    """Requests per second."""
    processor: float
    """Milliseconds of processor time for each request."""
    median: float
    """Milliseconds, as the next one."""
    p95: float


def load(users: int, rate: int, seconds: int) -> None:
    """Prints the runs at a rate, and at the highest rate that one process can send, with the ratios."""
    console = Console(highlight=False, width=100)
    with running() as mock, tempfile.TemporaryDirectory() as scratch:
        pool = Path(scratch) / "pool.yaml"
        worlds = [mock.create(f"load-{number}") for number in range(users)]
        documents = [
            {"target": each.url, "world": str(openapi.demo_world()), "reset": f"{mock.url}/_mock/worlds/{each.name}/reset"}
            for each in worlds
        ]
        pool.write_text(yaml.safe_dump({"worlds": documents}))
        for asked in (rate, None):
            found = {JUDGED: _judged(pool, asked, seconds)}
            for name, kind in ALONE.items():
                for each in worlds:
                    each.reset()
                found[name] = _alone(kind, pool, asked, seconds)
            console.print(_table(found, users, asked))


def _alone(kind: str, pool: Path, rate: int | None, seconds: int) -> Run:
    command = [sys.executable, "-m", "bench.locust_alone", kind, str(pool), str(rate or 0), str(seconds)]
    return Run(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def _judged(pool: Path, rate: int | None, seconds: int) -> Run:
    report = pool.with_name("report.json")
    limits = ["--for", f"{seconds}s", "--spawn-rate", "100", *([] if rate is None else ["--rate", str(rate)])]
    command = [sys.executable, "-m", "contracts", "load", "--pool", str(pool), *limits, "--quiet", "--json", str(report)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(report.read_text())["load"]
    total = found["total"]
    spent = found["processor"] * found["seconds"] * 1000 / total["requests"]
    return Run(total["requests"], total["per_second"], spent, total["median"], total["p95"])


def _table(found: dict[str, Run], users: int, rate: int | None) -> Table:
    asked = "as many requests as one process can send" if rate is None else f"{rate} requests/s"
    table = Table(box=SIMPLE, title=f"{users} users, {asked}")
    table.add_column("", no_wrap=True)
    for heading in ("requests", "requests/s", "processor ms", "ratio", "median ms", "95 % ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    judged = found[JUDGED].processor
    for name, each in found.items():
        ratio = "" if name == JUDGED else f"{judged / each.processor:.1f} x"
        numbers = (f"{each.rate:.0f}", f"{each.processor:.2f}", ratio, f"{each.median:.0f}", f"{each.p95:.0f}")
        table.add_row(name, str(each.requests), *numbers)
    return table

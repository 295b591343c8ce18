"""What `contracts watch` costs a request: its median time with and without the proxy, alternately, on one connection each."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from statistics import median, quantiles

import requests
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mockserver import running

SHARE = "/v2/binding/enduserapi/shareInfo?pk=p11pLZ&dk=D001&acceptingExpireAt=4102444800000"
HEADERS = {"Authorization": "Bearer demo-token-alice"}
ROUND = 50
"""Requests to one of the two before the other one has its turn."""


def watch(rounds: int) -> None:
    """Prints the medians, and the ratio."""
    with running() as mock:
        command = [sys.executable, "-m", "contracts", "watch", "--target", mock.url, "--listen", ":0", "--quiet"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            if found is None:
                raise RuntimeError("contracts watch did not start")
            urls = {"mock alone": mock.url, "through contracts watch": found[0]}
            sessions = {name: requests.Session() for name in urls}
            times: dict[str, list[float]] = {name: [] for name in urls}
            for _ in range(rounds):
                for name, url in urls.items():
                    times[name] += [_timed(sessions[name], url) for _ in range(ROUND)]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    table = Table("", "median ms", "95 of 100 ms", title=f"shareInfo, {rounds * ROUND} requests each", box=SIMPLE)
    for name, each in times.items():
        table.add_row(name, f"{median(each):.2f}", f"{quantiles(each, n=20)[-1]:.2f}")
    console = Console(highlight=False)
    console.print(table)
    alone, watched = map(median, times.values())
    console.print(f"the proxy adds {watched - alone:.2f} ms, {watched / alone:.1f} times the time of the mock alone")


def _timed(session: requests.Session, url: str) -> float:
    """The ms of one request."""
    begun = time.perf_counter()
    session.post(f"{url}{SHARE}", headers=HEADERS, timeout=10).raise_for_status()
    return (time.perf_counter() - begun) * 1000

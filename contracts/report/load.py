"""The figures of a load test: rates and latencies by outcome, and what the server did not answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.http.wire import printable
from contracts.report.progress import Counts, Progress

BUSY = 0.9
"""The part of a core from which on this program itself may be the bottleneck."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How often one outcome came, and after what time."""

    outcome: str
    """A documented outcome, or an operation and what came in place of one."""
    requests: int
    per_second: float
    median: int
    """Milliseconds, as the following ones. From 100 ms on percentiles have two digits."""
    p95: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True)
class Load:
    """The figures of a load test."""

    users: int
    """The most users at the same time."""
    seconds: float
    """How long the load lasted: without the requests before and after it."""
    rate: float | None
    """The requests per second that were asked for; None for as many as the users can send."""
    total: Figures
    """Of all replies; its outcome is empty."""
    outcomes: tuple[Figures, ...]
    violations: int
    """How many replies violated the contract."""
    errors: Mapping[str, int]
    """How many requests had no reply, or one that asks for a pause (HTTP 429, 503), by what came."""
    gave_up: tuple[str, ...]
    """Why users ended before the load did, as sentences."""
    processor: float
    """The part of one core that this program used."""

    def as_data(self, secrets: Mapping[str, str]) -> dict[str, Any]:
        """The figures as plain data, as `contracts/report/report.schema.json` describes them."""
        data = asdict(self)
        data["outcomes"] = list(data["outcomes"])
        data["gave_up"] = [printable(each, secrets) for each in self.gave_up]
        return data


def print_load(load: Mapping[str, Any], console: Console) -> None:
    """Prints the figures, given as plain data."""
    total, rate = load["total"], load["rate"]
    asked = "" if rate is None else f" of {rate:g}"
    title = f"{load['users']} users, {load['seconds']:.1f} s, {total['per_second']:.1f}{asked} requests/s"
    table = Table(title=f"{title}; latencies in ms")
    table.add_column("outcome", overflow="fold")
    for heading in ("requests", "per s", "median", "95 %", "99 %", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in (*load["outcomes"], total | {"outcome": "all"}):
        numbers = (each["requests"], f"{each['per_second']:.1f}", each["median"], each["p95"], each["p99"], each["most"])
        table.add_row(escape(each["outcome"]), *map(str, numbers))
    console.print(table)
    console.print(f"Violations under load: {load['violations']} of {total['requests']} replies", highlight=False)
    for error, count in load["errors"].items():
        console.print(f"Errors under load: {error}, {count} times", markup=False, highlight=False)
    for each in load["gave_up"]:
        console.print(f"A user ended early: {each}", markup=False, highlight=False, soft_wrap=True)
    if load["processor"] >= BUSY:
        console.print(
            f"Note: this program used {load['processor']:.0%} of a core. It may be the bottleneck, and latencies may contain "
            "its own computations; use a lower --rate, or several processes",
            highlight=False,
            soft_wrap=True,
        )


class LoadProgress(Progress):
    """Prints the progress of a load test."""

    users = 0
    """How many users there are."""
    violations = 0
    """How many replies violated the contract."""
    errors = 0
    """How many requests had no usable reply."""

    def _text(self, counts: Counts) -> str:
        return (
            f"{counts.seconds:.0f} s: {self.users} users, {counts.requests} requests, {self._rate(counts):.0f}/s, "
            f"{counts.answered} of {counts.outcomes} outcomes seen, {self.errors} errors, {self.violations} violations"
        )

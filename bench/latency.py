"""How long a test run takes on servers of different latency, and when it has its verdicts.

The server is the mock, with a fault that delays every reply. The first violation is that of a mock which refuses every request
of one operation without a reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import click

import openapi
from bench.cases import mock
from bench.catches import CONTRACT, WORLD
from contracts import Plan, Record, Target, examine
from contracts.judge.verdict import VERIFIED, VIOLATION
from contracts.run.deadline import Deadline
from mockserver.client import Client

LATENCIES = (0, 20, 50, 100)
"""Milliseconds."""
WRONG, SINGLE = "deviceShareUserList", "shareInfo"


@dataclass(slots=True)
class Watch:
    """Notes when a record got its last new verified outcome, and when its first violation."""

    verified: int = 0
    seconds: float = 0.0
    violation: float | None = None
    deadline: Deadline | None = None

    def __call__(self, record: Record) -> None:
        """Looks at a record after a reply."""
        verified = len(record.cases)
        if verified > self.verified:
            self.verified, self.seconds = verified, record.seconds
        if self.violation is None and record.found(VIOLATION):
            self.violation = record.seconds
            if self.deadline is not None:
                self.deadline.end()


def run(contract: openapi.Contract, latency: int, wrong: str = "") -> tuple[Record, Watch]:
    """One test run on a mock with this latency, ms; it ends at the first violation if an operation is `wrong`."""
    deadline = Deadline()
    watch = Watch(deadline=deadline if wrong else None)
    with mock() as base:
        with Client(base) as client:
            faults = client.world().faults
            if wrong:
                faults.add(operation=wrong, outcome=f"{wrong}/{_refusal(contract, wrong)}", delay=latency)
            if latency:
                faults.add(delay=latency)
        world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
        return examine(contract, world, Target(base), Plan(), deadline=deadline, watch=watch), watch


def _refusal(contract: openapi.Contract, operation: str) -> str:
    """The code of the last documented refusal of an operation."""
    rules = contract.operations[operation].rules[:-1]
    return [rule.outcome for rule in rules if rule.kind == "documented"][-1].partition("/")[2]


@click.command()
@click.option("--only", multiple=True, type=int, help="Only this latency, ms; repeatable.")
def latency(only: tuple[int, ...]) -> None:
    """Measures test runs on a mock that delays its replies by 0, 20, 50 and 100 ms."""
    for delay in only or LATENCIES:
        for contract in (CONTRACT, CONTRACT.only(SINGLE)):
            record, watch = run(contract, delay)
            name = SINGLE if len(contract.operations) == 1 else "whole contract"
            done = record.tally()[VERIFIED]
            click.echo(
                f"{delay:4} ms, {name:14}: {record.requests:5} requests, {record.seconds:5.1f} s; "
                f"{done} of {len(record.outcomes)} outcomes, the last after {watch.seconds:.1f} s; "
                f"{len(record.found(VIOLATION))} violations"
            )
        record, watch = run(CONTRACT, delay, WRONG)
        at = "never" if watch.violation is None else f"after {watch.violation:.1f} s and {record.requests} requests"
        click.echo(f"{delay:4} ms, wrong {WRONG}: first violation {at}")

"""How a fuzz run grows: what it has found after so many requests, and its memory. The server is the mock, which is reset often.

The mock runs in a process of its own, so the memory is that of the suite alone.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field

import click

import openapi
from bench.cases import mock
from bench.catches import CONTRACT, WORLD
from contracts import Manners, Plan, Record, Target
from contracts.generate.stream import Stream
from contracts.judge.verdict import VIOLATION
from contracts.run.examination import open_session
from contracts.run.fuzz import Shard, fuzz_shard

FIRST = (100, 300, 1000, 3000, 10_000, 30_000)
"""Requests after which a line is printed; then after each step."""


@dataclass(slots=True)
class Samples:
    """Prints a line after so many requests."""

    step: int
    """Requests between two lines."""
    started: float = field(default_factory=time.monotonic)
    number: int = 0
    told: set[tuple[str, ...]] = field(default_factory=set)

    def __call__(self, record: Record) -> None:
        """Looks at a record after a reply."""
        marks = [each for each in FIRST if each < self.step]
        position = self.number - len(marks)
        due = marks[self.number] if position < 0 else self.step * (position + 1)
        for each in record.found(VIOLATION) if len(record.findings) > len(self.told) else ():
            if each.verdict.key not in self.told:
                self.told.add(each.verdict.key)
                click.echo(f"after {record.requests:,} requests: {each.verdict.sentence}: got {each.verdict.got} {each.reply}")
        if record.requests >= due:
            self.number += 1
            seconds, violations = time.monotonic() - self.started, len(record.found(VIOLATION))
            click.echo(
                f"{record.requests:9,} requests {seconds:7.0f} s {record.requests / seconds:6.0f}/s {resident():7.1f} MiB "
                f"{record.answered():3} outcomes {len(record.behaviours):6} behaviours {violations:3} violations"
            )
            sys.stdout.flush()


def resident() -> float:
    """Resident memory of this process, MiB."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024 / 1024


@click.command()
@click.option("--requests", default=100_000, show_default=True, type=click.IntRange(1000), help="The requests of the run.")
@click.option("--step", default=10_000, show_default=True, type=click.IntRange(1000), help="Requests between two lines.")
@click.option("--seed", default=0, show_default=True)
def growth(requests: int, step: int, seed: int) -> None:
    """Prints what a fuzz run has found after so many requests, and its memory."""
    with mock() as base:
        world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
        manners = Manners(most_requests=requests, reset=f"{base}/_mock/worlds/default/reset", connections=1)
        plan = Plan(seed=seed, workers=1, thorough=False)
        session = open_session(CONTRACT, world, Target(base, manners), plan, watch=Samples(step))
        fuzz_shard(session, Stream(CONTRACT, world, seed), Shard(), seed=seed)
        for each in session.record.found(VIOLATION):
            click.echo(f"{each.verdict.sentence}: got {each.verdict.got}\n" + "\n".join(each.curls))

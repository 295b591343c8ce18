"""The wrong servers that the suite and `schemathesis run` catch, and the correct servers that they report wrongly.

Each server of the catalogue runs in a separate process. Schemathesis gets the contract as its document, with its examples and a
valid token, runs all of its own checks, and continues after a failure. Our hooks are not used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click

import openapi
from contracts import Manners, Plan, Target, examine

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from wrong_servers import CONTRACT, CORRECT, WORLD, WRONG, Entry  # noqa: E402 it is not a package

TOKEN = "Authorization: demo-token-alice"
LIMIT = 300
"""The time limit of one run of Schemathesis, seconds."""
REFERENCE = "correct"
REFERENCES = 2
"""Runs of Schemathesis on a correct server, without a time limit: what they report does not count as caught."""
MOST_REQUESTS = 20_000
WALKS = 800

Report = frozenset[tuple[str, str]]
"""Failed checks of Schemathesis, each with its operation."""


@dataclass(frozen=True, slots=True)
class Plain:
    """The result of a run of Schemathesis."""

    failures: Report
    cases: int
    seconds: float


@contextmanager
def served(name: str, script: str = "wrong_servers.py") -> Iterator[str]:
    """Serves an entry of the catalogue, or a server of another script in `tests`; yields its base URL."""
    command = [sys.executable, str(ROOT / "tests" / script), name, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def scope(entry: Entry) -> openapi.Contract:
    """The contract to test with: all operations if the defect needs a sequence over them, else the operation of the defect."""
    return CONTRACT if entry.whole else CONTRACT.only("shareInfo")


def schemathesis(base: str, contract: openapi.Contract, seed: int, limit: int | None = LIMIT) -> Plain:
    """One run of Schemathesis with all of its own checks; a run that takes too long has no cases."""
    only = chain.from_iterable(("--include-operation-id", name) for name in contract.operations)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", CONTRACT.file, "--url", base, "-H", TOKEN),
            *("--checks", "all", "--continue-on-failure", "--workers", "1", "--seed", str(seed), "--request-timeout", "10"),
            *("--generation-database", "none", "--report", "json", "--report-json-path", str(report), *only),
        ]
        started = time.monotonic()
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return Plain(frozenset(), 0, time.monotonic() - started)
        seconds = time.monotonic() - started
        found = json.loads(report.read_text())
    failures = frozenset((f"{each['code']} {each['title']}", name) for each in found["failures"] for name in each["operations"])
    return Plain(failures, found["test_cases"]["generated"], seconds)


def suite(base: str, contract: openapi.Contract, plan: Plan, most_requests: int = MOST_REQUESTS):  # type: ignore[no-untyped-def]
    """The record of a test run of our suite."""
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    return examine(contract, world, Target(base, Manners(most_requests=most_requests)), plan)


def catch(names: Iterable[str], plain: bool) -> Counter[str]:
    """Prints a line per wrong server. Returns how many each tool caught."""
    known: dict[bool, Report] = {}
    caught: Counter[str] = Counter()
    for name in names:
        entry = WRONG[name]
        line = f"{name:40} | {_caught_by_suite(name, entry, caught)} |"
        if plain:
            if entry.whole not in known:
                known[entry.whole] = _reference(scope(entry))
            line += f" {_caught_by_schemathesis(name, known[entry.whole], caught)}"
        click.echo(line)
    return caught


def _caught_by_suite(name: str, entry: Entry, caught: Counter[str]) -> str:
    with served(name) as base:
        record = suite(base, scope(entry), Plan(stop_early=True, breadth=False, walks=WALKS))
    found = record.found("violation")
    sentence = found[0].verdict.sentence if found else "ESCAPED"
    caught.update({"suite": len(found), "suite, by the right row": int(entry.says in sentence and bool(found))})
    caught["suite, requests"] += record.requests
    return f"{record.requests:5} requests {record.seconds:5.1f} s | {sentence.partition(' [')[0][:60]:60}"


def _caught_by_schemathesis(name: str, known: Report, caught: Counter[str]) -> str:
    with served(name) as base:
        found = schemathesis(base, scope(WRONG[name]), seed=0)
    more = sorted({check for check, _ in found.failures - known})
    caught.update({"schemathesis": int(bool(more)), "schemathesis, cases": found.cases})
    said = "; ".join(more) if more else "nothing" if found.cases else "no report in time"
    return f"{found.cases:5} cases {found.seconds:5.1f} s | {said}"


def _reference(contract: openapi.Contract) -> Report:
    """The checks that Schemathesis reports on a correct server."""
    found: set[tuple[str, str]] = set()
    for seed in range(REFERENCES):
        with served(REFERENCE) as base:
            found |= schemathesis(base, contract, seed, limit=None).failures
    return frozenset(found)


def accuse(names: Iterable[str], seeds: int, plain: bool) -> Counter[str]:
    """Prints a line per correct server. Returns how many each tool reported, and by how many checks."""
    accused: Counter[str] = Counter()
    for name in names:
        entry, violations = CORRECT[name], 0
        for seed in range(seeds):
            with served(name) as base:
                plan = Plan(seed=seed, breadth=False, walks=20)
                violations += len(suite(base, scope(entry), plan, most_requests=1000).found("violation"))
        accused.update({"suite": int(violations > 0), "suite, violations": violations})
        line = f"{name:40} | {violations} violations in {seeds} seeds |"
        if plain:
            with served(name) as base:
                failures = schemathesis(base, scope(entry), seed=0).failures
            accused.update({"schemathesis": int(bool(failures)), "schemathesis, failures": len(failures)})
            line += f" {len(failures)} failures: {'; '.join(sorted({check.partition(' ')[0] for check, _ in failures}))}"
        click.echo(line)
    return accused


@click.command()
@click.option(
    "--only", multiple=True, type=click.Choice([*WRONG, *CORRECT]), metavar="NAME", help="Only this server; repeatable."
)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(0), help="For each right server.")
@click.option("--plain/--no-plain", default=True, help="Whether Schemathesis runs too.")
def catches(only: tuple[str, ...], seeds: int, plain: bool) -> None:
    """Compares the suite and Schemathesis on the catalogue: wrong servers caught, correct servers reported."""
    wrong = [name for name in only or WRONG if name in WRONG]
    right = [name for name in only or CORRECT if name in CORRECT and seeds]
    caught, accused = catch(wrong, plain), accuse(right, seeds, plain)
    for title, names, counts in (("wrong servers, caught by", wrong, caught), ("right servers, accused by", right, accused)):
        if names:
            click.echo(f"{len(names)} {title}: " + ", ".join(f"{who} {count}" for who, count in counts.items()))

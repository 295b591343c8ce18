"""What a run on a cluster gains and costs: requests per second with 1 and 2 workers here, and what reports cost the client."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bench._servers import ROOT
from bench.cases import mock
from bench.catches import CONTRACT, WORLD
from contracts.cluster.gathered import Entries
from contracts.cluster.messages import ENTRY, Message, packed, unpacked
from contracts.judge.merging import merged
from contracts.judge.record import Record
from contracts.report.reading import read_report, read_report_file
from mockserver.client import Client

SHARDS = 100
"""The shards whose reports are merged."""


@click.command()
@click.option("--seconds", default=20, show_default=True, type=click.IntRange(5, 600), help="Of one run.")
@click.option("--workers", multiple=True, default=(1, 2), show_default=True, type=click.IntRange(1, 16))
def cluster(seconds: int, workers: tuple[int, ...]) -> None:
    """Requests per second with 1 and 2 workers, and what reports cost the client."""
    with tempfile.TemporaryDirectory() as scratch:
        for number in workers:
            folder = Path(scratch, str(number))
            folder.mkdir()
            record, processor, mocks = _run(folder, number, seconds)
            click.echo(
                f"{number} {'worker' if number == 1 else 'workers'}: {record.requests:,} requests in {record.seconds:.1f} s, "
                f"{record.requests / record.seconds:.0f}/s; {processor / record.requests * 1000:.1f} ms of processor time each, "
                f"and {mocks / record.requests * 1000:.2f} ms of the mock"
            )
        _report_costs(record)
        _entry_costs(folder / "corpus.jsonl")


def _run(folder: Path, workers: int, seconds: int) -> tuple[Record, float, float]:
    """The record of a run with so many workers. Seconds of processor time: of client, scheduler and workers, and of the mock."""
    before = _processor()
    with mock() as base, Client(base) as client:
        lines = ["worlds:"]
        for number in range(1, workers + 1):
            client.create(f"w{number}")
            reset = f"{base}/_mock/worlds/w{number}/reset"
            lines.append(f"  - {{target: '{base}/worlds/w{number}', world: '{WORLD}', reset: '{reset}'}}")
        pool, report = folder / "pool.yaml", folder / "report.json"
        pool.write_text("\n".join([*lines, ""]))
        options = ["--pool", str(pool), "--corpus", str(folder), "--for", f"{seconds}s", "--workers", "1", "--json", str(report)]
        command = [sys.executable, "-m", "contracts", "fuzz", "--cluster", "local", *options, "--quiet"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        ended = _processor()
    return read_report_file(str(report)), ended - before, _processor() - ended


def _processor() -> float:
    """Processor time of the child processes that have ended, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report_costs(record: Record) -> None:
    """Prints what the reports of SHARDS shards, each as large as this one, cost."""
    started = time.process_time()
    content = packed(record)
    packing = time.process_time() - started
    started = time.process_time()
    records = [read_report(unpacked(content, "a report"), "a report") for _ in range(SHARDS)]
    reading = time.process_time() - started
    started = time.process_time()
    merged(records)
    merging = time.process_time() - started
    size = len(json.dumps(unpacked(content, "a report")))
    click.echo(
        f"one report: {size / 1024:.0f} KiB, {len(content) / 1024:.0f} KiB compressed, {packing * 1000:.1f} ms to write; "
        f"{SHARDS} reports: {reading:.2f} s to read, {merging:.2f} s to merge, once at the end"
    )


def _entry_costs(file: Path) -> None:
    """Prints what an entry of the corpus costs the client: one that shows something new, and one that does not."""
    lines = file.read_text(encoding="utf-8").splitlines()
    entries, taken = Entries(CONTRACT, {}, None, print), list[float]()
    for _ in range(2):
        started = time.process_time()
        for line in lines:
            entries.keep(Message(ENTRY, 1, 0, text=line))
        taken.append((time.process_time() - started) / len(lines) * 1000)
    size = sum(map(len, lines)) / len(lines) / 1024
    new, known = taken
    click.echo(f"{len(lines)} entries of {size:.1f} KiB: {new:.2f} ms for one that is new, {known:.2f} ms for one that is known")

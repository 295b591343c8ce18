"""How long it takes to open and to join corpora with the most sequences that one may have, and how much memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

import openapi
from contracts.generate.stream import Stream
from contracts.sequence.corpus import FORMAT, Corpus
from contracts.sequence.joining import join

INPUTS, STEPS = 40, 7
"""Inputs of the stream whose walks are repeated, each time with a behaviour of another name, and the steps of each."""


@click.command()
@click.option("--lines", default=100_000, show_default=True, type=click.IntRange(1, 100_000), help="Sequences of each corpus.")
@click.option("--work", type=click.Choice(("open", "join")), hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def corpora(lines: int, work: str | None, folder: Path | None) -> None:
    """Opening a large corpus, and joining it with another one that shows the same."""
    if work is not None and folder is not None:
        return _measure(work, folder)
    with tempfile.TemporaryDirectory() as made:
        _write(Path(made), lines)
        for each in ("open", "join"):  # each in a process of its own, because memory is counted by process
            subprocess.run([sys.executable, "-m", "bench", "corpora", "--work", each, "--folder", made], check=True)


def _write(folder: Path, lines: int) -> None:
    contract = openapi.load()
    world = openapi.load_world(openapi.demo_world(), contract, time.time_ns() // 1_000_000, {})
    stream = Stream(contract, world, 0)
    walks = [[each.as_data() for each in stream.input(number).walk[:STEPS]] for number in range(INPUTS)]
    for name in ("one.jsonl", "other.jsonl"):
        with (folder / name).open("w", encoding="utf-8") as file:
            for number in range(lines):
                entry = {"format": FORMAT, "shows": [f"behaviour {number}"], "steps": walks[number % INPUTS]}
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _measure(work: str, folder: Path) -> None:
    contract = openapi.load()
    world = openapi.load_world(openapi.demo_world(), contract, time.time_ns() // 1_000_000, {})
    size = (folder / "one.jsonl").stat().st_size / 1024**2
    jobs: dict[str, Callable[[], object]] = {
        "open": lambda: Corpus(folder / "one.jsonl", "bench", contract, world.secrets),
        "join": lambda: join([folder / "one.jsonl", folder / "other.jsonl"], folder / "joined.jsonl"),
    }
    memory, begun = _memory(), time.process_time()
    jobs[work]()
    print(f"{work}: {size:.0f} MiB each, {time.process_time() - begun:.1f} s of CPU, {_memory() - memory:.0f} MiB more memory")


def _memory() -> float:
    """The largest memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

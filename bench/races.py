"""How many of the servers that handle requests at the same time wrongly the suite catches, and how soon.

Each server of `tests/racing_servers.py` runs in a process of its own, and is examined with several seeds, by nothing but races.
"""

from __future__ import annotations

import time
from statistics import median

import click

import openapi
from bench.catches import CONTRACT, WORLD, served
from contracts import Manners, Plan, Record, Target, examine
from contracts.judge.verdict import VIOLATION

from racing_servers import RACING, SAFE  # isort: skip it is no package; bench.catches adds its folder to the path

RESET = "/reset"


def examined(name: str, seed: int, walks: int, reset: bool) -> Record:
    """The record of a test run."""
    with served(name, "racing_servers.py") as base:
        world = openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})
        target = Target(base, Manners(reset=base + RESET if reset else None))
        plan = Plan(seed=seed, workers=1, aim=False, breadth=False, walks=0, races=walks, stop_early=name in RACING)
        return examine(CONTRACT, world, target, plan)


@click.command()
@click.option("--only", multiple=True, type=click.Choice([*RACING, *SAFE]), help="Only this server; repeatable.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1))
@click.option("--walks", default=200, show_default=True, type=click.IntRange(1), help="Walks of competing requests in a run.")
@click.option("--reset/--no-reset", default=True, show_default=True, help="Whether the server is reset before each walk.")
def races(only: tuple[str, ...], seeds: int, walks: int, reset: bool) -> None:
    """Counts the racing servers that are caught, and the correct ones that are accused."""
    for name in only or (*RACING, *SAFE):
        records = [examined(name, seed, walks, reset) for seed in range(seeds)]
        found = [record.found(VIOLATION)[0] for record in records if record.found(VIOLATION)]
        word = "caught" if name in RACING else "accused"
        line = f"{name:30} {word} with {len(found)} of {seeds} seeds, {median(each.requests for each in records):6.0f} requests"
        click.echo(f"{line}: {found[0].verdict.rule}" if found else line)

"""The command line: the comparison with peers, whether the cost is flat, and the cost of one decision."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from bench import decide as decide_
from bench import flat as flat_
from bench._load import CONNECTIONS, Round, load
from bench._servers import MOCK, SERVERS, WSGI_SERVERS, Command, Server
from bench._tools import Missing
from bench.cases import cases
from bench.catches import catches


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measures this mock; without a command, against its peers."""
    if context.invoked_subcommand is None:
        context.invoke(peers)


def _timed(command: Callable[..., None]) -> Callable[..., None]:
    rounds = click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
    seconds = click.option("--seconds", default=3, show_default=True, type=click.IntRange(1), help="Of one round.")
    return rounds(seconds(command))


@main.command()
@_timed
@click.option("--only", multiple=True, type=click.Choice(list(SERVERS)), help="Only these servers.")
def peers(rounds: int, seconds: int, only: tuple[str, ...]) -> None:
    """This mock and others on the same endpoint."""
    _compare({name: command for name, command in SERVERS.items() if name in (only or SERVERS)}, rounds, seconds)


@main.command()
@_timed
def wsgi(rounds: int, seconds: int) -> None:
    """This mock on other WSGI servers."""
    _compare(WSGI_SERVERS, rounds, seconds)


def _compare(servers: Mapping[str, Command], rounds: int, seconds: int) -> None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    ours, its = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    console, running, absent = Console(), [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            for number, (name, command) in enumerate(servers.items()):
                try:
                    running.append(Server(name, command, ours, folder / str(number)))
                except (Missing, RuntimeError) as error:
                    absent.append(str(error))
            for server in running:
                load(server, 2, its, folder)  # to warm up
            found: dict[str, list[Round]] = {server.name: [] for server in running}
            for _ in range(rounds):
                for server in running:
                    found[server.name].append(load(server, seconds, its, folder))
            console.print(_table(running, found, rounds))
        except Missing as error:
            absent.append(str(error))
        finally:
            for server in running:
                server.stop()
    for each in absent:
        console.print(f"not measured: {each}")
    if ours is None:
        console.print("servers and load generator shared their cores: there are fewer than two, or they cannot be pinned")


def _table(running: list[Server], found: dict[str, list[Round]], rounds: int) -> Table:
    table = Table(title=f"shareInfo, {CONNECTIONS} keep-alive connections, one core each, medians of {rounds} rounds")
    table.add_column("server", no_wrap=True)
    for heading in ("requests/s", "ratio", "processor µs", "p50 ms", "p99 ms", "MiB", "start s", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    for server in running:
        mine = found[server.name]
        ratios = [one.rate / other.rate for one, other in zip(found.get(MOCK, mine), mine, strict=True)]
        table.add_row(
            server.name,
            f"{median(each.rate for each in mine):,.0f}",
            f"{median(ratios):.2f} x",
            f"{median(each.processor for each in mine):.0f}",
            f"{median(each.p50 for each in mine):.2f}",
            f"{median(each.p99 for each in mine):.2f}",
            f"{server.memory():.0f}",
            f"{server.start_up:.2f}",
            str(sum(each.errors for each in mine)),
        )
    return table


@main.command()
def decide() -> None:
    """Microseconds of one decision."""
    decide_.main()


@main.command()
@click.option("--most", default=1_000_000, show_default=True, type=click.IntRange(1000), help="Shares.")
def flat(most: int) -> None:
    """Whether a request costs the same with many shares as with none; memory, and what a fork takes."""
    flat_.main(most)


main.add_command(cases)
main.add_command(catches)


if __name__ == "__main__":
    main()

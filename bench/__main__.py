"""The command line of the benchmarks."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench import decide as decide_
from bench import flat as flat_
from bench import shapes as shapes_
from bench import start as start_
from bench import stores as stores_
from bench._load import CONNECTIONS, Round, load
from bench._servers import HTTP_SERVERS, MOCK, SERVERS, Command, Server
from bench._tools import Missing
from bench.cases import cases
from bench.catches import catches
from bench.cluster import cluster
from bench.corpora import corpora
from bench.documents import documents as documents_
from bench.growth import growth
from bench.latency import latency
from bench.load import load as load_
from bench.races import races
from bench.watch import watch as watch_

WIDTH = 135
"""The width of a table in characters, also if the output is a file."""


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measures this mock; without a command, compares it with its peers."""
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
@click.option("--only", multiple=True, type=click.Choice(list(HTTP_SERVERS)), help="Only these.")
def servers(rounds: int, seconds: int, only: tuple[str, ...]) -> None:
    """This mock, and fixed bytes, on other HTTP servers."""
    _compare({name: command for name, command in HTTP_SERVERS.items() if name in (only or HTTP_SERVERS)}, rounds, seconds)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--failures", is_flag=True, help="Say why a reply does not conform.")
def documents(files: tuple[Path, ...], failures: bool) -> None:
    """Whether OpenAPI documents load, how fast, and whether the replies conform to their own schemas."""
    documents_(files, failures)


@main.command()
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(1))
def watch(rounds: int) -> None:
    """What `contracts watch` costs a request."""
    watch_(rounds)


@main.command("load")
@click.option("--users", default=10, show_default=True, type=click.IntRange(1, 100))
@click.option("--rate", default=100, show_default=True, type=click.IntRange(1, 1000), help="Requests per second.")
@click.option("--seconds", default=5, show_default=True, type=click.IntRange(1, 600), help="Of each run.")
def judged_load(users: int, rate: int, seconds: int) -> None:
    """What it costs to judge the replies of a load test."""
    load_(users, rate, seconds)


def _compare(servers: Mapping[str, Command], rounds: int, seconds: int) -> None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    ours, its = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    console, running, absent = Console(width=WIDTH), [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            for number, (name, command) in enumerate(servers.items()):
                try:
                    running.append(Server(name, command, ours, folder / str(number)))
                except (Missing, RuntimeError) as error:
                    absent.append(str(error))
            mock = next((server for server in running if server.name == MOCK), None)
            rows = _rows(mock) if mock else 0
            for server in running:
                server.pause()
            warm = {server.name: _alone(server, 2, its, folder) for server in running}
            found: dict[str, list[Round]] = {server.name: [] for server in running}
            for _ in range(rounds):
                for server in running:
                    found[server.name].append(_alone(server, seconds, its, folder))
            for server in running:
                server.resume()
            console.print(_table(running, found, rounds))
            if mock:
                console.print(_successes(mock, rows, [warm[MOCK], *found[MOCK]]))
            waiting = (f"{server.name} {server.waiting():.0f} ms" for server in running if MOCK in server.name)
            console.print("beside a request that a fault delays by 1 s, another one takes:", ", ".join(waiting))
        except Missing as error:
            absent.append(str(error))
        finally:
            for server in running:
                server.stop()
    for each in absent:
        console.print(f"not measured: {each}")
    if ours is None:
        console.print("servers and load generator shared their cores: there are fewer than two, or they cannot be pinned")


def _alone(server: Server, seconds: int, core: int | None, folder: Path) -> Round:
    """One round of load; the other servers are paused."""
    server.resume()
    try:
        return load(server, seconds, core, folder)
    finally:
        server.pause()


def _table(running: list[Server], found: dict[str, list[Round]], rounds: int) -> Table:
    table = Table(box=SIMPLE, title=f"shareInfo, {CONNECTIONS} keep-alive connections, one core each, medians of {rounds} rounds")
    table.add_column("server", no_wrap=True)
    for heading in ("requests/s", "ratio", "processor µs", "ratio", "p50 ms", "p99 ms", "MiB", "start s", "errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    for server in running:
        mine = found[server.name]
        pairs = list(zip(found.get(MOCK, mine), mine, strict=True))
        table.add_row(
            server.name,
            f"{median(each.rate for each in mine):,.0f}",
            f"{median(one.rate / other.rate for one, other in pairs):.2f} x",
            f"{median(each.processor for each in mine):.1f}",
            f"{median(other.processor / one.processor for one, other in pairs):.2f} x",
            f"{median(each.p50 for each in mine):.2f}",
            f"{median(each.p99 for each in mine):.2f}",
            f"{server.memory():.0f}",
            f"{server.start_up:.2f}",
            str(sum(each.errors for each in mine)),
        )
    return table


def _rows(server: Server) -> int:
    return int(json.loads(server.get("/_mock/worlds/default"))["rows"]["shares"])


def _successes(server: Server, rows: int, rounds: list[Round]) -> str:
    """Checks by the mock's metrics and rows, and by wrk's count, that every reply was a success that changed the state."""
    lines = [line for line in server.get("/_mock/metrics").splitlines() if line.startswith("mockserver_requests_total{")]
    given = {line.split('"')[3]: int(float(line.rpartition(" ")[2])) for line in lines}
    sent, added = sum(each.requests for each in rounds), _rows(server) - rows
    right = set(given) == {"shareInfo/200"} and sent <= added <= sent + CONNECTIONS * len(rounds)
    return (
        f"{server.name}: wrk counted {sent:,} replies, and left up to {CONNECTIONS} behind in each of {len(rounds)} rounds; "
        f"the state has {added:,} new shares, and /_mock/metrics {given}: "
        + ("every reply was a success that changed the state" if right else "THAT DOES NOT FIT")
    )


@main.command()
@click.option("--rounds", default=11, show_default=True, type=click.IntRange(1))
def start(rounds: int) -> None:
    """The time from the start to the first reply."""
    start_.main(rounds)


@main.command()
def decide() -> None:
    """The time of one decision, in µs."""
    decide_.main()


@main.command()
@click.option("--most", default=1_000_000, show_default=True, type=click.IntRange(1000), help="Shares.")
def flat(most: int) -> None:
    """The cost of a request with many shares compared with none; memory; the cost of a fork."""
    flat_.main(most)


@main.command()
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=3, show_default=True, type=click.IntRange(1), help="Of one round.")
@click.option("--postgresql", envvar="TEST_DATABASE", metavar="URL", help="A server of PostgreSQL; default: $TEST_DATABASE.")
def stores(rounds: int, seconds: int, postgresql: str | None) -> None:
    """Requests per second and start of a mock in memory, in SQLite and in PostgreSQL."""
    stores_.main(rounds, seconds, postgresql)


@main.command()
@click.option("--rows", default=10_000, show_default=True, type=click.IntRange(1), help="Shares at the beginning.")
def shapes(rows: int) -> None:
    """Two shapes of a store: a log of changes with checkpoints, and rows in tables."""
    shapes_.main(rows)


main.add_command(cases)
main.add_command(catches)
main.add_command(cluster)
main.add_command(growth)
main.add_command(corpora)
main.add_command(latency)
main.add_command(races)


if __name__ == "__main__":
    main()

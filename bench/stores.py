"""Requests per second and the time to start: in memory, and with a store in SQLite or PostgreSQL, by one worker and by two."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from bench._load import load
from bench._servers import Command, Server

MEMORY = "in memory"


def main(rounds: int, seconds: int, server: str | None) -> None:
    """Prints medians of interleaved rounds, each with its ratio to the mock in memory. `server` is the URL of a PostgreSQL."""
    rates: dict[str, list[float]] = {}
    starts: dict[str, list[float]] = {}
    answers: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for name, kind, workers in _kinds(server):
                with _store(kind, Path(folder) / f"{number} {workers}.db", server) as store:
                    running = Server(name, _command(store, workers), None, Path(folder) / f"{number} {name}")
                    try:
                        found = load(running, seconds, None, Path(folder))
                    finally:
                        running.stop()
                    again = Server(name, _command(store, workers), None, Path(folder) / f"{number} {name}, again")
                    again.stop()
                rates.setdefault(name, []).append(found.rate)
                answers.setdefault(name, []).append(found.p99)
                starts.setdefault(name, []).append(again.start_up)
    title = f"shareInfo, 32 connections, {rounds} rounds of {seconds} s; a start reads what the round has left"
    table = Table("mock", "requests/s", "ratio", "99 % within, ms", "start, ms", "ratio", title=title)
    for name, found_rates in rates.items():
        rate, start = median(found_rates), median(starts[name])
        ratios = f"{rate / median(rates[MEMORY]):.2f}", f"{start / median(starts[MEMORY]):.2f}"
        table.add_row(name, f"{rate:,.0f}", ratios[0], f"{median(answers[name]):.0f}", f"{start * 1000:.0f}", ratios[1])
    Console(width=110).print(table)
    if server is None:
        Console().print("PostgreSQL was not measured; name a server with --postgresql URL")


def _kinds(server: str | None) -> Iterator[tuple[str, str, int]]:
    yield MEMORY, "", 1
    for kind, title in (("sqlite", "SQLite"), *([("postgresql", "PostgreSQL")] if server else [])):
        yield f"{title}, 1 worker", kind, 1
        yield f"{title}, 2 workers", kind, 2


def _command(store: str | None, workers: int) -> Command:
    command = [sys.executable, "-m", "mockserver", "serve", "--quiet", "--no-reload", "--workers", str(workers)]
    return lambda port, folder: [*command, "--port", str(port), *(["--store", store] if store else [])]


@contextmanager
def _store(kind: str, file: Path, server: str | None) -> Iterator[str | None]:
    """The URL of an empty store; None for none."""
    if kind != "postgresql" or server is None:
        yield f"sqlite:///{file}" if kind else None
        return
    url, name = make_url(server).set(drivername="postgresql+psycopg"), f"bench_{os.getpid()}_{uuid4().hex[:8]}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()

"""Two shapes of a store, on the same decisions: a log of changes with checkpoints, and rows in tables.

Both have one transaction per request, in SQLite with a write-ahead log, and keep an entry of the journal with it.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

import openapi

NOW = 1_760_000_000_000
RAW = {"token": "demo-token-alice", "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(NOW + 10**9)}
REQUESTS, CHECKPOINT = 3000, 1024 * 1024
"""Requests of one measurement; bytes of the log after which there is a checkpoint."""


def main(rows: int) -> None:
    """Prints what a request, a start, a fork and the file cost in each shape, with so many rows at the beginning."""
    contract = openapi.load()
    state = _filled(openapi.load_world(openapi.demo_world(), contract, NOW, {}).state, rows)
    table = Table("shape", "µs/request", "start, ms", "fork, ms", "file, MiB", title=f"{REQUESTS:,} requests, {rows:,} shares")
    for name, shape in (("a log with checkpoints", _Log), ("rows in tables", _Rows)):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "store.db"
            table.add_row(name, *(f"{each:,.1f}" for each in _measured(shape, file, contract, state)))
    Console(width=110).print(table)


def _filled(state: openapi.State, rows: int) -> openapi.State:
    shares = state.tables["shares"]
    values = {"pk": "p11pLZ", "dk": "D002", "sharer": "C10000001", "acceptingExpireAt": NOW - 1}
    changes = [openapi.RowChange("shares", None, shares.row(values | {"shareCode": f"old{each}"})) for each in range(rows)]
    return openapi.changed(state, changes)


def _measured(
    shape: type[_Log] | type[_Rows], file: Path, contract: openapi.Contract, state: openapi.State
) -> tuple[float, float, float, float]:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    store, random, operation = shape(connection, state), Random(1), contract.operations["shareInfo"]
    spent = 0.0
    for number in range(REQUESTS):
        decision = openapi.decide(operation, RAW, state, NOW + number, random)
        entry = json.dumps({"raw": RAW, "outcome": decision.outcome, "reasons": decision.reasons(), "data": decision.data})
        started = time.perf_counter()
        store.keep(decision, entry)
        spent += time.perf_counter() - started
        state = decision.state
    times = [spent / REQUESTS * 1e6]
    for action in (lambda: store.read(contract), store.fork):
        started = time.perf_counter()
        found = action()
        times.append((time.perf_counter() - started) * 1e3)
        assert found is None or found.snapshot() == state.snapshot()
    connection.close()
    return times[0], times[1], times[2], file.stat().st_size / 1024 / 1024


class _Log:
    """Each transaction appends its changes as JSON; now and then the whole state is written."""

    def __init__(self, connection: sqlite3.Connection, state: openapi.State) -> None:
        self.connection, self.number, self.bytes, self.most = connection, 0, 0, CHECKPOINT
        connection.execute("CREATE TABLE log (number INTEGER PRIMARY KEY, change BLOB, entry BLOB)")
        connection.execute("CREATE TABLE checkpoints (number INTEGER, state BLOB)")
        self._checkpoint(state)

    def keep(self, decision: openapi.Decision, entry: str) -> None:
        rows = openapi.changes_between(decision.before, decision.state) or []
        change = json.dumps(openapi.plain_changes(rows, decision.state.tables))
        self.number, self.bytes = self.number + 1, self.bytes + len(change) + len(entry)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("INSERT INTO log VALUES (?, ?, ?)", (self.number, change, entry))
        if self.bytes > self.most:
            self._checkpoint(decision.state)
        self.connection.execute("COMMIT")

    def read(self, contract: openapi.Contract) -> openapi.State:
        number, text = self.connection.execute("SELECT number, state FROM checkpoints").fetchone()
        state = openapi.read_state(json.loads(text), contract.tables)
        for (change,) in self.connection.execute("SELECT change FROM log WHERE number > ? ORDER BY number", (number,)):
            state = openapi.changed(state, openapi.read_changes(json.loads(change), contract.tables))
        return state

    def fork(self) -> None:
        """A fork is a checkpoint of another world."""
        self.connection.execute("INSERT INTO checkpoints SELECT * FROM checkpoints")

    def _checkpoint(self, state: openapi.State) -> None:
        text = json.dumps(openapi.plain_state(state))
        self.connection.execute("DELETE FROM checkpoints")
        self.connection.execute("INSERT INTO checkpoints VALUES (?, ?)", (self.number, text))
        self.connection.execute("DELETE FROM log WHERE number <= ?", (self.number - 1000,))
        self.bytes, self.most = 0, max(CHECKPOINT, len(text))


class _Rows:
    """Each table is one of the database, with its indexes; a transaction updates rows."""

    def __init__(self, connection: sqlite3.Connection, state: openapi.State) -> None:
        self.connection, self.number = connection, 0
        connection.execute("CREATE TABLE journal (number INTEGER PRIMARY KEY, entry BLOB)")
        connection.execute("BEGIN")
        for name, columns in state.tables.items():
            key = ", ".join(f'"{each}"' for each in columns.key)
            listed = ", ".join(f'"{each}"' for each in columns.names)
            connection.execute(f'CREATE TABLE "{name}" (world INTEGER, place INTEGER, {listed}, PRIMARY KEY (world, {key}))')
            for number, index in enumerate(columns.indexes):
                wanted = ", ".join(f'"{each}"' for each in index.columns) or "place"
                connection.execute(f'CREATE INDEX "{name} {number}" ON "{name}" (world, {wanted})')
            for place, row in enumerate(state.table(name).values()):
                self._insert(name, place, row)
        connection.execute("COMMIT")

    def keep(self, decision: openapi.Decision, entry: str) -> None:
        self.number += 1
        self.connection.execute("BEGIN IMMEDIATE")
        for change in decision.changes:
            columns = change.columns
            if change.after is None or change.before is not None:
                where = " AND ".join(f'"{each}" = ?' for each in columns.key)
                self.connection.execute(f'DELETE FROM "{columns.table}" WHERE world = 1 AND {where}', change.key)
            if change.after is not None:
                self._insert(columns.table, self.number, change.after)
        self.connection.execute("INSERT INTO journal VALUES (?, ?)", (self.number, entry))
        self.connection.execute("DELETE FROM journal WHERE number <= ?", (self.number - 1000,))
        self.connection.execute("COMMIT")

    def read(self, contract: openapi.Contract) -> openapi.State:
        changes = []
        for name, columns in contract.tables.items():
            booleans = [place for place, kind in enumerate(columns.types.values(), 2) if kind == "boolean"]
            for row in self.connection.execute(f'SELECT * FROM "{name}" ORDER BY place'):
                typed = [bool(each) if place in booleans and each is not None else each for place, each in enumerate(row)]
                changes.append(openapi.RowChange(name, None, tuple(typed[2:])))
        return openapi.changed(openapi.State.empty(contract.tables.values()), changes)

    def fork(self) -> None:
        """A fork copies the rows."""
        listed = ", ".join(f'"{row[1]}"' for row in self.connection.execute("PRAGMA table_info(shares)") if row[1] != "world")
        self.connection.execute(f"INSERT INTO shares (world, {listed}) SELECT 2, {listed} FROM shares WHERE world = 1")

    def _insert(self, name: str, place: int, row: tuple[object, ...]) -> None:
        marks = ", ".join("?" * (len(row) + 2))
        self.connection.execute(f'INSERT INTO "{name}" VALUES ({marks})', (1, place, *row))

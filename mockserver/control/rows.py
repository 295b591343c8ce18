"""The tables of a world, and single rows of them: read, added, changed and deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from typing import Any

import openapi
from mockserver.control import arguments as asked
from mockserver.control.context import WORLD, Body, Context, NotAllowed, NotThere, Route
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.world import LiveWorld

TABLE = f"{WORLD}/rows/<table>"

Row = tuple[Any, ...]
Key = Any


class Rows:
    """The views of tables and rows.

    A row is named by a digest of its key, because its key may be a secret. The digest has a secret of the mock in it, or who
    sees it could try out which value it is of.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            ("GET", f"{WORLD}/tables", self.get_tables),
            ("GET", TABLE, self.get_rows),
            ("POST", TABLE, self.add_row),
            ("PATCH", f"{TABLE}/<row>", self.change_row),
            ("DELETE", f"{TABLE}/<row>", self.delete_row),
        ]

    def get_tables(self, world: str) -> Body:
        live = self.context.get(world)
        state = live.state
        return [_table(live.contract, each, len(state.table(name))) for name, each in state.tables.items()]

    def get_rows(self, world: str, table: str) -> Body:
        live = self.context.get(world)
        columns, wanted = _columns(live, table), asked.query("getRows")
        redaction, state = self.context.redaction(wanted), live.state
        redaction.learn(state)
        found = state.table(table).values()
        page = islice(found, wanted["offset"], wanted["offset"] + wanted["limit"])
        return {"rows": [self._row(columns, row, redaction) for row in page], "total": len(found)}

    def add_row(self, world: str, table: str) -> Body:
        live = self.context.get(world)
        columns = _columns(live, table)
        document = asked.row_document(live.contract, table)
        values = asked.without_nulls(document.data, asked.empty_columns(live.contract, table))
        row = _read(live, replace(document, data=values), table)
        try:
            live.insert_row(table, row)
        except openapi.TableFull:
            raise
        except openapi.ExecutionError:
            key = ", ".join(columns.key)
            raise NotAllowed(f"{table} has a row with the same {key} already; change that one, or write another {key}") from None
        return self._shown(live, columns, row), 201

    def change_row(self, world: str, table: str, row: str) -> Body:
        live = self.context.get(world)
        columns, key = _columns(live, table), self._key(live, table, row)
        document = asked.row_document(live.contract, table)
        after = live.change_row(table, key, lambda before: _changed(live, columns, document, before))
        if after is None:
            raise _gone(table, row)
        return self._shown(live, columns, after)

    def delete_row(self, world: str, table: str, row: str) -> Body:
        live = self.context.get(world)
        _columns(live, table)
        if not live.delete_row(table, self._key(live, table, row)):
            raise _gone(table, row)

    def _key(self, live: LiveWorld, table: str, name: str) -> Key:
        """The key of the row with this name. Raises NotThere."""
        for key in live.state.table(table):
            if self._name(table, key) == name:
                return key
        raise _gone(table, name)

    def _name(self, table: str, key: Key) -> str:
        text = json.dumps([table, key], default=int).encode()
        return blake2b(text, digest_size=16, key=self.context.mock.row_key).hexdigest()

    def _shown(self, live: LiveWorld, columns: openapi.Columns, row: Row) -> dict[str, Any]:
        redaction = self.context.redaction({})
        redaction.learn(live.state)
        return self._row(columns, row, redaction)

    def _row(self, columns: openapi.Columns, row: Row, redaction: Redaction) -> dict[str, Any]:
        name = self._name(columns.table, columns.key_of(row))
        return {"id": name, "values": redaction.row(columns.table, columns.named(row))}


def _table(contract: openapi.Contract, columns: openapi.Columns, rows: int) -> dict[str, Any]:
    described = [
        {
            "name": name,
            "type": columns.types[name],
            "required": name in columns.required,
            "default": columns.defaults.get(name),
            "secret": (columns.table, name) in contract.secret_columns,
        }
        for name in columns.names
    ]
    return {"table": columns.table, "key": list(columns.key), "columns": described, "rows": rows}


def _columns(live: LiveWorld, table: str) -> openapi.Columns:
    tables = live.state.tables
    if table not in tables:
        raise NotThere(f"the contract has no table {table} ({openapi.nearest(table, tables)})")
    return tables[table]


def _changed(live: LiveWorld, columns: openapi.Columns, document: openapi.Document, before: Row) -> Row:
    """The row with the values of a document. Raises NotAllowed where they are not those of a row, or would change its key."""
    empty = asked.empty_columns(live.contract, columns.table)
    written = asked.without_nulls(document.data, empty)
    after = _read(live, replace(document, data=written), columns.table, before)
    for name in columns.key:
        position = columns.names.index(name)
        if after[position] != before[position]:
            raise NotAllowed(f"{columns.table}.{name} is part of the key, which stays; delete the row, and add another one")
    removed = document.data.keys() - written.keys()
    return tuple(None if name in removed else value for name, value in columns.named(after).items())


def _read(live: LiveWorld, document: openapi.Document, table: str, before: Row | None = None) -> Row:
    try:
        return openapi.read_row(document, live.contract, table, live.now(), before)
    except openapi.WorldError as error:
        # Without its place: the body is one row, and each problem names the column.
        raise NotAllowed("; ".join(f"{each.what} ({each.hint})" if each.hint else each.what for each in error.problems)) from None


def _gone(table: str, row: str) -> NotThere:
    return NotThere(f"{table} has no row {row[:64]}; it may have been deleted: read the rows again")

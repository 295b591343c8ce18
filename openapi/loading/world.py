"""Worlds: the rows that exist when a run begins, read from a file and checked against the tables of the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openapi.decision.contract import Contract
from openapi.document.document import Document, Node
from openapi.document.errors import ExecutionError, InvalidDocument, Problem, TableFull, WorldError, nearest
from openapi.document.reader import read_document
from openapi.parameters.parameter import Absence, read_credential
from openapi.schemas.validator import validator
from openapi.state.index import Row
from openapi.state.state import MOST_ROWS, Approximate, Columns, State

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_relative = re.compile(r"now(?:\s*([+-])\s*(\S+))?").fullmatch
_duration = re.compile(r"(\d{1,12})(ms|s|m|h|d)").fullmatch
_variable = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class World:
    """The state, the time and the seed at the beginning of a run."""

    name: str
    state: State
    now: int
    """The time at which the world begins, epoch ms."""
    frozen: bool
    """Whether its clock is stopped."""
    seed: int
    secrets: Mapping[str, str]
    """Values from the environment, each with the `${NAME}` that is printed instead."""


def demo_world() -> Path:
    """The built-in world file for the contract that `load` returns without a path."""
    return Path(__file__).parent.parent / "worlds" / "demo.yaml"


def load_world(path: str | Path, contract: Contract, now: int, environ: Mapping[str, str]) -> World:
    """Reads a world file. `now` is epoch ms; `environ` gives the values of `${NAME}`.

    Raises WorldError, whose `problems` are all problems of the file, each with file and line.
    """
    try:
        document = read_document(path)
    except InvalidDocument as error:
        raise WorldError(error.problems) from None
    return read_world(document, contract, now, environ)


def read_world(
    document: Document, contract: Contract, now: int, environ: Mapping[str, str] | None = None, most_rows: int = MOST_ROWS
) -> World:
    """Reads a world from a document. No table of it may ever hold more than `most_rows`.

    `now` is epoch ms. Without `environ`, as for a document from the network, `${NAME}` is an error. Raises WorldError.
    """
    try:
        return _Reader(contract, now, environ, most_rows).world(document.root, Path(document.file).stem)
    except InvalidDocument as error:
        raise WorldError(error.problems) from None


def read_row(document: Document, contract: Contract, table: str, now: int, before: Row | None = None) -> Row:
    """A row from a document that has its values by column or, with `before`, the new values of some columns of that row.

    The values are those of a world file that comes over the network: times may be relative to `now` (epoch ms), and `${NAME}`
    is an error. Raises WorldError; only the columns that the document has are checked, and those that a new row lacks.
    """
    reader, columns = _Reader(contract, now, None, MOST_ROWS), contract.tables[table]
    row = reader.row(document.root, columns, before)
    if row is None:
        raise WorldError(reader.problems)
    return row


def duration(text: str) -> int | None:
    """The milliseconds of `90s`, `500ms` or `7d`; None for a text that is not a duration."""
    match = _duration(text.strip())
    return int(match[1]) * UNITS[match[2]] if match else None


def instant(value: Any, now: int) -> int | None:
    """Epoch ms of a time, which may be epoch ms, `now + 7d` or 2030-01-31T12:00:00Z; None for a value that is not a time."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if (match := _relative(text)) is not None:
        distance = duration(match[2]) if match[1] else 0
        return None if distance is None else now + (-distance if match[1] == "-" else distance)
    try:
        return int(text) if text.lstrip("-").isdecimal() else int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


class _Reader:
    """Reads one world. Without an environment, as for a document from the network, `${NAME}` is an error."""

    def __init__(self, contract: Contract, now: int, environ: Mapping[str, str] | None, most_rows: int) -> None:
        self.contract, self.now, self.environ, self.most_rows = contract, now, environ, most_rows
        self.secrets: dict[str, str] = {}
        self.problems: list[Problem] = []

    def world(self, root: Node, name: str) -> World:
        if not isinstance(root.value, dict):
            raise WorldError([root.problem("is not a world", f"write tables: {', '.join(self.contract.tables)}")])
        known = (*self.contract.tables, "clock", "seed")
        for each in root.children():
            if each.name not in known:
                self.problems.append(each.problem(f"unknown table {each.name}", nearest(each.name, known)))
        frozen = self._clock(root.get("clock"))
        seed = root.value.get("seed", 0)
        if not isinstance(seed, int):
            self.problems.append(root.child("seed").problem("seed is not an integer"))
        state = State.empty(self.contract.tables.values(), self.most_rows)
        for columns in self.contract.tables.values():
            for node in self._rows(root, columns):
                state = self._insert(state, columns, node)
        if self.problems:
            raise WorldError(self.problems)
        return World(name, state, self.now, frozen, seed, self.secrets)

    def _clock(self, node: Node | None) -> bool:
        """Reads `clock: {now: TIME, frozen: BOOLEAN}`."""
        if node is None:
            return False
        if not isinstance(node.value, dict) or set(node.value) - {"now", "frozen"}:
            self.problems.append(node.problem("the clock is invalid", "write {now: TIME, frozen: true}"))
            return False
        start = node.get("now")
        if start is not None:
            self.now = self._instant(start)
        return bool(node.value.get("frozen", False))

    def _instant(self, node: Node) -> int:
        found = instant(node.value, self.now)
        if found is None:
            self.problems.append(node.problem(f"{node.value!r} is not a time", "write epoch ms or 2030-01-31T12:00:00Z"))
        return self.now if found is None else found

    def _rows(self, root: Node, columns: Columns) -> Iterator[Node]:
        table = root.get(columns.table)
        if table is None or table.value is None:
            return
        if not isinstance(table.value, list):
            self.problems.append(table.problem(f"{columns.table} is not a list of rows"))
            return
        for node in table.children():
            if isinstance(node.value, dict):
                yield node
            else:
                self.problems.append(
                    node.problem(f"this is not a row of {columns.table}", f"write {{{', '.join(columns.names)}}}")
                )

    def _insert(self, state: State, columns: Columns, node: Node) -> State:
        row = self.row(node, columns)
        try:
            return state if row is None else state.insert(columns.table, row)
        except TableFull as error:
            self.problems.append(node.problem(str(error)))
            return state
        except ExecutionError:
            key = ", ".join(columns.key)
            self.problems.append(node.problem(f"another row of {columns.table} has the same {key}"))
            return state

    def row(self, node: Node, columns: Columns, before: Row | None = None) -> Row | None:
        """The row with these values, and with those of the row `before` in the other columns; None where there are problems."""
        count = len(self.problems)
        old = {} if before is None else columns.named(before)
        values = {each.name: self._value(each, columns) for each in node.children()}
        for name in sorted(columns.required - values.keys() - old.keys()):
            self.problems.append(node.problem(f"the row has no {name}", f"{columns.table} requires it"))
        if len(self.problems) > count:
            return None
        plain = {name: int(value) if isinstance(value, Approximate) else value for name, value in values.items()}
        for error in validator(columns.schema).iter_errors(plain):
            if not error.instance_path and before is not None:
                continue  # of columns that it does not have, which the row has already
            place = ".".join(map(str, (columns.table, *error.instance_path)))
            self.problems.append(node.at(tuple(error.instance_path)).problem(f"{place}: {self._redacted(error.message)}"))
        return columns.row({**old, **values}) if len(self.problems) == count else None

    def _value(self, node: Node, columns: Columns) -> Any:
        if node.name not in columns.names:
            self.problems.append(node.problem(f"{columns.table} has no column {node.name}", nearest(node.name, columns.names)))
            return None
        if not isinstance(node.value, str):
            return node.value
        text = _variable.sub(lambda match: self._environment(node, match), node.value)
        if (columns.table, node.name) in self.contract.secret_columns:
            return self._credential(text)
        if columns.types[node.name] != "integer":
            return text
        return self._time(node, text, columns)

    def _credential(self, text: str) -> str:
        """The credential without `Bearer `, which a world file may contain. Both spellings are secret."""
        bare = read_credential(text)
        if isinstance(bare, Absence):
            return text
        if text in self.secrets:
            self.secrets[bare] = self.secrets[text]
        return bare

    def _environment(self, node: Node, match: re.Match[str]) -> str:
        if self.environ is None:
            hint = "write the value itself, or use the world file that the server was started with"
            self.problems.append(node.problem(f"{match[0]} is not looked up for a world that comes over the network", hint))
            return ""
        value = self.environ.get(match[1])
        if not value:
            self.problems.append(node.problem(f"{match[0]} is not in the environment", f"export {match[1]}=…"))
            return ""
        self.secrets[value] = match[0]
        return value

    def _time(self, node: Node, text: str, columns: Columns) -> Any:
        """An integer column with a text: a time, or a `${NAME}` that contains digits."""
        found = instant(text, self.now)
        if found is None:
            what = f"{columns.table}.{node.name}: {node.value!r} is not a time"
            self.problems.append(node.problem(what, "write epoch ms, now, now + 7d or now - 90s"))
        return Approximate(found) if found is not None and text.strip().startswith("now") else found

    def _redacted(self, text: str) -> str:
        for value, name in self.secrets.items():
            text = text.replace(value, name)
        return text

"""Removes secrets from logs and the journal: the credentials of a request, and all values of secret columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import openapi

REDACTED = "[redacted]"
_telling = re.compile(r"token|secret|passw|authorization|cookie|api[-_]?key", re.IGNORECASE).search
_word = re.compile(r"[^\s'\"&=,;:/?#<>(){}\[\]|\\]+")


class Redaction:
    """The secrets of some states, for one use."""

    def __init__(self, contract: openapi.Contract, *, off: bool = False) -> None:
        self.contract, self.off = contract, off
        self._secrets: set[str] = set()
        self._seen: dict[str, set[Any]] = {table: set() for table, _ in contract.secret_columns}

    def learn(self, state: openapi.State) -> None:
        """Adds the secrets of a state."""
        for table, seen in self._seen.items():
            rows = state.since(table, seen) if table in state.tables else ()
            for column in (column for each, column in self.contract.secret_columns if each == table):
                position = state.tables[table].names.index(column)
                self._secrets.update(str(row[position]) for row in rows)

    def __call__(self, value: Any) -> Any:
        """The value without secrets, inside mappings and lists too."""
        if self.off or value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {name: self.named(name, each) for name, each in value.items()}
        if isinstance(value, str):
            return self.text(value)
        return [self(each) for each in value]

    def text(self, text: str) -> str:
        """The text with every secret redacted."""
        if self.off or not self._secrets:
            return text
        if text in self._secrets:
            return REDACTED
        return _word.sub(lambda match: REDACTED if match[0] in self._secrets else match[0], text)

    def named(self, name: str, value: Any) -> Any:
        """The value under a name; a name such as `token` is enough to redact it."""
        return REDACTED if value and not self.off and _telling(name) else self(value)

    def parameters(self, operation: openapi.Operation | None, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The raw values of an operation's parameters."""
        known = {each.name: each.credential for each in operation.parameters} if operation else {}
        return {name: self._parameter(known.get(name), name, value) for name, value in raw.items()}

    def pairs(self, operation: openapi.Operation | None, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
        """Names and values of a query or a form."""
        known = {each.wire_name: each.credential for each in operation.parameters} if operation else {}
        return [[name, self._parameter(known.get(name), name, value)] for name, value in pairs]

    def row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row by column name."""
        secret = {column for each, column in self.contract.secret_columns if each == table}
        return {name: REDACTED if name in secret and not self.off else self(value) for name, value in row.items()}

    def _parameter(self, credential: bool | None, name: str, value: Any) -> Any:
        if self.off:
            return value
        if credential is None:  # not of the contract, so only its name can tell
            return self.named(name, value)
        return REDACTED if credential else self(value)

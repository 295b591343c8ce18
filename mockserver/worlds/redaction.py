"""Removes secrets from logs and the journal: the credentials of a request, and all values of secret columns.

A secret is found wherever it stands in a text, in its percent-encoded spelling too; a very short one only as a whole word, or
else most of a text would be redacted. A world may have 100,000 secrets, so a text is searched once for all: each place is looked
up in a set of beginnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import openapi

REDACTED = "[redacted]"
SHORTEST = 6
"""Characters of a secret from which it is found inside a word, too."""
_word = re.compile(r"[^\s'\"&=,;:/?#<>(){}\[\]|\\]+")
_written = re.compile(
    r"%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}|.",
    re.IGNORECASE | re.DOTALL,
).findall
"""The characters of a text, those that are percent-encoded as they are written."""


class Redaction:
    """The secrets of some states, for one use."""

    def __init__(self, contract: openapi.Contract, *, off: bool = False) -> None:
        self.contract, self.off = contract, off
        self._secrets: set[str] = set()
        self._beginnings: set[str] = set()
        self._lengths: set[int] = set()
        """Of the secrets that are not very short."""
        self._shown: dict[str, str] = {}
        """Texts that were redacted before: those of many entries are the same."""
        self._seen: dict[str, set[Any]] = {table: set() for table, _ in contract.secret_columns}

    def learn(self, state: openapi.State) -> None:
        """Adds the secrets of a state."""
        for table, seen in self._seen.items():
            rows = state.since(table, seen) if table in state.tables else ()
            for column in (column for each, column in self.contract.secret_columns if each == table):
                position = state.tables[table].names.index(column)
                self._add({_comparable(str(row[position])) for row in rows if row[position] is not None})

    def learn_texts(self, texts: Iterable[str]) -> None:
        """Adds these secrets."""
        self._add({_comparable(each) for each in texts})

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
        if (shown := self._shown.get(text)) is None:
            shown = self._shown[text] = self._redacted(text)
        return shown

    def named(self, name: str, value: Any) -> Any:
        """The value under a name; a name such as `token` is enough to redact it."""
        return REDACTED if value and not self.off and openapi.tells_secret(name) else self(value)

    def parameters(self, operation: openapi.Operation | None, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The raw values of an operation's parameters."""
        known = {each.name: each.secret for each in operation.parameters if not each.inside} if operation else {}
        own = {name: value for name, value in raw.items() if operation is None or name in known}
        return {name: self._parameter(known.get(name), name, value) for name, value in own.items()}

    def pairs(self, operation: openapi.Operation | None, pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
        """Names and values of a query or a form."""
        known = {each.wire_name: each.secret for each in operation.parameters} if operation else {}
        return [[name, self._parameter(known.get(name), name, value)] for name, value in pairs]

    def row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row by column name."""
        secret = {column for each, column in self.contract.secret_columns if each == table}
        return {name: REDACTED if name in secret and not self.off else self(value) for name, value in row.items()}

    def _add(self, secrets: set[str]) -> None:
        secrets -= self._secrets
        if not secrets:
            return
        self._secrets |= secrets
        self._beginnings.update(each[:SHORTEST] for each in secrets if len(each) >= SHORTEST)
        self._lengths.update(map(len, secrets))
        self._shown.clear()

    def _redacted(self, text: str) -> str:
        if _comparable(text) in self._secrets:
            return REDACTED
        text = self._covered(text, text)
        if "%" in text:
            characters = _written(text)
            text = self._covered("".join(unquote(each)[0] for each in characters), characters)
        return _word.sub(lambda match: REDACTED if _comparable(match[0]) in self._secrets else match[0], text)

    def _covered(self, text: str, written: Sequence[str]) -> str:
        """The text without the secrets inside it; `written` has each of its characters as it is written."""
        parts, done = [], 0
        for start, end in self._found(_comparable(text)):
            if start >= done:
                parts += [*written[done:start], REDACTED]
            done = max(done, end)
        return "".join([*parts, *written[done:]])

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets begin and end, in the order of their beginnings; they may overlap."""
        beginnings, secrets = self._beginnings, self._secrets
        for start in range(len(text) - SHORTEST + 1):
            if text[start : start + SHORTEST] in beginnings:
                found = [each for length in self._lengths if (each := text[start : start + length]) in secrets]
                if found:
                    yield start, start + max(map(len, found))

    def _parameter(self, secret: bool | None, name: str, value: Any) -> Any:
        if self.off:
            return value
        if secret is None:  # not of the contract, so only its name can tell
            return self.named(name, value)
        return REDACTED if secret else self(value)


def _comparable(text: str) -> str:
    """A text with blanks for `+`: in a query and in a form both stand for the same."""
    return text.replace("+", " ")

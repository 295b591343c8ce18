"""World files from a template, in which `{n}` stands for the number of the copy; `{n:04}` has at least four digits.

Nothing else of the text is replaced. `${NAME}` stays, and so does `${n}`; `${TOKEN_{n}}` becomes `${TOKEN_1}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openapi

MOST_COPIES = 10_000
"""The most copies of a template."""
_number = re.compile(r"(?<!\$)\{n(?::0(\d))?\}")
_START, _END = "\ue000", "\ue001"
"""Around the number of digits, in the place of a `{n}`: characters that no template has."""
_marked = re.compile(f"{_START}(\\d){_END}")


def fill(text: str, number: int) -> str:
    """The text of a copy."""
    return _number.sub(lambda match: str(number).zfill(int(match[1] or 0)), text)


def varies(text: str) -> bool:
    """Whether each copy of a text is another one."""
    return _number.search(text) is not None


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a row of a template."""

    value: Any
    """As it is written; each `{n}` of a text is marked."""

    @property
    def varies(self) -> bool:
        """Whether each copy has another value."""
        return isinstance(self.value, str) and _marked.search(self.value) is not None

    def of(self, number: int) -> str:
        """The text of the value in a copy."""
        return _marked.sub(lambda match: str(number).zfill(int(match[1])), str(self.value))


@dataclass(frozen=True, slots=True, eq=False)
class TemplateRow:
    """A row of a template."""

    table: str
    node: openapi.Node
    """Where it is written."""
    cells: dict[str, Cell]
    """By column."""

    @property
    def varies(self) -> bool:
        """Whether each copy has another row."""
        return any(each.varies for each in self.cells.values())


class Template:
    """The text of a world file with `{n}` in it."""

    def __init__(self, path: Path) -> None:
        """Reads a file. Raises InvalidDocument."""
        self.file = str(path)
        try:
            self.text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._invalid(f"cannot be read: {getattr(error, 'strerror', None) or 'it is not text in UTF-8'}") from None
        if _START in self.text or _END in self.text:
            raise self._invalid("has the characters U+E000 or U+E001, which a template may not have")

    def copy(self, number: int) -> str:
        """The text of a copy."""
        return fill(self.text, number)

    def rows(self, contract: openapi.Contract) -> Iterator[TemplateRow]:
        """The rows of the template. Raises InvalidDocument."""
        marked = _number.sub(lambda match: f"{_START}{match[1] or 0}{_END}", self.text)
        root = openapi.parse_document(marked, self.file).root
        for table in contract.tables:
            for node in root.sequence(table):
                yield TemplateRow(table, node, {name: Cell(value) for name, value in node.value.items()})

    def problems(self, contract: openapi.Contract, numbers: set[int], now: int) -> list[openapi.Problem]:
        """The problems of the copies with these numbers as worlds. `now` is epoch ms.

        What `${NAME}` will be is not known, so lines that have it are not judged.
        """
        found: set[openapi.Problem] = set()
        lines = self.text.splitlines()
        for number in numbers:
            try:
                openapi.read_world(openapi.parse_document(self.copy(number), self.file), contract, now, {})
            except openapi.InvalidDocument as error:
                found.update(error.problems)
        return sorted(each for each in found if not 0 < each.line <= len(lines) or "${" not in lines[each.line - 1])

    def _invalid(self, what: str) -> openapi.InvalidDocument:
        return openapi.InvalidDocument([openapi.Problem(self.file, 1, what)])

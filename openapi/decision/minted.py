"""Minted values in a reply: alone, or with constant text around them, such as `'Bearer ' + token`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from openapi.expression.expression import Expression

_TEXT = r"'([^'\\\n]*)'"
_around = re.compile(rf"(?:{_TEXT}\s*\+\s*)?([A-Za-z_]\w*)(?:\s*\+\s*{_TEXT})?").fullmatch


@dataclass(frozen=True, slots=True)
class Shown:
    """A minted value by its name, and the text before and after it."""

    name: str
    before: str
    after: str

    def is_in(self, actual: Any) -> bool:
        """Whether what a reply has may contain a value, with the text around it."""
        if not (self.before or self.after):
            return True
        longer = isinstance(actual, str) and len(actual) > len(self.before) + len(self.after)
        return longer and actual.startswith(self.before) and actual.endswith(self.after)

    def value(self, actual: Any) -> Any:
        """The value in what a reply has."""
        return actual[len(self.before) : len(actual) - len(self.after)] if self.before or self.after else actual

    def __str__(self) -> str:
        return f"{self.before}({self.name}){self.after}"


def shown_value(expression: Expression, minted: Collection[str]) -> Shown | None:
    """The minted value that the reply shows where it has this expression; None where there is none, or more text is unknown."""
    found = _around(expression.source.strip())
    return Shown(found[2], found[1] or "", found[3] or "") if found is not None and found[2] in minted else None

"""Errors in documents, as records with file, line, problem and hint that print as a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands, what it is, and what would be right."""

    file: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {self.what}{hint}"


class InvalidDocument(ValueError):
    """A document that cannot be used; `problems` holds everything that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class ContractError(InvalidDocument):
    """A contract that cannot be executed."""


class WorldError(InvalidDocument):
    """A world that does not fit its contract."""


class ExecutionError(RuntimeError):
    """A rule or an effect that cannot be carried out on this request, such as an insert under a key that exists.

    It names the line of the contract; nothing was changed.
    """


class TableFull(ExecutionError):
    """An insert into a table that already has as many rows as its state allows."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name: the nearest known one, else the list of them."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"

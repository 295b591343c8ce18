"""Errors in documents, as records with file, line, problem and hint that print as a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

PACKAGES = Path(__file__).parents[2]
"""The folder of this package."""


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """One problem of a document: its place, what is wrong, and a hint how to correct it."""

    file: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {self.what}{hint}"


class InvalidDocument(ValueError):
    """An invalid document; `problems` holds all its problems, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class ContractError(InvalidDocument):
    """An invalid contract."""


class WorldError(InvalidDocument):
    """A world that is invalid for its contract."""


class ExecutionError(RuntimeError):
    """A rule or an effect that fails for a request, such as an insert under a key that exists.

    The state is unchanged. The message of a failed rule names its line in the contract.
    """


class TableFull(ExecutionError):
    """An insert into a table that already has the most rows that its state allows."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name: the most similar known name, or else all known names."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "no name is defined here"


def first_line(error: Exception) -> str:
    """The beginning of a message that may be long."""
    return str(error).partition("\n")[0][:200]


@cache
def short_name(file: str) -> str:
    """A file for reports: relative to the working directory, or to the folder of this package, if it is below one of them."""
    path = Path(file)
    bases = (base for base in (Path.cwd(), PACKAGES) if path.is_relative_to(base))
    return next((str(path.relative_to(base)) for base in bases), file)

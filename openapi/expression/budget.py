"""The budget of a CEL program: a bound of its work, known from its text.

CEL cannot be interrupted, and its macros visit every element of a list. One in another takes the square of the length of the
lists, and `map` and `filter` take the square alone, because CEL copies the list that they build at each step. The bound is
written as n^d: n is the size of everything that the program uses, its own text included, and d the degree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from openapi.expression.cel import compile_program

MOST_STEPS = 1_000_000
"""That an evaluation may take, less than a second."""
MOST_ROWS = 100_000
"""That a table has by default."""
MOST_PARTS, LONGEST_TEXT = 100_000, 1_600_000
"""Of a value that an expression builds, so that lets that double one another end."""
LARGEST_PATTERN = 4096
"""Characters of a regular expression that is written out without counts such as `{3}`."""
MACROS = ("all", "exists", "exists_one", "existsOne", "filter", "map")
RIGHT = "use one `all` or `exists`, without `matches` in it; choose rows by the `where` and `if` of a let; for texts, write `in`"

_QUOTED = r"""'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_RAW = r"""'''.*?'''|\"\"\".*?\"\"\"|'[^']*'|"[^"]*\""""
_token = re.compile(rf"(?s:(?P<text>[bB]?[rR](?:{_RAW})|[bB]?(?:{_QUOTED}))|//[^\n]*|(?P<word>\w+)|(?P<sign>[^\w\s]))")
_escape = re.compile(r"(?s)\\(?:[pPxuU]\{[^}]*\}|.)")
_count = re.compile(r"(?<=([)}?*+\s]))?\{(\d*),?(\d*)\}")


class _Work(NamedTuple):
    """Exponents: of the size of a value, and of the steps that it takes."""

    size: int
    steps: int


_NONE = _Work(0, 0)


def tokens(text: str) -> list[str]:
    """The tokens of a CEL program, without its comments."""
    return [match[0] for match in _token.finditer(text) if match.lastgroup]


def degree(code: Sequence[str]) -> int:
    """The exponent d of the bound; 0 for a program without macros."""
    return _Reader(code).group().steps


class _Reader:
    """Reads tokens up to the end of a group, the inner groups by recursion: CEL compiles no deeper ones than Python reads."""

    def __init__(self, code: Sequence[str], in_macro: bool = False) -> None:
        self.code, self.at, self.in_macro = code, 0, in_macro

    def group(self) -> _Work:
        """The greatest work of the operands of a group."""
        highest = operand = _NONE
        while self.at < len(self.code):
            token = self.code[self.at]
            self.at += 1
            if token in (")", "]", "}"):
                break
            if token in ("(", "[", "{"):
                operand = self._called(operand) if token == "(" else _most(operand, self.group())
            elif token != "." and not _is_operand(token):  # an operator or a comma
                highest, operand = _most(highest, operand), _NONE
        return _most(highest, operand)

    def _called(self, on: _Work) -> _Work:
        """The work of a call on an operand, whose arguments follow."""
        dot, name = self.code[self.at - 3 : self.at - 1] if self.at > 2 else ("", "")
        macro = name if dot == "." and name in MACROS else ""
        start, outer = self.at, self.in_macro
        self.in_macro = outer or bool(macro)
        inner = self.group()
        self.in_macro = outer
        if not macro:  # `matches` compiles its pattern each time
            compiled = _Work(0, 2 if outer and name == "matches" else 0)
            return _most(_most(on, inner), compiled)
        size = max(on.size, 1)
        visits = size + inner.steps
        if macro not in ("filter", "map"):
            return _Work(0, max(on.steps, visits))
        grown = macro == "map" and not {"+", "[", "{"}.isdisjoint(self.code[start : self.at])
        return _Work(size + inner.size + grown, max(on.steps, visits, 2 * size, size + inner.size + grown))


def _is_operand(token: str) -> bool:
    return token[-1].isalnum() or token[-1] in "_'\""


def _most(one: _Work, other: _Work) -> _Work:
    return _Work(max(one.size, other.size), max(one.steps, other.steps))


def words(code: Iterable[str]) -> int:
    """How many names and constants a program has."""
    return sum(map(_is_operand, code))


def parts(value: Any) -> int:
    """How many values are in a value, itself included; a long text counts as several, because it is copied."""
    if isinstance(value, str):
        return 1 + len(value) // (LONGEST_TEXT // MOST_PARTS)
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(parts, value.values()))
    return 1 + sum(map(parts, value)) if isinstance(value, (list, tuple)) else 1


def check_value(value: Any) -> Any:
    """The value. Raises ValueError for one that is too large."""
    if isinstance(value, (str, list, dict)) and parts(value) > MOST_PARTS:
        raise ValueError(f"the value is larger than {MOST_PARTS} parts or {LONGEST_TEXT} characters")
    return value


def unsafe_pattern(code: Sequence[str]) -> str | None:
    """What is wrong with a regular expression of `matches`, if something is: it can take m * n steps, and m is its size."""
    for at, token in enumerate(code[:-1]):
        if token != "matches" or code[at + 1] != "(":
            continue
        literal, end = (*code[at + 2 : at + 4], "", "")[:2]
        if literal[-1:] not in ("'", '"') or end != ")":
            return "matches() wants its regular expression as one text, written in the contract"
        if _written_out(str(compile_program(literal).execute({}))) > LARGEST_PATTERN:
            return f"the counts of the regular expression make it longer than {LARGEST_PATTERN} characters; use lower counts"
    return None


def _written_out(pattern: str) -> int:
    """The length of a regular expression without counts, or more: a count after a group or a count repeats everything."""
    length, times = len(pattern), 1
    for before, low, high in _count.findall(_escape.sub("c", pattern)):
        count = max(int(low or 0), int(high or 0), 1)
        length, times = (length, times * count) if before else (length + count, times)
    return length * times

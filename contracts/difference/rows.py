"""The rows of the decision tables of one operation: which correspond, and how each of them reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

import openapi
from contracts.difference.answers import code_of
from contracts.difference.side import Side

MOST_COMPARED = 400
"""Pairs of rows whose conditions are compared for likeness; of more, the rows correspond in their order."""
_tokens = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\s+""")
_word = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.])[A-Za-z_]\w*""")


def normal(text: str) -> str:
    """An expression without white space that says nothing."""
    spaced = _tokens.sub(lambda match: match[1] or " ", text).strip()
    return re.sub(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\s*([<>=!]=|&&|\|\||[-+*/%<>?:(),!])\s*""", _tight, spaced)


def _tight(match: re.Match[str]) -> str:
    return match[1] or match[2]


def with_names(text: str, renamed: Mapping[str, str]) -> str:
    """An expression of OLD with the names that NEW has."""
    return _word.sub(lambda match: match[1] or renamed.get(match[0], match[0]), text) if renamed else text


@dataclass(frozen=True, eq=False)
class Row:
    """A row with its node. The names in it are those of NEW."""

    rule: openapi.Rule
    node: openapi.Node
    renamed: Mapping[str, str]

    @cached_property
    def names(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """The names that have to be missing, malformed or unreadable."""
        rule = self.rule
        one, two, three = (
            frozenset(self.renamed.get(each, each) for each in names) for names in (rule.missing, rule.malformed, rule.unreadable)
        )
        return one, two, three

    @cached_property
    def when(self) -> str:
        """Its expression, normalised; empty without one."""
        return normal(with_names(str(self.rule.when), self.renamed)) if self.rule.when else ""

    @property
    def condition(self) -> tuple[Any, ...]:
        """Equal for equal conditions."""
        return *self.names, self.when

    @property
    def code(self) -> str:
        """Its code, with the HTTP status where that is not 200."""
        return code_of(self.rule)

    @property
    def excludes_others(self) -> bool:
        """Whether a server that is right cannot succeed where it holds."""
        return self.rule.kind == "documented"

    def part(self, key: str) -> Any:
        """What it has under a key, with its expressions normalised; None where it has none."""
        return self._normal(self.node.value.get(key))

    def _normal(self, value: Any) -> Any:
        if isinstance(value, str):
            return normal(with_names(value, self.renamed))
        if isinstance(value, dict):
            return {key: self._normal(each) for key, each in value.items()}
        return [self._normal(each) for each in value] if isinstance(value, list) else value

    def __str__(self) -> str:
        return f"{self.code} ({self.rule.condition})"


def rows_of(side: Side, operation: openapi.Operation, renamed: Mapping[str, str]) -> tuple[Row, ...]:
    """The rows of an operation with a decision table, in its order: those of the document, then its own."""
    return tuple(Row(rule, side.root.at(rule.pointer), renamed) for rule in operation.rules)


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Which refusing rows correspond."""

    pairs: tuple[tuple[Row, Row], ...]
    """In the order of NEW."""
    removed: tuple[Row, ...]
    added: tuple[Row, ...]


def matched(old: Sequence[Row], new: Sequence[Row]) -> Matching:
    """Pairs rows of the same code and condition; then those of one condition; then those of one code that are most alike."""
    before, after, pairs = list(old), list(new), list[tuple[Row, Row]]()
    keys: tuple[Callable[[Row], Any], ...] = (
        lambda each: (each.code, each.condition, each.rule.kind),
        lambda each: (each.code, each.condition),
        lambda each: (each.condition, each.rule.kind),
    )
    for key in keys:
        waiting: dict[Any, list[Row]] = {}
        for two in after:
            waiting.setdefault(key(two), []).append(two)
        for one in list(before):
            if found := waiting.get(key(one)):
                _take(pairs, before, after, one, found.pop(0))
    codes = dict.fromkeys(each.code for each in before)
    for code in codes:
        for one, two in _alike([each for each in before if each.code == code], [each for each in after if each.code == code]):
            _take(pairs, before, after, one, two)
    pairs.sort(key=lambda pair: pair[1].rule.number)
    return Matching(tuple(pairs), tuple(before), tuple(after))


def _take(pairs: list[tuple[Row, Row]], before: list[Row], after: list[Row], one: Row, two: Row) -> None:
    pairs.append((one, two))
    before.remove(one)
    after.remove(two)


def _alike(before: Sequence[Row], after: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    if len(before) * len(after) > MOST_COMPARED:
        yield from zip(before, after, strict=False)
        return
    scores = [
        (-SequenceMatcher(None, one.rule.condition, two.rule.condition).ratio(), one.rule.number, two.rule.number, one, two)
        for one in before
        for two in after
    ]
    used: set[int] = set()
    for _, _, _, one, two in sorted(scores, key=lambda each: each[:3]):
        if not used & {id(one), id(two)}:
            used |= {id(one), id(two)}
            yield one, two

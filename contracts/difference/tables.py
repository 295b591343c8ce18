"""The decision tables of one operation.

Who breaks follows from the answers that are permitted to a request. A server breaks if it may answer what is no longer
permitted. A client breaks if it may get a refusal that was not permitted to this request; a success never breaks it. Where
the contracts are compared in a world, requests that fall under a changed row decide; else the row alone does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import openapi
from contracts.difference import results, row_order
from contracts.difference.answers import Answers
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Breaks, Change, Move, Place, place
from contracts.difference.lets import changed_lets
from contracts.difference.rows import Row, matched
from contracts.difference.values import changed_values


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Compares the rows of one operation."""

    old: tuple[Row, ...]
    new: tuple[Row, ...]
    operations: tuple[openapi.Operation, openapi.Operation]
    answers: Answers

    def changes(self) -> Iterator[Change]:
        """All changes of the decision table."""
        yield from self._lets()
        matching = matched(self.old[:-1], self.new[:-1])
        old_codes, new_codes = ({each.code for each in rows} for rows in (self.old, self.new))
        for one in matching.removed:
            what = f"the row {one} is gone" + ("" if one.code in new_codes else f"; nothing gives {one.code} any more")
            yield self._judged(OF_SERVERS, place(one.node, True), what, one, None)
        for two in matching.added:
            novelty = "" if two.code in old_codes else f"; {two.code} is a new code"
            kind = "" if two.rule.kind == "documented" else f" ({two.rule.kind})"
            yield self._judged(_wider(two), place(two.node), f"there is a new row {two}{kind}{novelty}", None, two)
        for one, two in matching.pairs:
            yield from self._row(one, two)
            yield from self._values(one, two)
            yield from results.changes(one, two)
        yield from row_order.changes(matching.pairs, self.answers)
        yield from self._success(self.old[-1], self.new[-1])

    def _success(self, one: Row, two: Row) -> Iterator[Change]:
        if one.code != two.code:
            yield Change(BOTH, place(two.node), f"the success is {two.code}, and was {one.code}")
        yield from results.changes(one, two)

    def _row(self, one: Row, two: Row) -> Iterator[Change]:
        if one.condition != two.condition:
            what = f"the condition of {two.code} is {two.rule.condition}, and was {one.rule.condition}"
            yield self._judged(_by_condition(one, two), place(two.node), what, one, two)
        if one.code != two.code:
            what = f"the code is {two.code}, and was {one.code}: {two.rule.condition}"
            yield self._judged(BOTH, place(two.node), what, one, two, either=True)
        if one.rule.kind != two.rule.kind:
            what = f"the row {two} is {two.rule.kind}, and was {one.rule.kind}"
            breaks = OF_SERVERS if two.excludes_others else NOBODY
            yield self._judged(breaks, place(two.node), what, one, two, either=True)

    def _values(self, one: Row, two: Row) -> Iterator[Change]:
        """A row for malformed values that reads as before, and holds for others, because the schema of a parameter changed."""
        if one.condition != two.condition:
            return
        for name in sorted(two.names[1] | two.names[2]):
            move = changed_values(self.operations, name, one.renamed)
            if move is not Move.SAME:
                word = {Move.NARROWER: "more", Move.WIDER: "fewer", Move.OTHER: "other"}[move]
                what = f"the row {two} holds for {word} values of {name}"
                breaks = {Move.NARROWER: _wider(two), Move.WIDER: OF_SERVERS, Move.OTHER: BOTH}[move]
                yield self._judged(breaks, place(two.node), what, one, two)

    def _judged(self, breaks: Breaks, at: Place, what: str, one: Row | None, two: Row | None, either: bool = False) -> Change:
        """The change of a row, judged by the requests that fall under it in one contract only, or in either of them.

        `breaks` is for a change that no request shows, and where the world is only an empty one.
        """
        before = self.answers.under(one.rule.number if one else None, False)
        after = self.answers.under(two.rule.number if two else None, True)
        cases = self.answers.at(before | after if either else before ^ after)
        example = self.answers.example(each for each in cases if each.breaks) or self.answers.example(cases)
        if self.answers.worlds.given and cases:
            breaks = NOBODY.union(*(each.breaks for each in cases))
            if example is None:
                what += f"; the {len(cases):,} requests that fall under it are answered as before"
        return Change(breaks, at, what, example=example)

    def _lets(self) -> Iterator[Change]:
        for name, at, what, rows in changed_lets(self.operations, self.old, self.new):
            cases = self.answers.at({each for row in rows for each in self.answers.under(row.rule.number, True)})
            example = self.answers.example(cases)
            yield Change(BOTH, at, f"the let {name} is {what}", example=example)


def _by_condition(one: Row, two: Row) -> Breaks:
    """Who breaks by a changed condition, as far as its names tell.

    A row that holds for more requests is like a new row for them, one that holds for fewer like one that is gone.
    """
    if one.when != two.when and one.when and two.when:
        return BOTH
    more = [bool(a) and bool(b) and a < b for a, b in zip(one.names, two.names, strict=True)]
    less = [bool(a) and bool(b) and b < a for a, b in zip(one.names, two.names, strict=True)]
    # A part of a condition that is new makes the row hold for fewer requests.
    parts = list(zip((*one.names, one.when), (*two.names, two.when), strict=True))
    more += [bool(a) and not b for a, b in parts]
    less += [bool(b) and not a for a, b in parts]
    other = [bool(a) and bool(b) and not (a <= b or b <= a) for a, b in zip(one.names, two.names, strict=True)]
    if any(other) or any(more) == any(less):
        return BOTH
    return _wider(two) if any(more) else OF_SERVERS


def _wider(row: Row) -> Breaks:
    """Who breaks by a row that holds for more requests: a server only if it has to refuse them."""
    return BOTH if row.excludes_others else OF_CLIENTS

"""Compares a page of rows in a reply with the pages that a contract permits: in its order, ties as the server likes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from openapi.decision.each import Each
from openapi.decision.order import Paging
from openapi.parameters.parameter import Absence
from openapi.state.index import Row

MOST_STEPS = 2000
"""Of a search for the rows that items show; beyond it nobody is accused."""
MOST_COMPARED = 200_000
"""Pairs of a row and an item that are compared; of longer lists only the number of items is."""


class _Match(Protocol):
    minted: dict[str, Any]
    differences: list[str]


class _Unclear(Exception):
    """There are too many ways to understand a list."""


def match_page(
    each: Each,
    match: Callable[[Any, Any, Any, str], None],
    render: Callable[[Any], Any],
    scope: Any,
    actual: list[Any],
    found: _Match,
    pointer: str,
) -> None:
    """Adds to `found` how a list differs from every page of `each` that the contract permits.

    `match` and `render` are those of the template of an item.
    """
    paging: Paging = each.source.paging
    every = paging.found(scope)
    rows: Sequence[Row] = () if isinstance(every, Absence) else paging.in_order(scope, every)
    start, end = paging.bounds(scope, len(rows))
    if len(actual) != end - start:
        found.differences.append(f"{pointer} has {len(actual)} items, not {end - start}")
        return
    if len(actual) * len(rows) > MOST_COMPARED:
        return
    shown, nearest = _shown(each, match, type(found), scope, rows, actual, pointer)
    for position, candidates in enumerate(shown):
        if not candidates:
            row = rows[start + position]
            expected = next(_short(render(one)) for one in each.scopes(scope, [row]))
            found.differences.append(
                "; ".join((f"{pointer}/{position} is no row of the list, such as {expected}", *nearest[position]))
            )
    if found.differences:
        return
    page = _Page(rows, start, end, paging.before(scope), shown)
    try:
        if not page.fits():
            found.differences.append(page.complaint(pointer, actual, paging.text))
    except _Unclear:
        return


def _shown(
    each: Each, match: Any, matches: Any, scope: Any, rows: Sequence[Row], actual: list[Any], pointer: str
) -> tuple[list[list[int]], list[list[str]]]:
    """For each item the positions of the rows that it may show, and how it differs from the row that it is most like."""
    shown: list[list[int]] = [[] for _ in actual]
    nearest: list[list[str] | None] = [None for _ in actual]
    for number, one in enumerate(each.scopes(scope, rows)):
        for position, item in enumerate(actual):
            result = matches()
            match(one, item, result, f"{pointer}/{position}")
            known = nearest[position]
            if not result.differences:
                shown[position].append(number)
            elif known is None or len(result.differences) < len(known):
                nearest[position] = result.differences
    return shown, [known or [] for known in nearest]


class _Page:
    """Looks for rows that the items show and that are a page of some order."""

    def __init__(
        self, rows: Sequence[Row], start: int, end: int, before: Callable[[Row, Row], bool], shown: list[list[int]]
    ) -> None:
        self.rows, self.start, self.end, self.before = rows, start, end, before
        # The mock's place first: a server without ties has the row there.
        self.shown = [sorted(each, key=partial(_distance, start + at)) for at, each in enumerate(shown)]
        self.steps = 0

    def fits(self) -> bool:
        """Whether there are such rows. Raises _Unclear."""
        return self._continued([])

    def _continued(self, chosen: list[int]) -> bool:
        """Whether such rows exist that begin with the chosen ones."""
        if len(chosen) == len(self.shown):
            return not self._misplaced(chosen)
        for row in self.shown[len(chosen)]:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise _Unclear
            if row in chosen or any(self.before(self.rows[row], self.rows[each]) for each in chosen):
                continue
            if self._continued([*chosen, row]):
                return True
        return False

    def _misplaced(self, chosen: list[int]) -> str:
        """Why the chosen rows are on another page in every order; empty if they are on this one in some order.

        Before them come the rows that every server has before one of them, and after them those that follow one of them.
        """
        page = {*chosen}
        others = [row for number, row in enumerate(self.rows) if number not in page]
        rows = [self.rows[number] for number in chosen]
        earlier = [any(self.before(other, row) for row in rows) for other in others]
        later = [any(self.before(row, other) for row in rows) for other in others]
        if any(one and two for one, two in zip(earlier, later, strict=True)):
            return "a row between them is missing"
        if sum(earlier) > self.start:
            return f"{sum(earlier)} rows come before them, and not {self.start}"
        if sum(later) > len(self.rows) - self.end:
            return f"{sum(later)} rows come after them, and not {len(self.rows) - self.end}"
        return ""

    def complaint(self, pointer: str, actual: list[Any], text: str) -> str:
        """What is wrong with items that are rows, but not those of this page in this order."""
        first = [each[0] for each in self.shown]
        for later, row in enumerate(first):
            for earlier in range(later):
                if row != first[earlier] and self.before(self.rows[row], self.rows[first[earlier]]):
                    return f"{pointer}/{later} is {_short(actual[later])}, which comes before {pointer}/{earlier} ({text})"
        if len({*first}) < len(first):
            return f"{pointer} has a row twice ({text})"
        return f"{pointer} is another page: {self._misplaced(first) or 'no order has these rows here'} ({text})"


def _distance(place: int, row: int) -> int:
    return abs(row - place)


def _short(value: Any) -> str:
    """A value for a sentence, as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}…"

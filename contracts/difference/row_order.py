"""Rows that changed their order: it matters only where a request falls under both, and they give different codes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from contracts.difference.answers import Answers
from contracts.difference.change import NOBODY, OF_CLIENTS, Change, place
from contracts.difference.rows import Row

MOST_SHOWN = 3
Rows = tuple[Row, Row]
"""A row as OLD has it and as NEW has it."""


def changes(pairs: Sequence[Rows], answers: Answers) -> Iterator[Change]:
    """A change for each row that moved. The order of what a server *may* answer says nothing, so permitted rows do not count."""
    counted = [pair for pair in pairs if "permitted" not in (pair[0].rule.kind, pair[1].rule.kind)]
    before = [one.rule.number for one, _ in counted]
    kept = _longest_increasing(before)
    for at, pair in enumerate(counted):
        if at not in kept:
            passed = [
                other
                for where, other in enumerate(counted)
                if (where < at) != (before[where] < before[at]) and (where in kept or where > at)
            ]
            for rows in (
                [each for each in passed if _is_below(each, pair)],
                [each for each in passed if not _is_below(each, pair)],
            ):
                if rows:
                    yield _moved(pair, rows, answers)


def _is_below(one: Rows, two: Rows) -> bool:
    return one[1].rule.number > two[1].rule.number


def _moved(pair: Rows, passed: Sequence[Rows], answers: Answers) -> Change:
    here = pair[1]
    codes = [other for other in passed if other[1].code != here.code]
    cases = {id(other): answers.at(_both(answers, pair, other)) for other in codes}
    shown = [other for other in codes if cases[id(other)]]
    possible = [other for other in codes if other not in shown and not answers.worlds.given and not _excluded(pair, other)]
    where = f"the row {here} is checked {'before' if _is_below(passed[0], pair) else 'after'} {_some(passed)} now"
    if shown:
        example = answers.example(case for other in shown for case in cases[id(other)])
        which = f"a request that falls under it and {_some(shown)} is answered by another of them"
        return Change(OF_CLIENTS, place(here.node), f"{where}: {which}", example=example)
    if possible:
        which = f"a request may fall under it and {_some(possible)}, and is then answered by another of them"
        return Change(OF_CLIENTS, place(here.node), f"{where}: {which}")
    why = "no request falls under both" if codes else "they give the same code"
    if codes and not all(_excluded(pair, other) for other in codes):
        why = f"none of {len(answers.cases):,} requests falls under both"
    return Change(NOBODY, place(here.node), f"{where}; {why}")


def _both(answers: Answers, pair: Rows, other: Rows) -> set[int]:
    """The requests that fall under both rows, in both contracts."""
    sets = [answers.under(each[at].rule.number, bool(at)) for each in (pair, other) for at in (0, 1)]
    return set.intersection(*sets)


def _excluded(one: Rows, two: Rows) -> bool:
    """Whether no request can fall under both rows: what one needs to be missing, the other needs to be there."""
    return _needs_absence(one[1], two[1]) or _needs_absence(two[1], one[1])


def _needs_absence(one: Row, two: Row) -> bool:
    missing, malformed, unreadable = one.names
    well_formed = {each.name for each in two.rule.when.references} if two.rule.when else set()
    present = well_formed.union(*(names for names in two.names[1:] if len(names) == 1))
    return bool((missing and missing <= present) or any(names and names <= well_formed for names in (malformed, unreadable)))


def _some(rows: Sequence[Rows]) -> str:
    more = len(rows) - MOST_SHOWN
    return ", ".join(str(two) for _, two in rows[:MOST_SHOWN]) + (f" and {more} more rows" if more > 0 else "")


def _longest_increasing(numbers: Sequence[int]) -> set[int]:
    """The positions of the longest increasing part of a sequence: the rows that stay."""
    ends: list[int] = []  # the smallest last number of an increasing part of each length
    at: list[int] = []
    before: list[int] = []
    for position, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1], at[length : length + 1] = [number], [position]
    found, position = set[int](), at[-1] if at else -1
    while position >= 0:
        found.add(position)
        position = before[position]
    return found

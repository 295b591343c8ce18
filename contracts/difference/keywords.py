"""What changed in one keyword of a schema, such as `maximum`, and whether the set of values became narrower or wider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import openapi
from contracts.difference.change import BOTH, Breaks, Move
from contracts.difference.digest import value_key
from contracts.difference.facets import LOWER, UPPER, Facets, short

MOST_SHOWN = 5
_LENGTHS = {
    "minLength": (0, Move.NARROWER),
    "minItems": (0, Move.NARROWER),
    "minProperties": (0, Move.NARROWER),
    "maxLength": (float("inf"), Move.WIDER),
    "maxItems": (float("inf"), Move.WIDER),
    "maxProperties": (float("inf"), Move.WIDER),
}
"""For each limit its value where it is absent, and what a larger one does to the set."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One difference. `breaks` is set where the rule is not about the set of values."""

    move: Move
    node: openapi.Node
    gone: bool
    path: str
    """From the schema to the place, such as `/list/*/name`."""
    what: str
    breaks: Breaks | None = None
    exact: bool = False
    """Whether a comparison of the sets knows no better, because they do not differ in this, as in `format`."""


def changed_types(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    """Where a type is added and another one is gone, the move is OTHER, and the rest of the schemas is not comparable."""
    less, more = old.types - new.types, new.types - old.types
    if not (less or more):
        return
    node = new.node("type")
    if {"null"} in (less, more) and not (less and more):
        move, what = (Move.NARROWER, "is no longer null") if less else (Move.WIDER, "may be null now")
        yield Found(move, node, False, path, f"the value {what}")
        return
    move = Move.OTHER if less and more else Move.NARROWER if less else Move.WIDER
    yield Found(move, node, False, path, f"the type is {_words(new.types)}, and was {_words(old.types)}")


def _words(types: frozenset[str]) -> str:
    shown = types - {"integer"} if "number" in types else types
    return "any" if len(shown) >= 6 else " or ".join(sorted(shown)) or "none"


def _listed(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    before, after = old.listed, new.listed
    if before is None and after is None:
        return
    node = new.node("enum", "const")
    if before is None or after is None:
        move, what = (Move.NARROWER, "limited to") if before is None else (Move.WIDER, "no longer limited to")
        yield Found(move, node, False, path, f"the value is {what} {_some(list((after or before or {}).values()))}")
        return
    less = [value for key, value in before.items() if key not in after]
    more = [value for key, value in after.items() if key not in before]
    if less:
        yield Found(Move.NARROWER, node, False, path, f"no longer one of its values: {_some(less)}")
    if more:
        yield Found(Move.WIDER, node, False, path, f"new among its values: {_some(more)}")


def _some(values: list[Any]) -> str:
    more = len(values) - MOST_SHOWN
    return ", ".join(map(short, values[:MOST_SHOWN])) + (f" and {more:,} more" if more > 0 else "")


def _bounds(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    if not new.types & {"integer", "number"}:
        return
    for words, name, sign in ((LOWER, "lowest", 1), (UPPER, "highest", -1)):
        before, after = old.bound(words), new.bound(words)
        if before == after:
            continue
        stricter = before is None or (after is not None and (after[0] * sign, after[1]) > (before[0] * sign, before[1]))
        what = f"the {name} value is {_limit(after)}, and was {_limit(before)}"
        node = new.node(*words) if any(new.said(*words)) else new.node("format")
        yield Found(Move.NARROWER if stricter else Move.WIDER, node, False, path, what, exact=not any(new.said(*words)))


def _limit(bound: tuple[float, bool] | None) -> str:
    if bound is None:
        return "unlimited"
    return f"{'beyond ' if bound[1] else ''}{short(bound[0])}"


def _lengths(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    for word, (absent, larger) in _LENGTHS.items():
        choose = max if larger is Move.NARROWER else min
        before, after = (
            choose([each for each in one.values(word) if isinstance(each, (int, float))], default=absent) for one in (old, new)
        )
        if before != after:
            smaller = Move.WIDER if larger is Move.NARROWER else Move.NARROWER
            texts = ["none" if each == absent else short(each) for each in (after, before)]
            move = larger if after > before else smaller
            yield Found(move, new.node(word), False, path, f"{word} is {texts[0]}, and was {texts[1]}")


def _multiples(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    for each in _texts(old, new, path, "multipleOf"):
        before, after = ([one for one in side.values("multipleOf") if isinstance(one, int) and one] for side in (old, new))
        if len(before) == len(after) == 1 and not (after[0] % before[0] and before[0] % after[0]):
            each = replace(each, move=Move.NARROWER if after[0] % before[0] == 0 else Move.WIDER)
        yield each


def _patterns(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    yield from _texts(old, new, path, "pattern")


def _format(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    formats = [*old.values("format"), *new.values("format")]
    if old.types <= {"integer", "null"} and all(each in ("int32", "int64") for each in formats):
        return  # a range, which is among the bounds
    yield from (replace(each, exact=True) for each in _texts(old, new, path, "format"))


def _texts(old: Facets, new: Facets, path: str, word: str) -> Iterator[Found]:
    before, after = ({value_key(each): each for each in one.values(word)} for one in (old, new))
    if before.keys() == after.keys():
        return
    move = Move.NARROWER if before.keys() < after.keys() else Move.WIDER if after.keys() < before.keys() else Move.OTHER
    texts = [", ".join(map(short, each.values())) or "none" for each in (after, before)]
    gone = not after
    yield Found(move, (old if gone else new).node(word), gone, path, f"{word} is {texts[0]}, and was {texts[1]}")


def _unique(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    before, after = (True in one.values("uniqueItems") for one in (old, new))
    if before != after:
        move, what = (Move.NARROWER, "have to differ now") if after else (Move.WIDER, "may be equal now")
        yield Found(move, new.node("uniqueItems"), False, path, f"its items {what}")


def changed_default(old: Facets, new: Facets, path: str) -> Iterator[Found]:
    """The default of a property of a request: what its absence means."""
    before, after = ([value_key(each) for each in one.values("default")][-1:] for one in (old, new))
    if before != after:
        what = f"the default is {after[0] if after else 'gone'}, and was {before[0] if before else 'none'}"
        gone = not after
        yield Found(Move.OTHER, (old if gone else new).node("default"), gone, path, what, BOTH, exact=True)


RULES = (_listed, _bounds, _lengths, _multiples, _patterns, _format, _unique)
"""The rules about the set of values, for schemas of comparable types."""

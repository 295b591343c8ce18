"""What follows from a row: effects, invented values, and what the reply shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Change, place
from contracts.difference.digest import value_key
from contracts.difference.facets import short
from contracts.difference.rows import Row

SHOWN = ("data", "body", "headers")
"""The parts of a reply that a row shows."""


def changes(one: Row, two: Row) -> Iterator[Change]:
    """The changes of `then`, `mint`, `data`, `body`, `headers` and `msg` of a row."""
    yield from _effects(one, two)
    yield from _minted(one, two)
    for key in SHOWN:
        yield from _shown(one, two, key)
    before, after = (each.node.value.get("msg") for each in (one, two))
    if before != after:
        yield Change(NOBODY, place(two.node), f"the message of {two.code} changed; nobody may rely on messages")


def _effects(one: Row, two: Row) -> Iterator[Change]:
    old, new = (list(zip(row.part("then") or (), row.node.sequence("then"), strict=True)) for row in (one, two))
    before, after = ([value_key(effect) for effect, _ in effects] for effects in (old, new))
    gone = [each for each, key in zip(old, before, strict=True) if key not in after]
    added = [each for each, key in zip(new, after, strict=True) if key not in before]
    for effect, node in added:
        was = next((each for each in gone if _head(each[0]) == _head(effect)), None)
        if was is None:
            yield Change(BOTH, place(node), f"after {two.code} this happens now: {_head(effect)}")
            continue
        gone.remove(was)
        what = "; ".join(_differences(was[0], effect))
        yield Change(BOTH, place(node), f"what happens after {two.code} changed, {_head(effect)}: {what}")
    for effect, node in gone:
        yield Change(BOTH, place(node, True), f"after {two.code} this no longer happens: {_head(effect)}")
    if before != after and sorted(before) == sorted(after):
        yield Change(BOTH, place(two.node.child("then")), f"the effects of {two.code} happen in another order")


def _head(effect: dict[str, Any]) -> str:
    """The verb and the table of an effect."""
    return next(f"{verb} {effect[verb]}" for verb in ("insert", "upsert", "update", "delete") if verb in effect)


def _differences(one: Any, two: Any) -> Iterator[str]:
    before, after = dict(_leaves(one, ())), dict(_leaves(two, ()))
    for path in dict.fromkeys((*after, *before)):
        if path not in after:
            yield f"{_path(path)} is gone"
        elif path not in before or before[path] != after[path]:
            yield f"{_path(path)} is {short(after[path])}" + (f", and was {short(before[path])}" if path in before else "")


def _minted(one: Row, two: Row) -> Iterator[Change]:
    before, after = (row.part("mint") or {} for row in (one, two))
    for name in before:
        if name not in after:
            yield Change(OF_SERVERS, place(one.node, True), f"the server no longer invents {name}")
    for name in after:
        node = two.node.child("mint").child(name)
        if name not in before:
            yield Change(OF_CLIENTS, place(node), f"the server invents {name} now")
        elif before[name] != after[name]:
            yield Change(NOBODY, place(node), f"the mock invents {name} in another way; a server may invent any value")


def _shown(one: Row, two: Row, key: str) -> Iterator[Change]:
    before, after = (dict(_leaves(row.part(key), ())) for row in (one, two))
    for path in before:
        if path not in after and not _inside(path, after):
            what = f"the {key} of {two.code} no longer has {_path(path)}"
            yield Change(OF_CLIENTS, place(one.node.child(key).at(path), True), what)
    for path, value in after.items():
        node = two.node.child(key).at(path)
        if path not in before:
            yield Change(OF_SERVERS, place(node), f"the {key} of {two.code} has {_path(path)} now: {short(value)}")
        elif before[path] != value:
            what = f"{_path(path)} in the {key} of {two.code} is {short(value)}, and was {short(before[path])}"
            yield Change(BOTH, place(node), what)


def _inside(path: tuple[Any, ...], others: dict[tuple[Any, ...], Any]) -> bool:
    return any(each[: len(path)] == path for each in others)


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list) and value:
        for position, each in enumerate(value):
            yield from _leaves(each, (*path, position))
    elif value is not None or path:
        yield path, value


def _path(path: tuple[Any, ...]) -> str:
    return f"/{'/'.join(map(str, path))}" if path else "a value"

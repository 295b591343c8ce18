"""What changed between two schemas: keyword by keyword, with the places, and who breaks.

A schema describes a set of values. Whether the set became narrower or wider says who breaks (`Part.breaks`). Two rules are not
about the set: a property that is no longer described is no longer read or sent, and a new one of a request has to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import openapi
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Change, Move, Part, place
from contracts.difference.digest import digest, value_key
from contracts.difference.facets import Facets, Nodes, facets, raw_child, short
from contracts.difference.keywords import RULES, Found, changed_default, changed_types
from contracts.difference.side import Side

MOST_PAIRS = 5000
DEEPEST = 60
"""The most pairs of schemas that are compared below one pair, and how deep; a change says so where there are more."""
MOST_PATH = 200
"""Characters of the path to a place that are shown."""
_REST = (
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "prefixItems", "patternProperties", "propertyNames"),
    *("dependentSchemas", "dependentRequired", "unevaluatedItems", "discriminator"),
)
"""Keywords that are compared as a whole."""


class Differences:
    """Compares the schemas of one part of the exchange: the requests or the replies."""

    def __init__(self, old: Side, new: Side, part: Part) -> None:
        self.old, self.new, self.part = old, new, part
        self._known: dict[tuple[Any, Any], list[Found]] = {}
        self._pairs: set[tuple[Any, Any]] = set()

    def changes(self, old: openapi.Node, new: openapi.Node, name: str) -> Iterator[Change]:
        """The changes of a schema; `name` is what it describes. Raises InvalidDocument for a reference that leads nowhere."""
        old, new = _target(old), _target(new)
        pair = (old.pointer, new.pointer)
        if pair not in self._known:
            self._known[pair] = _grouped(self._found(old, new))
        for each in self._known[pair]:
            breaks = each.breaks if each.breaks is not None else self.part.breaks(each.move)
            yield Change(breaks, place(each.node, each.gone), f"{name}{each.path}: {each.what}")

    def _found(self, old: openapi.Node, new: openapi.Node) -> Iterator[Found]:
        schemas = [self._standing_alone(self.old, old), self._standing_alone(self.new, new)]
        if self._digest(schemas[0]) == self._digest(schemas[1]):
            return
        self._pairs = set()
        found = list(self._compare((old,), (new,), ""))
        wider, narrower = openapi.covers(schemas[1], schemas[0]), openapi.covers(schemas[0], schemas[1])
        if wider is None or narrower is None:
            yield from found
            return
        for each in found:
            if (refined := _refined(each, wider, narrower)) is not None:
                yield refined
        if not found and not (wider and narrower):
            move = Move.WIDER if wider else Move.NARROWER if narrower else Move.OTHER
            yield Found(move, new, False, "", "the schema allows other values")

    def _standing_alone(self, side: Side, node: openapi.Node) -> dict[str, Any]:
        schemas = side.requests if self.part is Part.REQUEST else side.replies
        return schemas.standing_alone(node.value)

    def _digest(self, schema: Any) -> str:
        """A default says what the absence of a property means, so it counts in requests."""
        return digest(schema, with_default=self.part is Part.REQUEST)

    def _compare(self, old_nodes: Nodes, new_nodes: Nodes, path: str, depth: int = 0) -> Iterator[Found]:
        old, new = facets(old_nodes, self.old.is_3_0), facets(new_nodes, self.new.is_3_0)
        pair = (old.identity, new.identity)
        if pair in self._pairs or not (old.parts and new.parts):
            return
        if len(self._pairs) >= MOST_PAIRS or depth >= DEEPEST:
            what = "the schema is too large to be compared further than to here"
            yield Found(Move.OTHER, new_nodes[0], False, path, what, BOTH)
            return
        self._pairs.add(pair)
        if old.forbids or new.forbids:
            if old.forbids != new.forbids:
                move = Move.NARROWER if new.forbids else Move.WIDER
                yield Found(move, new.parts[0], False, path, f"{'no' if new.forbids else 'any'} value is allowed now")
            return
        types = list(changed_types(old, new, path))
        yield from types
        if any(each.move is Move.OTHER for each in types):
            return  # nothing below is comparable
        for rule in RULES:
            yield from rule(old, new, path)
        if self.part is Part.REQUEST:
            yield from changed_default(old, new, path)
        yield from self._properties(old, new, path, depth + 1)
        yield from self._others(old, new, path, depth + 1)
        yield from self._inner(old, new, path, depth + 1)
        yield from self._choices(old, new, path, depth + 1)
        yield from self._rest(old, new, path)

    def _sent(self, each: Facets, side: Side) -> dict[str, Nodes]:
        """The properties that are sent in this part."""
        word = "readOnly" if self.part is Part.REQUEST else "writeOnly"
        return {name: nodes for name, nodes in each.properties.items() if True not in facets(nodes, side.is_3_0).values(word)}

    def _properties(self, old: Facets, new: Facets, path: str, depth: int) -> Iterator[Found]:
        before, after = self._sent(old, self.old), self._sent(new, self.new)
        is_request = self.part is Part.REQUEST
        for name in [each for each in before if each not in after]:
            if is_request:
                breaks = BOTH if name in old.required else OF_CLIENTS
                what = "is not read any more"
            else:
                breaks = BOTH if new.closed else OF_CLIENTS
                what = "is not sent any more"
            yield Found(Move.OTHER, before[name][0], True, f"{path}/{name}", f"the property {what}", breaks)
        for name in [each for each in after if each not in before]:
            required = name in new.required
            if is_request:
                breaks = BOTH if required else OF_SERVERS
                what = "a new required property" if required else "a new property, which servers have to read"
            else:
                breaks = (OF_SERVERS if required else NOBODY) | (OF_CLIENTS if old.closed else NOBODY)
                what = "a new property that is always sent" if required else "a new property"
            yield Found(Move.OTHER, after[name][0], False, f"{path}/{name}", what, breaks)
        for name in [each for each in after if each in before]:
            yield from self._compare(before[name], after[name], f"{path}/{name}", depth)
        changed = (before.keys() ^ after.keys()) | self._unsent(old, before) | self._unsent(new, after)
        for name, node in old.required.items():
            if name not in new.required and name not in changed:
                yield Found(Move.WIDER, node, True, f"{path}/{name}", "the property is no longer required")
        for name, node in new.required.items():
            if name not in old.required and name not in changed:
                yield Found(Move.NARROWER, node, False, f"{path}/{name}", "the property is required now")

    def _unsent(self, each: Facets, sent: Mapping[str, Nodes]) -> set[str]:
        return each.properties.keys() - sent.keys()

    def _others(self, old: Facets, new: Facets, path: str, depth: int) -> Iterator[Found]:
        """Properties that are not named."""
        before, after = _schemas_of(old, "additionalProperties"), _schemas_of(new, "additionalProperties")
        if old.closed != new.closed:
            move, what = (Move.NARROWER, "no longer allowed") if new.closed else (Move.WIDER, "allowed now")
            node = new.node("additionalProperties", "unevaluatedProperties")
            yield Found(move, node, False, path, f"properties that are not named are {what}")
        elif not new.closed:
            yield from self._either(before, after, f"{path}/*", "properties that are not named", depth)

    def _inner(self, old: Facets, new: Facets, path: str, depth: int) -> Iterator[Found]:
        yield from self._either(_schemas_of(old, "items"), _schemas_of(new, "items"), f"{path}/*", "items", depth)

    def _either(self, before: Nodes, after: Nodes, path: str, what: str, depth: int) -> Iterator[Found]:
        if before and after:
            yield from self._compare(before, after, path, depth)
        elif after:
            yield Found(Move.NARROWER, after[0], False, path, f"{what} have a schema now")
        elif before:
            yield Found(Move.WIDER, before[0], True, path, f"{what} have no schema any more")

    def _choices(self, old: Facets, new: Facets, path: str, depth: int) -> Iterator[Found]:
        if len(old.choices) == len(new.choices) == 1:
            (old_word, old_branches), (new_word, new_branches) = old.choices[0], new.choices[0]
            pairs, removed, added = self._paired(old_branches, new_branches)
            for one, two in pairs:
                several = f" ({new_word} {int(two.pointer[-1]) + 1})" if len(new_branches) > 1 else ""
                yield from self._compare((one,), (two,), f"{path}{several}", depth)
            for each in removed:
                yield Found(Move.NARROWER, each, True, path, f"the alternative {_named(each)} is gone")
            for each in added:
                yield Found(Move.WIDER, each, False, path, f"there is a new alternative {_named(each)}")
            if old_word != new_word:
                yield Found(Move.OTHER, new.node(new_word), False, path, f"{old_word} became {new_word}")
        elif old.choices or new.choices:
            before, after = (
                [[value_key(each.value) for each in nodes] for _, nodes in all_] for all_ in (old.choices, new.choices)
            )
            if before != after:
                move = Move.NARROWER if not before else Move.WIDER if not after else Move.OTHER
                yield Found(move, new.node("oneOf", "anyOf"), False, path, "the alternatives changed")

    def _paired(self, old: Nodes, new: Nodes) -> tuple[list[tuple[openapi.Node, openapi.Node]], list[Any], list[Any]]:
        """Pairs of alternatives that correspond: equal ones, then those of one name, of one type, at the same place."""
        pairs, before, after = [], list(old), list(new)
        digests = {id(each): self._digest(self._standing_alone(self.old, each)) for each in before}
        digests |= {id(each): self._digest(self._standing_alone(self.new, each)) for each in after}
        for key in (lambda each: digests[id(each)], _name, _type, lambda each: each.pointer[-1] if not _name(each) else None):
            by_key: dict[Any, list[openapi.Node]] = {}
            for each in after:
                by_key.setdefault(key(each), []).append(each)
            for one in list(before):
                mine = key(one)
                if mine is not None and by_key.get(mine):
                    two = by_key[mine].pop(0)
                    pairs.append((one, two))
                    before.remove(one)
                    after.remove(two)
        return pairs, before, after

    def _rest(self, old: Facets, new: Facets, path: str) -> Iterator[Found]:
        for word in _REST:
            before, after = (
                [
                    self._digest(self._standing_alone(side, openapi.Node(side.root.document, (), {word: each})))
                    for each in one.values(word)
                ]
                for one, side in ((old, self.old), (new, self.new))
            )
            if sorted(before) != sorted(after):
                move = Move.NARROWER if not before else Move.WIDER if not after else Move.OTHER
                gone = not after
                yield Found(move, (old if gone else new).node(word), gone, path, f"{word} changed")


def _grouped(found: Iterable[Found]) -> list[Found]:
    """Each difference once, with one of the paths to it: a part of a schema may be used at many places."""
    groups: dict[Any, list[Found]] = {}
    for each in found:
        groups.setdefault((each.node.pointer, each.gone, each.move, each.breaks, each.what), []).append(each)
    return [_of_group(each) for each in groups.values()]


def _of_group(found: list[Found]) -> Found:
    shown, more = found[0].path[:MOST_PATH] + ("…" if len(found[0].path) > MOST_PATH else ""), len(found) - 1
    return replace(found[0], path=f"{shown} and {more} more place{'' if more == 1 else 's'}" if more else shown)


def _target(node: openapi.Node) -> openapi.Node:
    """What a reference that stands alone leads to, so that a shared schema is compared once."""
    seen = set[Any]()
    while isinstance(node.value, dict) and list(node.value) == ["$ref"] and node.pointer not in seen:
        seen.add(node.pointer)
        if not isinstance(node.value["$ref"], str):
            break
        node = node.target(node.value["$ref"])
    return node


def _schemas_of(each: Facets, word: str) -> Nodes:
    return tuple(raw_child(node, word) for node in each.said(word) if isinstance(node.value[word], dict))


def _name(node: openapi.Node) -> Any:
    value = node.value if isinstance(node.value, dict) else {}
    return next((name for name in (value.get("$ref"), value.get("title")) if isinstance(name, str)), None)


def _type(node: openapi.Node) -> str | None:
    """The type of a schema without a name."""
    named = node.value.get("type") if isinstance(node.value, dict) and not _name(node) else None
    return None if named is None else value_key(named)


def _named(node: openapi.Node) -> str:
    name = _name(node)
    return str(name).rpartition("/")[2] if name else short(node.value)


def _refined(found: Found, wider: bool, narrower: bool) -> Found | None:
    """A difference as the sets have it, where they are known: None for one that only looks like a difference."""
    if found.exact or found.breaks is not None or not (wider or narrower):
        return found
    if wider and narrower:
        return None
    move = Move.WIDER if wider else Move.NARROWER
    return replace(found, move=move) if found.move in (move, Move.OTHER) else None

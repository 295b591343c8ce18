"""A schema as facets: what it and all parts of it (`$ref`, `allOf`) say together, each keyword with its node."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import openapi
from contracts.difference.digest import value_key

ALL_TYPES = frozenset(("array", "boolean", "integer", "null", "number", "object", "string"))
LOWER, UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")
Nodes = tuple[openapi.Node, ...]


def raw_child(node: openapi.Node, *keys: str | int) -> openapi.Node:
    """A value below a node, with no `$ref` followed."""
    for key in keys:
        node = openapi.Node(node.document, (*node.pointer, key), node.value[key])
    return node


def short(value: Any) -> str:
    """A JSON value for a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:80]}…"


@dataclass(frozen=True, eq=False)
class Facets:
    """The parts of one schema. No part is a schema that allows everything."""

    parts: Nodes
    old_words: bool
    """Whether `nullable`, and `exclusiveMinimum: true`, are words of its version."""
    or_null: frozenset[Any] = frozenset()
    """The pointers of parts that hold only for what is not null."""

    @cached_property
    def identity(self) -> tuple[Any, ...]:
        """Equal for the same schema of the same document."""
        return tuple(each.pointer for each in self.parts)

    def said(self, *words: str) -> Iterator[openapi.Node]:
        """The nodes of the parts that have one of these keywords."""
        return (each for each in self.parts if isinstance(each.value, dict) and any(word in each.value for word in words))

    def values(self, word: str) -> list[Any]:
        """What the parts say under a keyword."""
        return [each.value[word] for each in self.said(word)]

    def node(self, *words: str) -> openapi.Node:
        """Where a keyword stands; the schema itself where no part has it. There must be a part."""
        for each in self.said(*words):
            return next(raw_child(each, word) for word in words if word in each.value)
        return self.parts[0]

    @cached_property
    def forbids(self) -> bool:
        """Whether it is `false`, which allows nothing."""
        return any(each.value is False for each in self.parts)

    @cached_property
    def types(self) -> frozenset[str]:
        """The types that it allows."""
        found = ALL_TYPES
        for each in self.said("type"):
            named = each.value["type"]
            types = {type_ for type_ in (named if isinstance(named, list) else [named]) if isinstance(type_, str)} or set(
                ALL_TYPES
            )
            if self._allows_null(each):
                types.add("null")
            found &= types | ({"integer"} if "number" in types else set())
        return found

    @cached_property
    def listed(self) -> dict[str, Any] | None:
        """The values of `enum` and `const`, by their text; None where it lists none."""
        lists: list[list[Any]] = []
        for each in self.said("enum", "const"):
            value = each.value
            listed = [value["const"]] if "const" in value else value["enum"] if isinstance(value["enum"], list) else []
            lists.append([*listed, None] if self._allows_null(each) else listed)
        if not lists:
            return None
        found = {value_key(each): each for each in lists[0]}
        for others in lists[1:]:
            keys = set(map(value_key, others))
            found = {key: value for key, value in found.items() if key in keys}
        return found

    def _allows_null(self, part: openapi.Node) -> bool:
        return part.pointer in self.or_null or (self.old_words and part.value.get("nullable") is True)

    def bound(self, words: tuple[str, str]) -> tuple[float, bool] | None:
        """The limit of a number, and whether it is excluded; that of its integer format too. None without a limit."""
        inclusive, exclusive = words
        found: list[tuple[float, bool]] = []
        for each in self.said(*words):
            limit, other = each.value.get(inclusive), each.value.get(exclusive)
            if _is_number(limit):
                found.append((limit, other is True and self.old_words))
            if _is_number(other):
                found.append((other, True))
        if self.types <= {"integer", "null"}:
            ranges = [openapi.INT_RANGES.get(each) for each in self.values("format") if isinstance(each, str)]
            found += [(each[words is UPPER], False) for each in ranges if each]
        if words is LOWER:
            return max(found, default=None)
        return min(found, key=lambda each: (each[0], not each[1]), default=None)

    @cached_property
    def properties(self) -> dict[str, Nodes]:
        """The nodes of each property."""
        found: dict[str, Nodes] = {}
        for each in self.said("properties"):
            names = each.value["properties"]
            for name in names if isinstance(names, dict) else ():
                found[name] = (*found.get(name, ()), raw_child(each, "properties", name))
        return found

    @cached_property
    def required(self) -> dict[str, openapi.Node]:
        """The names of required properties, each with the node that says so."""
        found: dict[str, openapi.Node] = {}
        for each in self.said("required"):
            names = each.value["required"]
            for position, name in enumerate(names if isinstance(names, list) else ()):
                if isinstance(name, str):
                    found.setdefault(name, raw_child(each, "required", position))
        return found

    @cached_property
    def closed(self) -> bool:
        """Whether it allows no other properties."""
        return any(each.value.get(word) is False for word in _OTHERS for each in self.said(word))

    @cached_property
    def choices(self) -> list[tuple[str, Nodes]]:
        """Its `oneOf` and `anyOf`, each with its alternatives."""
        found = []
        for word in ("oneOf", "anyOf"):
            for each in self.said(word):
                branches = _branches(each, word)
                if _unless_null(branches) is None:
                    found.append((word, branches))
        return found


_OTHERS = ("additionalProperties", "unevaluatedProperties")


def facets(nodes: Iterable[openapi.Node], old_words: bool) -> Facets:
    """The facets of a schema, given as the nodes that all hold. Raises InvalidDocument for a reference that leads nowhere."""
    seen: set[Any] = set()
    or_null: set[Any] = set()
    parts = tuple(part for node in nodes for part in _parts(node, old_words, seen, or_null))
    return Facets(parts, old_words, frozenset(or_null))


def _parts(node: openapi.Node, old_words: bool, seen: set[Any], or_null: set[Any]) -> Iterator[openapi.Node]:
    if node.pointer in seen:
        return
    seen.add(node.pointer)
    if not isinstance(node.value, dict):
        yield node
        return
    if isinstance(reference := node.value.get("$ref"), str):
        yield from _parts(node.target(reference), old_words, seen, or_null)
        if old_words:
            return
    yield node
    several = node.value.get("allOf")
    for position in range(len(several)) if isinstance(several, list) else ():
        yield from _parts(raw_child(node, "allOf", position), old_words, seen, or_null)
    for word in ("oneOf", "anyOf"):
        other = _unless_null(_branches(node, word))
        if other is not None:
            inner = list(_parts(other, old_words, seen, or_null))
            or_null.update(each.pointer for each in inner)
            yield from inner


def _branches(node: openapi.Node, word: str) -> Nodes:
    """The alternatives under `oneOf` or `anyOf`."""
    listed = node.value.get(word)
    return tuple(raw_child(node, word, position) for position in range(len(listed) if isinstance(listed, list) else 0))


def _unless_null(branches: Nodes) -> openapi.Node | None:
    """The other one of two alternatives of which one is null: another way to write a schema that also allows null."""
    others = [each for each in branches if each.value != {"type": "null"}]
    return others[0] if len(branches) == 2 and len(others) == 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

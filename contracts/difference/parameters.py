"""Parameters of an operation: the client sends them, the server reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import openapi
from contracts.difference.change import BOTH, NOBODY, OF_CLIENTS, OF_SERVERS, Change, place
from contracts.difference.digest import value_key
from contracts.difference.facets import facets, raw_child
from contracts.difference.schemas import Differences
from contracts.difference.side import Side

_in_path = re.compile(r"\{([^{}]*)\}").findall
Key = tuple[str, str]
"""The location and the name on the wire; a part of a path has its position as its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """One declared parameter."""

    node: openapi.Node
    name: str
    location: str

    @property
    def required(self) -> bool:
        """Whether every request has it."""
        return self.location == "path" or self.node.value.get("required") is True

    @property
    def schema(self) -> openapi.Node | None:
        """Its schema, which may be that of a media type."""
        if isinstance(self.node.value.get("content"), dict):
            media = next(iter(self.node.child("content").children()), None)
            return raw_child(media, "schema") if media and "schema" in media.value else None
        return raw_child(self.node, "schema") if "schema" in self.node.value else None

    def __str__(self) -> str:
        return f"{self.name} ({self.location})"


def declared(side: Side, operation: openapi.Operation) -> dict[Key, Declared]:
    """The parameters of an operation and of its path, by what identifies them in a request."""
    item, node = side.nodes(operation)
    positions = {name: str(at) for at, name in enumerate(_in_path(operation.path))}
    found: dict[Key, Declared] = {}
    for each in (*item.sequence("parameters"), *node.sequence("parameters")):
        location, name = each.value["in"], str(each.value.get("name", ""))
        wire = name.lower() if location == "header" else positions.get(name, name) if location == "path" else name
        found[location, wire] = Declared(each, name, location)
    return found


class Parameters:
    """Compares the parameters of one operation."""

    def __init__(self, old: Side, new: Side, one: openapi.Operation, two: openapi.Operation, schemas: Differences) -> None:
        self.old, self.new, self.schemas = old, new, schemas
        self.before, self.after = declared(old, one), declared(new, two)
        self.removed = [key for key in self.before if key not in self.after]
        self.added = [key for key in self.after if key not in self.before]
        self.moved = dict(self._moved())

    @property
    def renamed(self) -> Mapping[str, str]:
        """The new names of parameters, by the old ones, where they differ."""
        same = [(self.before[key], self.after[key]) for key in self.before if key in self.after]
        moved = [(self.before[one], self.after[two]) for one, two in self.moved.items()]
        return {one.name: two.name for one, two in (*same, *moved) if one.name != two.name}

    def _moved(self) -> Iterator[tuple[Key, Key]]:
        """Pairs of a parameter that is gone and a new one which it seems to have become."""
        free = list(self.added)
        for one in self.removed:
            here = self.before[one]
            same_name = [two for two in free if self.after[two].name.lower() == here.name.lower()]
            alike = [two for two in free if two[0] == one[0] and self._alike(here, self.after[two])]
            found = same_name or (alike if len(alike) == 1 else [])
            if found:
                free.remove(found[0])
                yield one, found[0]

    def _alike(self, one: Declared, two: Declared) -> bool:
        """Whether a parameter may be the other under a new name: it has the same schema, and is as required."""
        if one.schema is None or two.schema is None or one.required != two.required:
            return False
        same_text = value_key(one.node.value.get("description")) == value_key(two.node.value.get("description"))
        return same_text and not [*self.schemas.changes(one.schema, two.schema, "")]

    def changes(self) -> Iterator[Change]:
        """All changes of the parameters."""
        gone = set(self.moved.values())
        for key in self.removed:
            if key not in self.moved:
                yield self._removed(self.before[key])
        for one, two in self.moved.items():
            yield from self._became(self.before[one], self.after[two])
        for key, each in self.after.items():
            if key in self.before:
                yield from self._same(self.before[key], each)
            elif key not in gone:
                yield self._added(each)

    def _removed(self, one: Declared) -> Change:
        breaks, what = OF_CLIENTS, "a value that is sent has no effect, or is refused"
        if one.required:
            breaks, what = BOTH, "clients send it in vain, and servers that require it refuse requests"
        return Change(breaks, place(one.node, True), f"the parameter {one} is gone: {what}")

    def _added(self, two: Declared) -> Change:
        breaks, what = OF_SERVERS, "servers have to read it"
        if two.required:
            breaks, what = BOTH, "requests without it are wrong now, and servers have to read it"
        word = "required" if two.required else "optional"
        return Change(breaks, place(two.node), f"there is a new {word} parameter {two}: {what}")

    def _became(self, one: Declared, two: Declared) -> Iterator[Change]:
        if one.name.lower() == two.name.lower():
            what = f"the parameter {one.name} is in: {two.location}, and was in: {one.location}"
        else:
            what = f"the parameter {one} is called {two.name} on the wire"
        yield Change(BOTH, place(two.node), what)
        yield from self._same(one, two)

    def _same(self, one: Declared, two: Declared) -> Iterator[Change]:
        if one.name != two.name and (one.location, two.location) == ("path", "path"):
            what = f"the part {one.name} of the path is called {two.name}; requests do not show it"
            yield Change(NOBODY, place(two.node), what)
        if one.required != two.required:
            breaks, what = (OF_CLIENTS, "is required now") if two.required else (OF_SERVERS, "is no longer required")
            yield Change(breaks, place(two.node), f"the parameter {two} {what}")
        yield from self._style(one, two)
        if one.node.value.get("deprecated") is not True and two.node.value.get("deprecated") is True:
            yield Change(NOBODY, place(two.node), f"the parameter {two} is deprecated now")
        empty = [each.node.value.get("allowEmptyValue") is True for each in (one, two)]
        if empty[0] != empty[1]:
            what = "be empty now" if empty[1] else "no longer be empty"
            yield Change(OF_SERVERS if empty[1] else OF_CLIENTS, place(two.node), f"the parameter {two} may {what}")
        if one.schema is not None and two.schema is not None:
            yield from self.schemas.changes(one.schema, two.schema, f"the parameter {two}")
        elif two.schema is not None:
            yield Change(OF_CLIENTS, place(two.schema), f"the parameter {two} has a schema now")
        elif one.schema is not None:
            yield Change(OF_SERVERS, place(one.schema, True), f"the parameter {two} has no schema any more")

    def _style(self, one: Declared, two: Declared) -> Iterator[Change]:
        before, after = (_style_of(each, side) for each, side in ((one, self.old), (two, self.new)))
        if one.location == two.location and before != after and None not in (before, after):
            texts = [f"style {style}, explode {str(explode).lower()}" for style, explode in filter(None, (after, before))]
            yield Change(BOTH, place(two.node), f"the parameter {two} is written with {texts[0]}, and was with {texts[1]}")


def _style_of(each: Declared, side: Side) -> tuple[str, bool] | None:
    """How a value of several items is written; None for a single value."""
    types = facets([each.schema], side.is_3_0).types if each.schema is not None else frozenset()
    if len(types) > 2 or not types & {"array", "object"}:
        return None
    value = each.node.value
    style = str(value.get("style", "form" if each.location in ("query", "cookie") else "simple"))
    explode = value.get("explode")
    return style, explode is True if isinstance(explode, bool) else style == "form"

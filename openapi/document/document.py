"""A document as data that knows the line of each value; follows `$ref`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from openapi.document.errors import InvalidDocument, Problem
from openapi.document.limits import Lines, Pointer

FILES = "x-files"
"""The key of a document under which the other files are that it refers to."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data, and the line (from 1) of each of its values by pointer."""

    file: str
    data: Any
    lines: Lines
    files: Mapping[str, str] = field(default_factory=dict)
    """The files that it refers to, by their key in the section `FILES`."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """The references that lead to no file that is read, each with the reason."""

    @property
    def root(self) -> Node:
        """The whole document as a node."""
        return Node(self, (), self.data)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document with its JSON pointer. `child` and `get` follow a local `$ref`."""

    document: Document
    pointer: Pointer
    value: Any
    key: str | None = None
    """The key or the position of the `$ref` that led here; None without one."""

    @property
    def line(self) -> int:
        """The line of this value, or of the nearest value around it that was written."""
        pointer = self.pointer
        while pointer and pointer not in self.document.lines:
            pointer = pointer[:-1]
        return self.document.lines.get(pointer, 1)

    @property
    def name(self) -> str:
        """The key or the position of this value; through a `$ref`, that of the reference."""
        if self.key is not None:
            return self.key
        return str(self.pointer[-1]) if self.pointer else ""

    @property
    def file(self) -> str:
        """The file in which this value was written."""
        inside = self.pointer[:1] == (FILES,) and len(self.pointer) > 1
        return self.document.files.get(str(self.pointer[1]), self.document.file) if inside else self.document.file

    def problem(self, what: str, hint: str = "") -> Problem:
        """A problem at the line of this value."""
        return Problem(self.file, self.line, what, hint)

    def child(self, key: str | int) -> Node:
        """The value under `key`, which must exist, with its `$ref` followed."""
        reference = Node(self.document, (*self.pointer, key), self.value[key])
        found = reference.resolved()
        return found if found is reference else replace(found, key=str(key))

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None where there is no such key."""
        return self.child(key) if isinstance(self.value, dict) and key in self.value else None

    def mapping(self, key: str) -> Node | None:
        """The mapping under `key`; None where there is none, or null. Raises InvalidDocument for a value of another kind."""
        found = self.get(key)
        if found is None or found.value is None:
            return None
        if not isinstance(found.value, dict):
            raise InvalidDocument([found.problem(f"{key} is not a mapping", "write its keys, each with a value")])
        return found

    def sequence(self, key: str) -> list[Node]:
        """The items of the list under `key`; none where there is none, or null. Raises InvalidDocument for another value."""
        found = self.get(key)
        if found is None or found.value is None:
            return []
        if not isinstance(found.value, list):
            raise InvalidDocument([found.problem(f"{key} is not a list", "write its items, each after a dash")])
        return list(found.children())

    def children(self) -> Iterator[Node]:
        """The values of a mapping or a list, in the order in which they were written."""
        if isinstance(self.value, dict):
            yield from (self.child(key) for key in self.value)
        elif isinstance(self.value, list):
            yield from (self.child(position) for position in range(len(self.value)))

    @property
    def followed(self) -> Any:
        """The value, with the `$ref` of each of its own entries followed, but of none inside those. Raises InvalidDocument."""
        if isinstance(self.value, dict):
            return {key: self.child(key).value for key in self.value}
        return [each.value for each in self.children()] if isinstance(self.value, list) else self.value

    def at(self, pointer: Pointer) -> Node:
        """The value at a pointer relative to this one; where that does not exist, the deepest one on the way that does.

        A number in the pointer is a key too: a validator gives `200` in place of `'200'`.
        """
        node = self
        for key in pointer:
            try:
                node = node.child(str(key) if isinstance(node.value, dict) else key)
            except (KeyError, IndexError, TypeError):
                break
        return node

    def as_document(self) -> Document:
        """This value as a separate document, with the same file and lines."""
        depth = len(self.pointer)
        below = {pointer[depth:]: line for pointer, line in self.document.lines.items() if pointer[:depth] == self.pointer}
        return Document(self.document.file, self.value, below)

    def resolved(self) -> Node:
        """The value that a `$ref` points to; this value itself where there is none.

        Raises InvalidDocument for a reference to another file or to a missing value, and for a circular one.
        """
        node, seen = self, {self.pointer}
        while isinstance(node.value, dict) and isinstance(node.value.get("$ref"), str):
            node = node.target(node.value["$ref"])
            if node.pointer in seen:
                raise InvalidDocument([self.problem(f"$ref {node.value['$ref']} is circular")])
            seen.add(node.pointer)
        return node

    def target(self, reference: str) -> Node:
        """The value that a reference in this value points to. Raises InvalidDocument where it leads nowhere."""
        if reference in self.document.unread:
            raise InvalidDocument([self.problem(f"$ref {reference} {self.document.unread[reference]}")])
        if reference != "#" and not reference.startswith("#/"):
            raise InvalidDocument(
                [self.problem(f"$ref {reference} is no JSON pointer", "use a reference that begins with #/, or with a file")]
            )
        value, pointer = self.document.data, Pointer()
        for part in reference.split("/")[1:]:
            key: str | int = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and str(key).isdecimal():
                key = int(key)
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                raise InvalidDocument([self.problem(f"$ref {reference} points to nothing")]) from None
            pointer = (*pointer, key)
        return Node(self.document, pointer, value)


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")

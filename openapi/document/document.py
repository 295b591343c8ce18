"""Reads YAML (and JSON) into data that knows the line of each value; follows `$ref` inside the file.

Every mapping key is taken as the text that was written, so `200:` and `'200':` are one key and `no:` stays `no`.
Dates stay text. Sizes are bounded, because a contract may be untrusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from openapi.document.errors import InvalidDocument, Problem

LARGEST_FILE = 8 * 1024 * 1024
MOST_VALUES = 500_000
DEEPEST = 64

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data, and the line (from 1) of each of its values by pointer."""

    file: str
    data: Any
    lines: dict[Pointer, int]

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

    def problem(self, what: str, hint: str = "") -> Problem:
        """A problem at the line of this value."""
        return Problem(self.document.file, self.line, what, hint)

    def child(self, key: str | int) -> Node:
        """The value under `key`, which must exist, with its `$ref` followed."""
        reference = Node(self.document, (*self.pointer, key), self.value[key])
        found = reference.resolved()
        return found if found is reference else replace(found, key=str(key))

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None where there is no such key."""
        return self.child(key) if isinstance(self.value, dict) and key in self.value else None

    def children(self) -> Iterator[Node]:
        """The values of a mapping or a list, in the order in which they were written."""
        if isinstance(self.value, dict):
            yield from (self.child(key) for key in self.value)
        elif isinstance(self.value, list):
            yield from (self.child(position) for position in range(len(self.value)))

    def at(self, pointer: Pointer) -> Node:
        """The value at a pointer relative to this one; where that does not exist, the deepest one on the way that does."""
        node = self
        for key in pointer:
            try:
                node = node.child(key)
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
            node = node._target(node.value["$ref"])
            if node.pointer in seen:
                raise InvalidDocument([self.problem(f"$ref {node.value['$ref']} is circular")])
            seen.add(node.pointer)
        return node

    def _target(self, reference: str) -> Node:
        if not reference.startswith("#/"):
            raise InvalidDocument(
                [self.problem(f"$ref {reference} points outside this file", "use a reference that begins with #/")]
            )
        value, pointer = self.document.data, []
        for part in reference[2:].split("/"):
            key: str | int = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and str(key).isdecimal():
                key = int(key)
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                raise InvalidDocument([self.problem(f"$ref {reference} points to nothing")]) from None
            pointer.append(key)
        return Node(self.document, tuple(pointer), value)


def read_document(path: str | Path) -> Document:
    """Reads a YAML or JSON file. Raises InvalidDocument, with the line, for a file that is missing, too large or not YAML."""
    file = str(path)
    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidDocument([Problem(file, 1, f"cannot be read: {error.strerror}")]) from None
    if len(text) > LARGEST_FILE:
        raise InvalidDocument([Problem(file, 1, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB")])
    return parse_document(text, file)


def parse_document(text: str | bytes, file: str) -> Document:
    """Parses YAML or JSON text; `file` is the name in problems. Raises InvalidDocument."""
    try:
        loader = _Loader(text)
        try:
            tree = loader.get_single_node()
            return _Builder(file, loader).build(tree)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ": ".join(filter(None, (error.context, error.problem)))
        raise InvalidDocument([Problem(file, mark.line + 1 if mark else 1, f"is not YAML: {what}")]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidDocument([Problem(file, 1, f"is not YAML: {error}".splitlines()[0])]) from None


class _Builder:
    """Converts a tree of YAML nodes into data, and records the line of each value."""

    def __init__(self, file: str, loader: Any) -> None:
        self.file, self.loader, self.count = file, loader, 0
        self.lines: dict[Pointer, int] = {}

    def build(self, tree: yaml.Node | None) -> Document:
        data = None if tree is None else self.value(tree, ())
        return Document(self.file, data, self.lines)

    def fail(self, node: yaml.Node, what: str, hint: str = "") -> InvalidDocument:
        return InvalidDocument([Problem(self.file, node.start_mark.line + 1, what, hint)])

    def value(self, node: yaml.Node, pointer: Pointer) -> Any:
        self.count += 1
        if self.count > MOST_VALUES:
            raise self.fail(node, f"the document has more than {MOST_VALUES} values")
        if len(pointer) > DEEPEST:
            raise self.fail(node, f"values are nested more than {DEEPEST} deep")
        self.lines.setdefault(pointer, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, pointer)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*pointer, position)) for position, child in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, pointer: Pointer) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.fail(key, "a key is not a scalar")
            if key.value in data:
                raise self.fail(key, f"duplicate key {key.value}", "remove one of the two")
            self.lines[(*pointer, key.value)] = key.start_mark.line + 1
            data[key.value] = self.value(child, (*pointer, key.value))
        return data

    def scalar(self, node: yaml.Node) -> Any:
        if node.tag not in _SCALARS:
            return node.value
        try:
            value = self.loader.construct_object(node)
        except (ValueError, OverflowError):
            raise self.fail(node, f"{node.value!r} is not a number", "write text in quotes") from None
        if isinstance(value, float) and not isfinite(value):
            raise self.fail(node, f"{node.value} is not a number in JSON", "write text in quotes")
        return value

"""Reads YAML text into data and the line of each value, by the core schema of YAML 1.2 and with merge keys.

The data is built from the events of libyaml. Depth and size are counted on them, before anything is built, because a
document may be untrusted. Every mapping key is taken as the text that was written, so `200:` and `'200':` are one key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

import yaml

from openapi.document.errors import InvalidDocument, Problem
from openapi.document.limits import DEEPEST, MOST_VALUES, Lines, Pointer

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Collection = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_End = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
MERGE = "<<"
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_integer = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_number = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?").fullmatch
_no_number = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)").fullmatch


def read_yaml(text: str | bytes, file: str) -> tuple[Any, Lines]:
    """The data of one YAML document, and the line (from 1) of each value. Raises InvalidDocument."""
    try:
        parser = _Parser(text)
        try:
            return _Reader(file, parser).document()
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ": ".join(filter(None, (error.context, error.problem)))
        raise InvalidDocument([Problem(file, mark.line + 1 if mark else 1, f"is not YAML: {what}")]) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidDocument([Problem(file, 1, f"is not YAML: {error}".splitlines()[0])]) from None


class _Reader:
    def __init__(self, file: str, parser: Any) -> None:
        self.file, self.parser, self.count = file, parser, 0
        self.lines = Lines()
        self.events: list[Any] = []
        self.ends: dict[int, int] = {}  # the position after a collection, by the position of its start
        self.anchors: dict[str, int] = {}
        self.open: set[int] = set()  # collections that are being read, so that an alias to one is found

    def document(self) -> tuple[Any, Lines]:
        self._collect()
        return (self._value(0, ()) if self.events else None), self.lines

    def _fail(self, event: Any, what: str, hint: str = "") -> InvalidDocument:
        return InvalidDocument([Problem(self.file, event.start_mark.line + 1, what, hint)])

    def _collect(self) -> None:
        """Stores the events of the only document, within the bounds."""
        starts: list[int] = []
        for event in self._parsed():
            if isinstance(event, _End):
                self.ends[starts.pop()] = len(self.events) + 1
            elif isinstance(event, _Collection):
                starts.append(len(self.events))
                if len(starts) > DEEPEST:
                    raise self._fail(event, f"values are nested more than {DEEPEST} deep")
            if getattr(event, "tag", None) is not None:
                raise self._fail(event, f"the tag {event.tag[:40]} is not read", "write the value without it, text in quotes")
            self.events.append(event)
            if len(self.events) > 2 * MOST_VALUES:
                raise self._fail(event, f"the document has more than {MOST_VALUES} values")

    def _parsed(self) -> Iterator[Any]:
        documents = 0
        while self.parser.check_event():
            event = self.parser.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._fail(event, "a second document begins here", "write one document in a file")
                if event.tags:
                    raise self._fail(event, "%TAG is not read", "write the document without tags")
            elif isinstance(event, (yaml.NodeEvent, *_End)):
                yield event

    def _value(self, position: int, pointer: Pointer) -> Any:
        event = self.events[position]
        self.count += 1
        if self.count > MOST_VALUES:  # an alias stands for many values
            raise self._fail(event, f"the document has more than {MOST_VALUES} values")
        if len(pointer) > DEEPEST:
            raise self._fail(event, f"values are nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._value(self._anchored(event), pointer)
        if event.anchor is not None:
            self.anchors[event.anchor] = position
        self.lines.setdefault(pointer, event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self.open.add(position)
        data = (self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence)(position, pointer)
        self.open.discard(position)
        return data

    def _anchored(self, event: Any) -> int:
        position = self.anchors.get(event.anchor)
        if position is None:
            raise self._fail(
                event, f"*{event.anchor} has no anchor before it", f"write &{event.anchor} at the value that it means"
            )
        if position in self.open:
            raise self._fail(event, f"*{event.anchor} stands inside its own value")
        return position

    def _positions(self, position: int) -> Iterator[int]:
        """The positions of what a collection holds: its items, or its keys and values in turn."""
        end, position = self.ends[position] - 1, position + 1
        while position < end:
            yield position
            position = self.ends.get(position, position + 1)

    def _sequence(self, position: int, pointer: Pointer) -> list[Any]:
        return [self._value(each, (*pointer, number)) for number, each in enumerate(self._positions(position))]

    def _mapping(self, position: int, pointer: Pointer) -> dict[str, Any]:
        parts = list(self._positions(position))
        own: dict[str, tuple[int, int]] = {}
        merged: dict[str, Any] = {}
        for key_position, value_position in zip(parts[::2], parts[1::2], strict=True):
            key = self.events[key_position]
            if isinstance(key, yaml.AliasEvent):
                key = self.events[self._anchored(key)]
            if not isinstance(key, yaml.ScalarEvent):
                raise self._fail(key, "a key is not a scalar")
            if key.anchor is not None:
                self.anchors[key.anchor] = key_position
            if key.value == MERGE and key.implicit[0]:
                merged = {**self._merged(value_position, pointer), **merged}
            elif key.value in own:
                raise self._fail(key, f"duplicate key {key.value}", "remove one of the two")
            else:
                own[key.value] = key_position, value_position
        for name, (key_position, value_position) in own.items():
            merged.pop(name, None)  # so that the order is that of the text
            self.lines[(*pointer, name)] = self.events[key_position].start_mark.line + 1
            merged[name] = self._value(value_position, (*pointer, name))
        return merged

    def _merged(self, position: int, pointer: Pointer) -> dict[str, Any]:
        """The mapping of a merge key, or its mappings, of which the earlier ones win."""
        value = self._value(position, pointer)
        found: dict[str, Any] = {}
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                raise self._fail(
                    self.events[position], f"{MERGE} merges mappings only", "write an alias of a mapping, or quote the key"
                )
            found = {**each, **found}
        return found

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        try:
            if _integer(text):
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            value = float(text) if _number(text) else None
        except ValueError:  # more digits than Python reads
            raise self._fail(event, f"{text[:40]}… is not a number", "write text in quotes") from None
        if _no_number(text) or (value is not None and not isfinite(value)):
            raise self._fail(event, f"{text[:40]} is not a number in JSON", "write text in quotes")
        return text if value is None else value

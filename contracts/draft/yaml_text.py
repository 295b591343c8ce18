"""Writes data as YAML for people: short values in one line, comments above the values that they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 130
Pointer = tuple[str | int, ...]
Comments = Mapping[Pointer, list[str]]
_OPEN_DEPTH = 3
"""Mappings down to this depth below `paths` are never written in one line."""
_OPEN = frozenset(("components", "parameters", "paths", "responses", "x-let", "x-messages", "x-outcomes", "x-state", "x-todo"))
"""Nor is what stands under these keys."""

_plain = re.compile(r"[A-Za-z$/㐀-鿿][A-Za-z0-9_./$*«»'()=<>+~|;&㐀-鿿，。、；：（）《》“”！？ -]*").fullmatch
_version = re.compile(r"\d+\.\d+\.\d+").fullmatch
_words = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", "nan", "inf", "infinity"])
_escaped = re.compile(r"[^\x20-\x7e\u00a1-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_awkward = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]").search


def written(data: Any, comments: Comments) -> str:
    """A document of this data. Comments are lines by the pointer of the value that they stand above."""
    return "".join(f"{line.rstrip()}\n" for line in _Writer(comments).lines(data, (), 0))


def scalar(value: Any) -> str:
    """A scalar in one line, plain where it is read as the same text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bool, int, float)) or value is None:
        text = json.dumps(value)
        return re.sub(r"^(-?\d+)(?=e)", r"\1.0", text)  # YAML 1.1 wants a point
    raise TypeError(f"{type(value).__name__} is no scalar of YAML")


def _text(text: str) -> str:
    if _awkward(text):
        quoted = json.dumps(text, ensure_ascii=False)
        return _escaped.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
    plain = (_plain(text) or _version(text)) and not text.endswith(" ") and text.lower() not in _words
    return text if plain else "'" + text.replace("'", "''") + "'"


class _Writer:
    def __init__(self, comments: Comments) -> None:
        self.comments = comments
        self.above = {pointer[:depth] for pointer in comments for depth in range(len(pointer))}
        """The pointers of values in which there are comments."""

    def lines(self, value: Any, pointer: Pointer, indent: int) -> Iterator[str]:
        """The lines of a collection in block style."""
        space = " " * indent
        if isinstance(value, dict):
            for key, each in value.items():
                yield from self._comment((*pointer, key), space)
                yield from self._entry(f"{space}{_text(str(key))}:", each, (*pointer, key), indent)
        else:
            for position, each in enumerate(value):
                yield from self._comment((*pointer, position), space)
                yield from self._item(each, (*pointer, position), indent)

    def _comment(self, pointer: Pointer, space: str) -> Iterator[str]:
        for line in self.comments.get(pointer, ()):
            text = _awkward_gone(line)
            yield f"{space}# {text}" if text else ""

    def _entry(self, head: str, value: Any, pointer: Pointer, indent: int) -> Iterator[str]:
        flow = self._flow(value, pointer, len(head) + 1)
        if flow is not None:
            yield f"{head} {flow}"
        else:
            yield head
            yield from self.lines(value, pointer, indent + 2)

    def _item(self, value: Any, pointer: Pointer, indent: int) -> Iterator[str]:
        space = " " * indent
        flow = self._flow(value, pointer, indent + 2)
        if flow is not None:
            yield f"{space}- {flow}"
            return
        inner = list(self.lines(value, pointer, indent + 2))
        first = next((number for number, line in enumerate(inner) if not line.lstrip().startswith("#")), 0)
        yield from inner[:first]
        yield f"{space}- {inner[first][indent + 2 :]}"
        yield from inner[first + 1 :]

    def _flow(self, value: Any, pointer: Pointer, used: int) -> str | None:
        """A value in one line; None for a collection that is better written in several."""
        if not isinstance(value, (dict, list)):
            return scalar(value)
        if not value:
            return "{}" if isinstance(value, dict) else "[]"
        if pointer in self.above or self._is_open(value, pointer):
            return None
        text = _flow_text(value)
        return text if used + len(text) <= WIDTH else None

    def _is_open(self, value: Any, pointer: Pointer) -> bool:
        if pointer[-1] in _OPEN:
            return True
        return isinstance(value, dict) and pointer[0] == "paths" and len(pointer) <= _OPEN_DEPTH


def _flow_text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(key))}: {_flow_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow_text, value)) + "]"
    return scalar(value)


def _awkward_gone(line: str) -> str:
    return "".join(" " if _awkward(each) else each for each in line).strip()

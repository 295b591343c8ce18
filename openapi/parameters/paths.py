"""Paths of an OpenAPI document: from the path of a request to what is there, and the values in the path.

A path is split at its slashes before it is decoded, so `%2F` is part of a value. On every level a concrete segment comes
before one with a placeholder; a method that the first template does not have may be one of another template that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

_placeholder = re.compile(r"\{([^{}/]+)\}")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Template:
    """A path with placeholders."""

    segments: tuple[re.Pattern[str], ...]
    names: tuple[str, ...]

    def values(self, segments: list[str]) -> dict[str, str] | None:
        """The values in a path that is split and decoded; None for another path."""
        if len(segments) != len(self.segments):
            return None
        found: list[str] = []
        for pattern, segment in zip(self.segments, segments, strict=True):
            match = pattern.fullmatch(segment)
            if match is None:
                return None
            found.extend(match.groups())
        return dict(zip(self.names, found, strict=True))


@lru_cache(1000)
def path_template(path: str) -> Template:
    """The template that a path of a document is."""
    return Template(tuple(map(_pattern, path.split("/"))), tuple(_placeholder.findall(path)))


def path_segments(path: str) -> list[str]:
    """The segments of a path as it is sent, decoded as UTF-8."""
    return [unquote(each) for each in path.split("/")] if "%" in path else path.split("/")


class Paths(Generic[Value]):
    """Values by path and method."""

    def __init__(self, entries: Iterable[tuple[str, str, Value]]) -> None:
        """Takes (path, method, value); of two with the same path and method the first."""
        self._fixed: dict[str, dict[str, Value]] = {}
        templates: dict[str, dict[str, Value]] = {}
        for path, method, value in entries:
            if "{" in path:
                templates.setdefault(path, {}).setdefault(method, value)
            else:
                self._fixed.setdefault("/".join(path_segments(path)), {}).setdefault(method, value)
        self._templates: dict[int, list[tuple[Template, dict[str, Value]]]] = {}
        for path in sorted(templates, key=_generality):
            self._templates.setdefault(path.count("/"), []).append((path_template(path), templates[path]))

    def find(self, path: str, method: str) -> tuple[Value | None, Mapping[str, str], Mapping[str, Value]]:
        """What is at a path and method, the values in the path, and all methods of the path: none for an unknown path.

        `path` is as it was sent, percent-encoded.
        """
        methods = self._fixed.get(path)
        if methods is not None and method in methods:
            return methods[method], {}, methods
        allowed: dict[str, Value] = {}
        for methods, values in self._matching(path_segments(path)):
            if method in methods:
                return methods[method], values, methods
            allowed = {**methods, **allowed}
        return None, {}, allowed

    def _matching(self, path: list[str]) -> Iterator[tuple[dict[str, Value], dict[str, str]]]:
        fixed = None if any("/" in each for each in path) else self._fixed.get("/".join(path))
        if fixed is not None:
            yield fixed, {}
        for each, methods in self._templates.get(len(path) - 1, ()):
            values = each.values(path)
            if values is not None:
                yield methods, values


def _pattern(segment: str) -> re.Pattern[str]:
    parts = _placeholder.split(segment)
    return re.compile("(.+?)".join(re.escape(unquote(part)) for part in parts[::2]), re.DOTALL)


def _generality(path: str) -> tuple[tuple[int, int], ...]:
    """A sort key: level by level, text comes first, then a placeholder with the most text around it."""
    parts = [_placeholder.split(segment) for segment in path.split("/")]
    return tuple((len(each) > 1, -sum(map(len, each[::2]))) for each in parts)

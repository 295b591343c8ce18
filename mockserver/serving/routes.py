"""The routes of a contract: from the path of a request to its operations and the values in the path.

A path is split at its slashes before it is decoded, so `%2F` is part of a value. On every level a concrete segment comes
before one with a placeholder; a method that the first template does not have may be one of another template that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import openapi
from mockserver.http.request import Environ, Gather, decoded, gatherer

CONTROL = "/_mock"
_placeholder = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, and the function that reads its parameters from a request."""

    operation: openapi.Operation
    gather: Gather
    reads_body: bool


Methods = dict[str, Route]
"""The routes of one path by method."""


@dataclass(frozen=True, slots=True)
class _Template:
    """A path with placeholders."""

    segments: tuple[re.Pattern[str], ...]
    names: tuple[str, ...]
    methods: Methods

    def values(self, segments: list[str]) -> dict[str, str] | None:
        """The values in a path; None for another path."""
        found: list[str] = []
        for pattern, segment in zip(self.segments, segments, strict=True):
            match = pattern.fullmatch(segment)
            if match is None:
                return None
            found.extend(match.groups())
        return dict(zip(self.names, found, strict=True))


class Routes:
    """All routes of a contract; immutable."""

    def __init__(self, operations: Iterator[openapi.Operation]) -> None:
        self._fixed: dict[str, Methods] = {}
        templates: dict[str, Methods] = {}
        for operation in operations:
            route = Route(operation, gatherer(operation), operation.accepts_form or operation.accepts_json)
            for path in dict.fromkeys((operation.path, *(f"{base}{operation.path}" for base in operation.bases))):
                paths = templates if "{" in path else self._fixed
                key = path if "{" in path else "/".join(map(unquote, path.split("/")))
                if not is_control(key):
                    paths.setdefault(key, {}).setdefault(operation.method, route)
        self._templates: dict[int, list[_Template]] = {}
        for path in sorted(templates, key=_generality):
            template = _template(path, templates[path])
            self._templates.setdefault(len(template.segments), []).append(template)

    def find(self, path: str, method: str) -> tuple[Route | None, Mapping[str, str], Mapping[str, Route]]:
        """The route of a request, the values in its path, and the methods of its path: none for an unknown path.

        `path` is as it was sent, percent-encoded.
        """
        methods = self._fixed.get(path)
        if methods is not None and (route := methods.get(method)) is not None:
            return route, {}, methods
        segments = [unquote(segment) for segment in path.split("/")]
        allowed: Methods = {}
        for methods, values in self._matching(segments):
            if (route := methods.get(method)) is not None:
                return route, values, methods
            allowed = {**methods, **allowed}
        return None, {}, allowed

    def _matching(self, segments: list[str]) -> Iterator[tuple[Methods, dict[str, str]]]:
        path = "/".join(segments)
        if not any("/" in segment for segment in segments) and (methods := self._fixed.get(path)) is not None:
            yield methods, {}
        if is_control(path):
            return
        for template in self._templates.get(len(segments), ()):
            values = template.values(segments)
            if values is not None:
                yield template.methods, values


def sent_path(environ: Environ) -> str:
    """The path of a request, percent-encoded where it was sent so."""
    uri: str | None = environ.get("REQUEST_URI")
    if uri is None:
        return decoded(environ["PATH_INFO"])
    return decoded(uri.partition("?")[0])


def is_control(path: str) -> bool:
    """Whether a path belongs to the control plane, which no operation hides."""
    return path == CONTROL or path.startswith(f"{CONTROL}/")


def _template(path: str, methods: Methods) -> _Template:
    return _Template(tuple(map(_pattern, path.split("/"))), tuple(_placeholder.findall(path)), methods)


def _pattern(segment: str) -> re.Pattern[str]:
    parts = _placeholder.split(segment)
    return re.compile("(.+?)".join(re.escape(unquote(part)) for part in parts[::2]), re.DOTALL)


def _generality(path: str) -> tuple[tuple[int, int], ...]:
    """A sort key: level by level, text comes first, then a placeholder with the most text around it."""
    parts = [_placeholder.split(segment) for segment in path.split("/")]
    return tuple((len(each) > 1, -sum(map(len, each[::2]))) for each in parts)

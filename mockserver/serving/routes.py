"""The routes of a contract: which operation a request means, and how its parameters are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import openapi
from mockserver.http.request import Gather, gatherer

CONTROL = "/_mock"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, and the function that reads its parameters from a request."""

    operation: openapi.Operation
    gather: Gather
    reads_body: bool
    is_plain: bool
    """Whether it answers from the document, without a decision table."""


class Routes:
    """All routes of a contract; immutable. None of them hides the control plane."""

    def __init__(self, operations: Iterable[openapi.Operation]) -> None:
        self._paths = openapi.Paths(_entries(operations))

    def find(self, path: str, method: str) -> tuple[Route | None, Mapping[str, str], Mapping[str, Route]]:
        """The route of a request, the values in its path, and the methods of its path: none for an unknown path.

        `path` is as it was sent, percent-encoded.
        """
        found = self._paths.find(path, method)
        return (None, {}, {}) if found[1] and is_control(path) else found


def _entries(operations: Iterable[openapi.Operation]) -> Iterator[tuple[str, str, Route]]:
    """Each operation at its path, and below the base paths of its servers."""
    for operation in operations:
        reads_body = operation.accepts_form or operation.accepts_json or operation.reads_request
        is_plain = operation.success.content is not None
        route = Route(operation, gatherer(operation), reads_body, is_plain)
        for base in ("", *operation.bases):
            if not is_control(path := f"{base}{operation.path}"):
                yield path, operation.method, route


def is_control(path: str) -> bool:
    """Whether a path belongs to the control plane, which no operation hides."""
    return path == CONTROL or path.startswith(f"{CONTROL}/")

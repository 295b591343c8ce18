"""A mock: the routes of its contract, and its worlds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import openapi
from mockserver.http.request import Environ, Gather, decoded, gatherer, variable
from mockserver.serving.replies import Replies
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.world import Origin
from mockserver.worlds.worlds import Bounds, Worlds

_placeholder = re.compile(r"\{([^{}/]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, and the function that reads its parameters from a request."""

    operation: openapi.Operation
    gather: Gather
    reads_body: bool


Methods = dict[str, Route]
"""The routes of one path."""


class Table:
    """All routes of a contract; immutable."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.contract, self.replies = contract, Replies(contract)
        self.fixed: dict[str, Methods] = {}
        templates: dict[str, Methods] = {}
        for operation in contract.operations.values():
            paths = templates if "{" in operation.path else self.fixed
            route = Route(operation, gatherer(operation), operation.accepts_form or operation.accepts_json)
            paths.setdefault(operation.path, {})[operation.method] = route
        self._language, self._asked = next(iter(contract.languages), ""), variable(contract.language_header or "")
        self._templates = [(_pattern(path), tuple(_placeholder.findall(path)), each) for path, each in templates.items()]

    def find(self, path: str) -> tuple[Methods | None, Mapping[str, str]]:
        """The routes of a path, and the values in it; None for a path that the contract does not have."""
        methods = self.fixed.get(path)
        if methods is not None:
            return methods, {}
        for pattern, names, methods in self._templates:
            if (match := pattern.fullmatch(path)) is not None:
                return methods, dict(zip(names, map(decoded, match.groups()), strict=True))
        return None, {}

    def language(self, environ: Environ) -> str:
        """The language that a request asks for; the contract's first one if it is unknown."""
        asked = environ.get(self._asked, "")
        return asked if asked in self.contract.languages else self._language


class Mock:
    """A contract and its worlds."""

    def __init__(self, contract: openapi.Contract, origin: Origin, bounds: Bounds | None = None) -> None:
        """Raises WorldError where the world does not fit the contract."""
        self.worlds = Worlds(contract, origin, bounds or Bounds())
        self.table = Table(contract)

    @property
    def contract(self) -> openapi.Contract:
        """The contract that is served now."""
        return self.table.contract

    def shown(self, path: str) -> str:
        """A path that is no route, as a log may show it: escaped, and without the secrets of the default world."""
        redaction = Redaction(self.contract)
        redaction.learn(self.worlds.default.state)
        return quote(redaction.text(path), safe="/[]")

    def reload(self, contract: openapi.Contract, origin: Origin) -> list[str]:
        """Serves another contract, or begins with another world; gives the names of the worlds that began anew.

        Raises WorldError, and then nothing has changed.
        """
        table = Table(contract)
        again = self.worlds.reload(contract, origin)
        self.table = table
        return again


def _pattern(path: str) -> re.Pattern[str]:
    parts = _placeholder.split(path)
    return re.compile("([^/]+)".join(re.escape(part) for part in parts[::2]))

"""A mock: the routes of its contract, and its worlds."""

from __future__ import annotations

from secrets import token_bytes
from urllib.parse import quote

import openapi
from mockserver.http.request import Environ, variable
from mockserver.serving.replies import Replies
from mockserver.serving.routes import Routes
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.world import Origin
from mockserver.worlds.worlds import Bounds, Worlds


class Table:
    """The routes and the replies of a contract; immutable."""

    def __init__(self, contract: openapi.Contract) -> None:
        self.contract, self.replies = contract, Replies(contract)
        self.routes = Routes(contract.operations.values())
        self._language, self._asked = next(iter(contract.languages), ""), variable(contract.language_header or "")

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
        self.row_key = token_bytes(32)
        """The secret of the names that the control plane gives to rows. All processes of one mock must have the same."""

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

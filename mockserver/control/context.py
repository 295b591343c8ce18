"""What every view of the control plane uses: the worlds of the mock, what they look like, and what the caller may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from flask import request

import openapi
from mockserver.control import arguments as asked
from mockserver.control.access import Guard, Refusal
from mockserver.serving.mock import Mock
from mockserver.serving.repeat import curl_of
from mockserver.worlds.clock import Clock
from mockserver.worlds.journal import Entry, as_text
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.world import LiveWorld
from mockserver.worlds.worlds import DEFAULT

WORLD = "/_mock/worlds/<world>"
Body = Any
"""What a view gives: the value to be sent as JSON, maybe with an HTTP status; None for 204; or a response of Flask."""
Route = tuple[str, str, Callable[..., Body]]
"""A method, the path in the format of Flask, and the view."""


class NotThere(LookupError):
    """A world, snapshot, fault, table, row or entry that does not exist."""


class NotAllowed(RuntimeError):
    """A request that this server does not allow."""


class Context:
    """A mock and the rules of access to it."""

    def __init__(self, mock: Mock, guard: Guard) -> None:
        self.mock, self.guard = mock, guard

    def get(self, name: str) -> LiveWorld:
        """A world by its name. Raises NotThere."""
        world = self.mock.worlds.get(name)
        if world is None:
            raise NotThere(f"there is no world {name}; create it with POST /_mock/worlds?name={name}")
        world.sync()
        return world

    def entry(self, live: LiveWorld, entry: Entry, redaction: Redaction) -> dict[str, Any]:
        """An entry of the journal as plain data."""
        return described_entry(entry, self.url(live), redaction)

    def document(self, live: LiveWorld) -> tuple[openapi.Document, openapi.World]:
        """The world document in the body of the request. Raises NotUnderstood and WorldError."""
        document = asked.world_document(live.name, live.contract) or openapi.parse_document("{}", live.name)
        return document, openapi.read_world(document, live.contract, live.now(), None, self.mock.worlds.bounds.rows)

    def redaction(self, wanted: Mapping[str, Any]) -> Redaction:
        """The redaction of a reply. Raises Refusal if the caller may not see secrets."""
        shown = bool(wanted.get("secrets"))
        if shown and self.guard.token is None:
            raise Refusal(403, "only who holds the control-plane token may see secrets; start the mock with --token")
        return Redaction(self.mock.contract, off=shown)

    def url(self, world: LiveWorld) -> str:
        """The base URL of a world, by the name of the server that the request used."""
        base = request.host_url.rstrip("/")
        return base if world.name == DEFAULT else f"{base}/worlds/{world.name}"

    def world(self, live: LiveWorld) -> dict[str, Any]:
        """A world as plain data."""
        return described_world(live, self.url(live))


def described_world(live: LiveWorld, url: str) -> dict[str, Any]:
    """A world with this base URL as plain data."""
    return {
        "name": live.name,
        "url": url,
        "clock": described_clock(live.clock),
        "rows": {name: len(live.state.table(name)) for name in live.state.tables},
        "faults": len(live.faults.active),
        "entries": len(live.journal.entries),
        "snapshots": len(live.snapshots),
        "idle": round(monotonic() - live.used, 1),
    }


def described_entry(entry: Entry, url: str, redaction: Redaction) -> dict[str, Any]:
    """An entry of the journal of the world with this base URL as plain data."""
    return {**entry.described(redaction), "curl": curl_of(entry, url, redaction)}


def described_clock(clock: Clock) -> dict[str, Any]:
    """A clock as plain data; times in epoch ms."""
    now = clock.now()
    ahead = clock.ahead if clock.frozen_at is None else clock.at(now).running().ahead
    return {"mode": clock.mode, "now": now, "time": as_text(now), "ahead": ahead}

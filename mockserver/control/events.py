"""The events of a world as they happen: the entries of its journal, and what it looks like after each change.

A stream asks the world again and again, because a request must not cost more where somebody watches. It holds no entries: what
the client has not read yet stays in the journal, which is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from threading import Lock
from time import monotonic
from typing import Any

from flask import Response, request

from mockserver.control import arguments as asked
from mockserver.control import integers
from mockserver.control.arguments import NotUnderstood
from mockserver.control.context import WORLD, Body, Context, NotThere, Route, described_entry, described_world
from mockserver.http.reply import encoded
from mockserver.http.stream import Stream
from mockserver.worlds.journal import Entry
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.world import LiveWorld

MOST_STREAMS = 100
MOST_ENTRIES, MOST_BYTES = 100, 256 * 1024
"""Of entries that are sent at once."""
BEAT, WORLD_PAUSE = 15.0, 1.0
"""Seconds: of silence after which a comment is sent; between two events about the world."""
EVENTS = "text/event-stream; charset=utf-8"


class Crowded(RuntimeError):
    """There are too many streams."""


class Events:
    """The view of the events, and how many streams are open."""

    def __init__(self, context: Context) -> None:
        self.context, self.open = context, 0
        self._lock = Lock()

    def routes(self) -> list[Route]:
        """Its route."""
        return [("GET", f"{WORLD}/events", self.get_events)]

    def get_events(self, world: str) -> Body:
        live, wanted = self.context.get(world), asked.query("getEvents")
        last = _last_event()
        after = wanted.get("after") if last is None else last
        self.context.redaction(wanted)  # which may be refused
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(content_type=EVENTS, headers=headers)
        self._enter()
        feed = Feed(self.context, live, self.context.url(live), after, bool(wanted.get("secrets")), self._leave)
        return Response(feed, content_type=EVENTS, headers=headers, direct_passthrough=True)

    def _enter(self) -> None:
        with self._lock:
            if self.open >= MOST_STREAMS:
                raise Crowded(f"{MOST_STREAMS} streams of events are open already; close one, or read the journal with `after`")
            self.open += 1

    def _leave(self) -> None:
        with self._lock:
            self.open -= 1


class Feed(Stream):
    """The events of one world for one client."""

    def __init__(
        self, context: Context, live: LiveWorld, url: str, after: int | None, secrets: bool, closed: Callable[[], None]
    ) -> None:
        """`after` is the number of the last entry that the client has; one that the world has not reached counts as 0."""
        self.context, self.live, self.url, self.secrets, self.closed = context, live, url, secrets, closed
        count = live.journal.count
        self.after = count if after is None else after if after <= count else 0
        self.as_text, self.ended = integers.are_text(), False
        self.seen: Any = None  # what the last event about the world has said
        self.told = self.spoke = float("-inf")  # when that was sent, and when anything was, in seconds of `monotonic`

    def close(self) -> None:
        self.closed()

    def more(self) -> bytes | None:
        if self.ended:
            return None
        if not self._exists():
            self.ended = True
            return _event("gone", {"name": self.live.name})
        now = monotonic()
        found = self._world(now) + self._entries()
        if not found and now - self.spoke >= BEAT:
            found = b":\n\n"
        if found:
            self.spoke = now
        return found

    def _exists(self) -> bool:
        """Whether the world is there; another one under its name is not it."""
        try:
            return self.context.get(self.live.name) is self.live and self.live.journal.count >= self.after
        except NotThere:
            return False

    def _world(self, now: float) -> bytes:
        """An event about the world if it has changed. Time that passes is no change."""
        if now - self.told < WORLD_PAUSE:
            return b""
        found = described_world(self.live, self.url)
        seen = {**found, "clock": self.live.clock, "idle": None}
        if seen == self.seen:
            return b""
        self.seen, self.told = seen, now
        return self._event("world", found)

    def _entries(self) -> bytes:
        """The events of the next entries."""
        if self.live.journal.count <= self.after:
            return b""
        journal, state = self.live.read_journal()
        newer = list(takewhile(lambda entry: entry.number > self.after, reversed(journal.entries)))[::-1]
        redaction = Redaction(self.context.mock.contract, off=self.secrets)
        redaction.learn(state)
        found = bytearray()
        for entry in newer[:MOST_ENTRIES]:
            found += self._entry(entry, redaction)
            self.after = entry.number
            if len(found) > MOST_BYTES:
                return bytes(found)
        if len(newer) <= MOST_ENTRIES:
            self.after = journal.count  # also where the journal was cleared
        return bytes(found)

    def _entry(self, entry: Entry, redaction: Redaction) -> bytes:
        return self._event("entry", described_entry(entry, self.url, redaction), entry.number)

    def _event(self, kind: str, data: Any, number: int | None = None) -> bytes:
        return _event(kind, integers.safe(data) if self.as_text else data, number)


def _event(kind: str, data: Any, number: int | None = None) -> bytes:
    named = "" if number is None else f"id: {number}\n"
    return f"{named}event: {kind}\ndata: ".encode() + encoded(data) + b"\n\n"


def _last_event() -> int | None:
    """The number in `Last-Event-ID`; None without one. Raises NotUnderstood."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise NotUnderstood("Last-Event-ID is not understood: it wants the number of an entry")
    return int(text)

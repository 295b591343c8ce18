"""A change between two contracts: whom it breaks, its place, and a sentence.

A *client* was written by OLD: it sends what OLD allows, and handles what OLD says is answered. A *server* was written by OLD
too: it accepts and answers what OLD says. A change breaks clients if a client that is right by OLD can fail on a server that is
right by NEW. It breaks servers if a server that is right by OLD can violate NEW.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import openapi

CLIENTS, SERVERS = "clients", "servers"
Breaks = frozenset[str]
NOBODY: Breaks = frozenset()
OF_CLIENTS: Breaks = frozenset((CLIENTS,))
OF_SERVERS: Breaks = frozenset((SERVERS,))
BOTH: Breaks = OF_CLIENTS | OF_SERVERS


class Move(Enum):
    """What becomes of a set of values: of those that a client may send, or of those that a server may answer."""

    NARROWER = "narrower"
    WIDER = "wider"
    OTHER = "other"
    SAME = "same"


class Part(Enum):
    """The part of an exchange, and so who sends it."""

    REQUEST = "request"
    REPLY = "reply"

    def breaks(self, move: Move) -> Breaks:
        """Who breaks.

        A narrower set breaks whoever sends, because it may send what is no longer allowed; a wider set breaks whoever
        receives, because it may get what it does not know.
        """
        sender, receiver = (OF_CLIENTS, OF_SERVERS) if self is Part.REQUEST else (OF_SERVERS, OF_CLIENTS)
        return {Move.NARROWER: sender, Move.WIDER: receiver, Move.OTHER: BOTH, Move.SAME: NOBODY}[move]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of one of the two files."""

    file: str
    line: int
    gone: bool = False
    """Whether it is in OLD, because NEW no longer has it."""


def place(node: openapi.Node, gone: bool = False) -> Place:
    """The place of a value of NEW; of OLD if it is `gone`."""
    return Place(node.file, node.line, gone)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A request that is answered differently: `raw` holds the parameters for `operation`."""

    operation: openapi.Operation
    raw: Mapping[str, Any]
    before: tuple[str, ...]
    """The codes that OLD permits, the first is that of its mock."""
    after: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it got, and what it gets now."""
        if self.before[0] != self.after[0]:
            return f"this request got {self.before[0]}, and now gets {self.after[0]}"
        more = [each for each in self.after if each not in self.before]
        less = [each for each in self.before if each not in self.after]
        said = [f"may now get {' or '.join(more)}"] if more else []
        said += [f"may no longer get {' or '.join(less)}"] if less else []
        return f"this request {' and '.join(said) or f'gets {self.after[0]} as before'}"


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change."""

    breaks: Breaks
    place: Place
    what: str
    """One sentence, without a full stop."""
    operations: tuple[str, ...] = ()
    """The operations that it concerns; none for the whole document."""
    example: Example | None = None

    @property
    def kind(self) -> str:
        """Whom it breaks, in words."""
        broken = [each for each in (CLIENTS, SERVERS) if each in self.breaks]
        return f"breaking for {' and '.join(broken)}" if broken else "compatible"

    @property
    def key(self) -> tuple[Place, str, Breaks]:
        """Equal for the same change of several operations, such as that of a schema which they share."""
        return self.place, self.what, self.breaks


def merged(changes: Iterable[Change]) -> Iterator[Change]:
    """Each change once, with all operations that it concerns."""
    found: dict[tuple[Place, str, Breaks], Change] = {}
    for each in changes:
        one = found.get(each.key)
        names = () if one is None else one.operations
        operations = tuple(dict.fromkeys((*names, *each.operations)))
        found[each.key] = replace(one or each, operations=operations, example=(one and one.example) or each.example)
    yield from found.values()


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Grouped by operations, sorted by position in NEW; what is gone comes after it, by position in OLD."""
    found = list(changes)
    first: dict[tuple[str, ...], tuple[bool, bool, str, int]] = {}
    for each in found:
        at = (bool(each.operations), each.place.gone, each.place.file, each.place.line)
        first[each.operations] = min(first.get(each.operations, at), at)

    def position(each: Change) -> tuple[Any, ...]:
        return first[each.operations], each.operations, each.place.gone, each.place.file, each.place.line, each.what

    return sorted(found, key=position)

"""The worlds of a mock: created, found, deleted, expired, and bounded in number and size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

import openapi
from mockserver.worlds.metrics import Tallies
from mockserver.worlds.world import LiveWorld, Moment, NoRoom, Origin

DEFAULT = "default"


class NameTaken(ValueError):
    """A world with this name exists."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of worlds."""

    worlds: int = 200
    rows: int = 100_000
    """In each table of a world."""
    journal: int = 1000
    """Entries that a world keeps."""
    idle: float = 3600.0
    """Seconds without a request after which a world is deleted; 0 for never."""


class Worlds:
    """Every world of a mock. The default one always exists."""

    def __init__(self, contract: openapi.Contract, origin: Origin, bounds: Bounds) -> None:
        self.contract, self.origin, self.bounds = contract, origin, bounds
        self._lock, self._retired = Lock(), Tallies()
        self.default = self._live(DEFAULT, origin)
        self._named: dict[str, LiveWorld] = {DEFAULT: self.default}

    def __len__(self) -> int:
        return len(self._named)

    def get(self, name: str) -> LiveWorld | None:
        """The world with this name; None where there is none, or it expired. To ask for it keeps it alive."""
        world = self._named.get(name)
        if world is None:
            return None
        now = monotonic()
        if self._expired(world, now):
            self.delete(name)
            return None
        world.used = now
        return world

    def all(self) -> list[LiveWorld]:
        """Every world, in the order in which they were created."""
        self.expire()
        return list(self._named.values())

    def create(self, name: str, origin: Origin) -> LiveWorld:
        """A new world from an origin. Raises NameTaken, NoRoom, and WorldError if the document does not fit the contract."""
        self.expire()
        self._check(name)
        world = self._live(name, origin)
        with self._lock:
            self._check(world.name)
            self._named[world.name] = world
        return world

    def fork(self, name: str, parent: LiveWorld) -> LiveWorld:
        """A copy of another world. Raises NameTaken and NoRoom."""
        return self.create(name, replace(parent.origin, moment=parent.moment()))

    def delete(self, name: str) -> bool:
        """Deletes a world; False where there is none, or where it is the default one."""
        with self._lock:
            world = None if name == DEFAULT else self._named.pop(name, None)
            if world is not None:
                self._retired.merge(world.tallies)
        return world is not None

    def expire(self) -> None:
        """Deletes the worlds that were not used for the idle time."""
        now = monotonic()
        for world in list(self._named.values()):
            if self._expired(world, now):
                self.delete(world.name)

    def tallies(self) -> Tallies:
        """The counters of all worlds, including deleted ones."""
        total = Tallies()
        with self._lock:
            total.merge(self._retired)
            for world in self._named.values():
                total.merge(world.tallies)
        return total

    def reload(self, contract: openapi.Contract, origin: Origin) -> list[str]:
        """Serves another contract or world file; gives the names of the worlds that began anew.

        The default world is reset. The others keep what they have while their tables are the same. Raises WorldError,
        and then nothing has changed.
        """
        first = origin.begin(contract, self.bounds.rows)
        tables_changed = dict(contract.tables) != dict(self.contract.tables)
        again = {each.name: self._again(each, contract, first) for each in self.all() if tables_changed}
        again[DEFAULT] = first
        for world in self.all():
            own = origin if world.origin is self.origin else world.origin
            world.serve(contract, own, again.get(world.name))
        self.contract, self.origin = contract, origin
        return sorted(again)

    def _again(self, world: LiveWorld, contract: openapi.Contract, first: Moment) -> Moment:
        try:
            return world.origin.begin(contract, self.bounds.rows)
        except openapi.WorldError:
            return first

    def _live(self, name: str, origin: Origin) -> LiveWorld:
        return LiveWorld(name, self.contract, origin, origin.begin(self.contract, self.bounds.rows), self.bounds.journal)

    def _check(self, name: str) -> None:
        if name in self._named:
            raise NameTaken(f"there is a world {name} already; delete it, or choose another name")
        if len(self._named) >= self.bounds.worlds:
            raise NoRoom(
                f"there are {self.bounds.worlds} worlds already; delete one, or start the mock with a larger --max-worlds"
            )

    def _expired(self, world: LiveWorld, now: float) -> bool:
        return bool(self.bounds.idle) and world.name != DEFAULT and now - world.used > self.bounds.idle

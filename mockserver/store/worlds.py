"""The worlds of a mock in a database. Which there are, the database knows: another process may have created or deleted one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from random import Random
from threading import RLock
from time import monotonic, time
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

import openapi
from mockserver.store.database import Database
from mockserver.store.plain import digest, digest_of_tables, plain_moment, plain_tallies, read, read_tallies, written
from mockserver.store.saved import Saved, beginning, put_moment, saved_bytes
from mockserver.store.schema import CHECKPOINT, ORIGIN, STORE, WORLDS, prepare, take_turn
from mockserver.store.world import StoredWorld, WorldGone
from mockserver.worlds.clock import Clock
from mockserver.worlds.metrics import Tallies
from mockserver.worlds.world import LiveWorld, Moment, NotStored, Origin, StoreProblem
from mockserver.worlds.worlds import DEFAULT, Bounds, Worlds

MOST_UNSEEN = 30.0
"""Seconds after which the store is told again that a world is used; a twentieth of the idle time, if that is less."""
NONE: Mapping[str, Moment] = {}

_BY_NAME = select(WORLDS).where(WORLDS.c.name == bindparam("named"))
_USED = update(WORLDS).where(WORLDS.c.id == bindparam("of")).values(used=bindparam("now"))


class StoredWorlds(Worlds):
    """Every world of a mock in a store. Each method raises NotStored where the database fails."""

    wait = True
    default: StoredWorld

    def __init__(self, contract: openapi.Contract, origin: Origin, bounds: Bounds, address: str) -> None:
        """Opens the store. The default world continues; in a new store it begins with its origin.

        Raises StoreProblem, and WorldError where the document of a new world does not fit the contract.
        """
        self.contract, self.origin, self.bounds = contract, origin, bounds
        self.database = Database(address)
        self._lock = RLock()  # type: ignore[assignment]
        self._known: dict[int, StoredWorld] = {}
        try:
            prepare(self.database)
            with self.database.reading() as connection:
                self.row_key = bytes(connection.execute(select(STORE.c.row_key)).scalar_one())
            self.default = self._open()
        except NotStored as error:
            raise StoreProblem(str(error)) from error

    def __len__(self) -> int:
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(WORLDS)).scalar_one()

    def get(self, name: str) -> StoredWorld | None:
        """The world with this name; None where there is none, or it expired. To ask for it keeps it alive."""
        if name == DEFAULT:
            return self.default
        with self.database.reading() as connection:
            found = connection.execute(_BY_NAME, {"named": name}).one_or_none()
        if found is None:
            return None
        if self._is_idle(found.used):
            self._delete(name, idle=True)
            return None
        world = self._world(found)
        world.used = monotonic()
        if time() - found.used > self._unseen():
            with self.database.writing() as connection:
                connection.execute(_USED, {"of": found.id, "now": time()})
        return world

    def all(self) -> list[LiveWorld]:
        """Every world, in the order in which they were created."""
        self.expire()
        with self.database.reading() as connection:
            rows = connection.execute(select(WORLDS).order_by(WORLDS.c.id)).all()
        found: list[LiveWorld] = []
        for row in rows:
            with suppress(WorldGone):  # deleted meanwhile
                world = self._world(row)
                world.sync()
                if row.name != DEFAULT:
                    world.used = monotonic() - (time() - row.used)
                found.append(world)
        return found

    def create(self, name: str, origin: Origin) -> LiveWorld:
        """A new world from an origin. Raises NameTaken, NoRoom, and WorldError if the document does not fit the contract."""
        return self.begin(name, origin, beginning(origin.begin(self.contract, self.bounds.rows)))

    def begin(self, name: str, origin: Origin, saved: Saved, snapshots: Mapping[str, Moment] = NONE) -> StoredWorld:
        """A new world that has what is saved. Raises NameTaken and NoRoom."""
        self.expire()
        with self.database.writing() as connection:
            take_turn(connection, self.database)
            number = connection.execute(select(func.count()).select_from(WORLDS)).scalar_one()
            self._check_room(name, connection.execute(_BY_NAME, {"named": name}).one_or_none() is not None, number)
            number = self._insert(connection, name, origin, saved)
            for each, moment in snapshots.items():
                put_moment(connection, number, each, 0, written(plain_moment(moment)))
        world = self.get(name)
        if world is None:
            raise WorldGone(name)
        world.sync()
        return world

    def delete(self, name: str) -> bool:
        """Deletes a world; False where there is none, or where it is the default one."""
        return name != DEFAULT and self._delete(name)

    def expire(self) -> None:
        """Deletes the worlds that were not used for the idle time; does nothing while the database fails."""
        with suppress(NotStored):
            with self.database.reading() as connection:
                rows = connection.execute(select(WORLDS.c.id, WORLDS.c.name, WORLDS.c.used)).all()
            with self._lock:
                for gone in self._known.keys() - {row.id for row in rows}:
                    del self._known[gone]
            for row in rows:
                if row.name != DEFAULT and self._is_idle(row.used):
                    self._delete(row.name, idle=True)

    def tallies(self) -> Tallies:
        """The counters of all worlds, including deleted ones."""
        total = Tallies()
        with self.database.reading() as connection:
            total.merge(read_tallies(read(connection.execute(select(STORE.c.retired)).scalar_one())))
        for world in self.all():
            total.merge(world.tallies)
        return total

    def reload(self, contract: openapi.Contract, origin: Origin) -> list[str]:
        """Serves another contract or world file; gives the names of the worlds that began anew.

        The default world is reset by the first process that reads the files. The others keep what they have while it fits the
        tables. Raises WorldError and NotStored, and then nothing has changed.
        """
        first, again = origin.begin(contract, self.bounds.rows), []
        with self.database.reading() as connection:
            rows = connection.execute(select(WORLDS)).all()
        with self._lock:
            if self.default.take_over(contract, origin, first, _served(contract, origin)):
                again.append(DEFAULT)
            before, self.contract, self.origin = self.origin, contract, origin
            tables = digest_of_tables(contract.tables)
            for row in rows:
                known = row.id in self._known or row.tables != tables  # others are read when they are wanted
                if row.name != DEFAULT and known:
                    world = self._world(row)
                    own = origin if world.origin is before else world.origin
                    moment = self._again(world, contract, first) if row.tables != tables else None
                    if world.take_over(contract, own, moment, ""):
                        again.append(world.name)
        return sorted(again)

    def close(self) -> None:
        """Closes the connections of this process."""
        self.database.close()

    def _open(self) -> StoredWorld:
        """The default world. Raises StoreProblem for one of another contract."""
        begun = self.origin.begin(self.contract, self.bounds.rows)
        with self.database.writing() as connection:
            take_turn(connection, self.database)
            found = connection.execute(_BY_NAME, {"named": DEFAULT}).one_or_none()
            if found is None:
                self._insert(connection, DEFAULT, self.origin, beginning(begun))
                found = connection.execute(_BY_NAME, {"named": DEFAULT}).one()
            elif found.tables != digest_of_tables(self.contract.tables):
                raise StoreProblem(
                    f"the store {self.database.shown} is of a contract with other tables than {self.contract.file}; "
                    "give the contract that it began with, or another store"
                )
            # A start counts as a use. The state stays, also where the files have changed meanwhile.
            connection.execute(update(WORLDS).values(used=time()))
            served = _served(self.contract, self.origin)
            connection.execute(update(WORLDS).where(WORLDS.c.id == found.id).values(served=served))
        world = self._world(found)
        world.sync()
        return world

    def _insert(self, connection: Connection, name: str, origin: Origin, saved: Saved) -> int:
        tables = digest_of_tables(self.contract.tables)
        row = {"name": name, "used": time(), "number": 0, "bytes": 0, "tables": tables, "served": ""}
        world = connection.execute(insert(WORLDS).values(**row, origin=self._origin_bytes(origin))).inserted_primary_key
        assert world is not None
        put_moment(connection, world[0], CHECKPOINT, 0, saved_bytes(saved))
        if origin.moment is not None:
            put_moment(connection, world[0], ORIGIN, 0, written(plain_moment(origin.moment)))
        return int(world[0])

    def _world(self, row: Row[Any]) -> StoredWorld:
        """The world of a row; it may be behind what other processes have changed."""
        with self._lock:
            world = self._known.get(row.id)
            if world is None:
                nothing = Moment(
                    openapi.State.empty(self.contract.tables.values(), self.bounds.rows), Clock(), Random().getstate()
                )
                origin = Origin(self.origin.document)
                world = StoredWorld(self.database, row.id, row.name, self.contract, origin, beginning(nothing), self.bounds)
                world.origin = self._read_origin(world, read(row.origin))
                self._known[row.id] = world
            return world

    def _origin_bytes(self, origin: Origin) -> bytes:
        document = None if origin.document is self.origin.document else [origin.document.file, origin.document.data]
        return written({"document": document, "environ": origin.environ is not None, "moment": origin.moment is not None})

    def _read_origin(self, world: StoredWorld, data: Mapping[str, Any]) -> Origin:
        """The origin of a world. Without a document of its own it is the world file of this process."""
        document = self.origin.document
        if data["document"] is not None:
            file, content = data["document"]
            document = openapi.Document(file, content, {})
        elif not data["moment"]:
            return self.origin
        moment = world.stored_moment(ORIGIN) if data["moment"] else None
        return Origin(document, self.origin.environ if data["environ"] else None, moment)

    def _delete(self, name: str, *, idle: bool = False) -> bool:
        """Deletes a world; with `idle` only if no other process has used it meanwhile."""
        with self.database.reading() as connection:
            row = connection.execute(_BY_NAME, {"named": name}).one_or_none()
        if row is None:
            return False
        world = self._world(row)
        with world.reading, self.database.writing() as connection:
            take_turn(connection, self.database)
            found = connection.execute(select(WORLDS).where(WORLDS.c.id == row.id).with_for_update()).one_or_none()
            if found is None or (idle and not self._is_idle(found.used)):
                return False
            with suppress(NotStored):  # of other tables: its metrics are lost
                world.catch_up(connection, locked=True)
            total = read_tallies(read(connection.execute(select(STORE.c.retired)).scalar_one()))
            total.merge(world.tallies)
            connection.execute(update(STORE).values(retired=written(plain_tallies(total))))
            connection.execute(delete(WORLDS).where(WORLDS.c.id == row.id))
        with self._lock:
            self._known.pop(row.id, None)
        return True

    def _unseen(self) -> float:
        return min(MOST_UNSEEN, self.bounds.idle / 20)

    def _is_idle(self, used: float) -> bool:
        """Whether a world may be deleted, which was used at this time in epoch seconds."""
        return bool(self.bounds.idle) and time() - used > self.bounds.idle + self._unseen()


def _served(contract: openapi.Contract, origin: Origin) -> str:
    """A digest of the files that a mock serves."""
    return digest(contract.document, origin.document.data)

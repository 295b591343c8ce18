"""A world in a database. Its state is a fold of a log: each transaction appends what it has changed.

A process keeps the folded world in memory. Before a transaction it takes the lock of the world's row and applies what other
processes have appended since; so all transactions of a world have one order, in all processes. Where a transaction fails, the
process forgets what it has in memory, and reads the world again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

import openapi
from mockserver.store.change import Content, all_secrets, plain_change, removed_secrets
from mockserver.store.database import Database
from mockserver.store.entries import plain_entry, read_entry
from mockserver.store.lock import WorldLock
from mockserver.store.plain import (
    digest_of_tables,
    plain_moment,
    read,
    read_fault,
    read_moment,
    read_random,
    written,
)
from mockserver.store.saved import Saved, find_moment, forget_moment, put_moment, read_saved, saved_bytes
from mockserver.store.schema import CHECKPOINT, LOG, WORLDS
from mockserver.worlds.clock import Clock
from mockserver.worlds.journal import Entry
from mockserver.worlds.metrics import Tallies
from mockserver.worlds.world import LiveWorld, Moment, NotStored, Origin
from mockserver.worlds.worlds import Bounds

LONGEST_LOG = 1024 * 1024
"""Bytes of a log after which there is a checkpoint; the size of the last checkpoint, if that is more."""

FOUND = select(WORLDS.c.number, WORLDS.c.bytes, WORLDS.c.tables, WORLDS.c.served).where(WORLDS.c.id == bindparam("world"))
LOCKED = FOUND.with_for_update()
_RECORDS = (
    select(LOG.c.change, LOG.c.journal)
    .where(LOG.c.world == bindparam("world"), LOG.c.number > bindparam("after"), LOG.c.number <= bindparam("last"))
    .order_by(LOG.c.number)
)
_ENTRIES = (
    select(LOG.c.journal)
    .where(LOG.c.world == bindparam("world"), LOG.c.number <= bindparam("last"), LOG.c.entry > bindparam("after"))
    .order_by(LOG.c.number)
)
_APPEND = insert(LOG)
_COUNT = update(WORLDS).where(WORLDS.c.id == bindparam("of"))
_COUNT_RECORDS = _COUNT.values(number=bindparam("last"), bytes=bindparam("size"))


class WorldGone(NotStored):
    """A world that another process has deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no world {name} any more; create it with POST /_mock/worlds?name={name}", 404)


class Snapshots(dict[str, Any]):
    """The snapshots of a world by name, each read from the store when it is wanted."""

    def __init__(self, world: StoredWorld, names: Sequence[str]) -> None:
        super().__init__(dict.fromkeys(names))
        self._world = world
        self.unstored: set[str] = set()
        """The names of those that the store does not have yet."""

    def __setitem__(self, name: str, moment: Moment) -> None:
        super().__setitem__(name, moment)
        self.unstored.add(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The snapshot with this name."""
        if name not in self:
            return default
        if super().get(name) is None:
            super().__setitem__(name, self._world.stored_moment(name))
        return self[name]


class StoredWorld(LiveWorld):
    """One world in a database."""

    snapshots: Snapshots

    def __init__(
        self, database: Database, number: int, name: str, contract: openapi.Contract, origin: Origin, saved: Saved, bounds: Bounds
    ) -> None:
        """`number` is its id. It has what is saved, until it catches up."""
        super().__init__(name, contract, origin, saved.moment, bounds.journal)
        self.database, self.id, self.bounds = database, number, bounds
        self.transactions = WorldLock(self)
        self.lock = self.transactions  # type: ignore[assignment]
        self.reading = self.transactions.local
        self.number = 0
        """Of the last record of the log that it has applied."""
        self.stale = True
        """Whether it is to be read again: at the beginning, and after a transaction that failed."""
        self.replaced = False
        """Whether the current transaction has put another moment in place of the content."""
        self.tables = digest_of_tables(contract.tables)
        self._bytes, self._most_bytes = 0, LONGEST_LOG
        self._past: dict[str, int] = {}
        self._take(saved)

    def sync(self) -> None:
        """Takes over what other processes have changed. Raises NotStored, and WorldGone for a world that was deleted."""
        with self.reading, self.database.reading() as connection:
            self.catch_up(connection, locked=False)

    def catch_up(self, connection: Connection, *, locked: bool) -> None:
        """The same in a transaction; `locked` takes the lock of the world in the database. The caller holds `reading`."""
        found = connection.execute(LOCKED if locked else FOUND, {"world": self.id}).one_or_none()
        if found is None:
            raise WorldGone(self.name)
        if found.tables != self.tables:
            raise NotStored("another process of this mock serves a contract with other tables; try again in a second")
        if self.stale or (found.number != self.number and not self._continued(connection, found.number)):
            self._load(connection, found.number)
        self._bytes = found.bytes

    def content(self) -> Content:
        """All that a transaction may change."""
        return Content(
            self.state,
            self.clock,
            self.random.getstate(),
            self.faults.active,
            self.faults.last,
            self.journal.count,
            self.journal.cleared_at,
            self._counted_before,
            tuple(self.snapshots),
            self._last_snapshot,
            self.secrets,
        )

    def store(self, connection: Connection, before: Content, after: Content) -> None:
        """Appends to the log what a transaction has changed."""
        rows = None if self.replaced else openapi.changes_between(before.state, after.state)
        self._note_secrets(before, after, rows)
        self._store_snapshots(connection, before, after)
        entries = list(self.journal.entries)[-1:] if after.count == before.count + 1 else self._entries_after(before.count)
        records = [self._record(each, {}) for each in entries[:-1]]
        records.append(self._record(entries[-1] if entries else None, plain_change(before, after, rows or ())))
        connection.execute(_APPEND, records)
        self._bytes += sum(len(each["change"]) + len(each["journal"] or b"") for each in records)
        if rows is None:
            self.number += 1  # a gap in the log, so that other processes read the checkpoint
        if rows is None or self._bytes > self._most_bytes:
            self._checkpoint(connection)
        connection.execute(_COUNT_RECORDS, {"of": self.id, "last": self.number, "size": self._bytes})

    def serve(self, contract: openapi.Contract, origin: Origin, moment: Moment | None = None) -> None:
        """Answers by another contract from now on; with a moment, begins anew if its rows do not fit the tables."""
        self.take_over(contract, origin, moment, "")

    def take_over(self, contract: openapi.Contract, origin: Origin, moment: Moment | None, served: str) -> bool:
        """As `serve`; says whether it began anew.

        That is also where a digest of the files that are `served` is another one than that with which it began. Of several
        processes that read the same files, the first one does it.
        """
        before = self.contract, self.origin, self.tables
        after = contract, origin, digest_of_tables(contract.tables)
        with self.reading:
            try:
                with self.database.writing() as connection:
                    return self._took_over(connection, after, moment, served)
            except BaseException:
                self.stale = True
                self.contract, self.origin, self.tables = before
                raise

    def everything(self) -> tuple[Moment, dict[str, Moment]]:
        """Its content and its snapshots at one moment. Raises NotStored."""
        with self.lock:
            names = tuple(self.snapshots)
            return self._moment(), {name: moment for name in names if (moment := self.snapshots.get(name)) is not None}

    def put_everything(self, saved: Saved, snapshots: Mapping[str, Moment]) -> None:
        """Replaces its content and its snapshots; the journal is kept. Raises NotStored."""
        with self.lock:
            self._put(saved.moment)
            self.faults.last = max(self.faults.last, saved.last_fault)
            self._last_snapshot = max(self._last_snapshot, saved.last_snapshot)
            self.snapshots.clear()
            for name, moment in snapshots.items():
                self.snapshots[name] = moment

    def stored_moment(self, name: str) -> Moment:
        """A snapshot, or another moment that is kept under a name. Raises NotStored."""
        with self.database.reading() as connection:
            found = find_moment(connection, self.id, name)
        if found is None:
            raise WorldGone(self.name)
        return read_moment(read(found[1]), self.contract.tables, self.bounds.rows)

    def _took_over(
        self, connection: Connection, after: tuple[openapi.Contract, Origin, str], moment: Moment | None, served: str
    ) -> bool:
        found = connection.execute(LOCKED, {"world": self.id}).one_or_none()
        if found is None:
            raise WorldGone(self.name)
        anew = moment is not None and (found.tables != after[2] or found.served != served)
        if anew and found.tables == self.tables:
            self.catch_up(connection, locked=False)
        self.contract, self.origin, self.tables = after
        self.stale = not anew
        if anew and moment is not None:
            self._begin_anew(connection, moment, found.number + 2)
            connection.execute(_COUNT.values(tables=self.tables, served=served, number=self.number, bytes=0), {"of": self.id})
        return anew

    def _begin_anew(self, connection: Connection, moment: Moment, number: int) -> None:
        """Begins with a moment, without journal and snapshots. `number` leaves a gap, so that others read the checkpoint."""
        self._begin(moment)
        for name in self.snapshots:
            forget_moment(connection, self.id, name)
        self.snapshots = Snapshots(self, ())
        self._past.clear()
        self.number = number
        self._checkpoint(connection)

    def _entries_after(self, number: int) -> list[Entry]:
        return [each for each in self.journal.entries if each.number > number]

    def _record(self, entry: Entry | None, change: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        return {
            "world": self.id,
            "number": self.number,
            "change": written(change),
            "entry": None if entry is None else entry.number,
            "journal": None if entry is None else written(plain_entry(entry, self.contract)),
        }

    def _store_snapshots(self, connection: Connection, before: Content, after: Content) -> None:
        for name in set(before.snapshots) - set(after.snapshots):
            forget_moment(connection, self.id, name)
        for name in self.snapshots.unstored.intersection(after.snapshots):
            put_moment(connection, self.id, name, self.number, written(plain_moment(self.snapshots[name])))
        self.snapshots.unstored.clear()

    def _checkpoint(self, connection: Connection) -> None:
        """Stores the whole world, and forgets the log that led to it, but for the entries that the journal keeps."""
        oldest = max(self.journal.cleared_at, self.journal.count - self.bounds.journal)
        for secret in [secret for secret, number in self._past.items() if number <= oldest]:
            del self._past[secret]
        content = saved_bytes(self._saved())
        put_moment(connection, self.id, CHECKPOINT, self.number, content)
        unkept = or_(LOG.c.entry.is_(None), LOG.c.entry <= oldest)
        connection.execute(delete(LOG).where(LOG.c.world == self.id, LOG.c.number <= self.number, unkept))
        self._bytes, self._most_bytes = 0, max(LONGEST_LOG, len(content))

    def _saved(self) -> Saved:
        journal, names = self.journal, tuple(self.snapshots)
        return Saved(
            self._moment(),
            self.faults.last,
            journal.count,
            journal.cleared_at,
            names,
            self._last_snapshot,
            self.tallies,
            self._counted_before,
            self._past,
        )

    def _load(self, connection: Connection, number: int) -> None:
        """Reads the world from its last checkpoint on, up to a record. Raises NotStored where the store is damaged."""
        found = find_moment(connection, self.id, CHECKPOINT)
        if found is None:
            raise self._damaged("has no checkpoint")
        begin, content = found
        try:
            saved = read_saved(content, self.contract.tables, self.bounds.rows)
        except (openapi.ExecutionError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"cannot be read: {error}") from error
        self._take(saved)
        self._most_bytes = max(LONGEST_LOG, len(content))
        after = max(saved.cleared_at, saved.count - self.bounds.journal)
        for (entry,) in connection.execute(_ENTRIES, {"world": self.id, "last": begin, "after": after}):
            self.journal.entries.append(read_entry(read(entry), self._past))
        self.number = begin
        if begin != number and not self._continued(connection, number):
            raise self._damaged("has a log with a gap")
        self.stale = False

    def _put(self, moment: Moment) -> None:
        super()._put(moment)
        self.replaced = True

    def _take(self, saved: Saved) -> None:
        self._put(saved.moment)
        self.faults.last, self._last_snapshot = saved.last_fault, saved.last_snapshot
        self.journal.entries.clear()
        self.journal.count, self.journal.cleared_at = saved.count, saved.cleared_at
        self.snapshots, self._past = Snapshots(self, saved.snapshots), dict(saved.past)
        self.tallies = Tallies()
        self.tallies.merge(saved.tallies)
        self._counted_before = saved.counted_before

    def _damaged(self, what: str) -> NotStored:
        return NotStored(f"world {self.name} of the store {self.database.shown} {what}; put a copy of the store in its place")

    def _continued(self, connection: Connection, number: int) -> bool:
        """Applies the records up to this one; False where some are gone, as there is a later checkpoint."""
        wanted = {"world": self.id, "after": self.number, "last": number}
        records = connection.execute(_RECORDS, wanted).all()
        if len(records) != number - self.number:
            return False
        self.stale = True
        for change, entry in records:
            self._apply(read(change), None if entry is None else read(entry))
        self.number, self.stale = number, False
        return True

    def _apply(self, change: dict[str, Any], entry: dict[str, Any] | None) -> None:
        if "rows" in change:
            rows = openapi.read_changes(change["rows"], self.contract.tables)
            self.state = openapi.changed(self.state, rows)
            self._past |= dict.fromkeys(removed_secrets(rows, self.contract), self.journal.count + 1)
        if "clock" in change:
            self.clock = Clock(*change["clock"])
        if "random" in change:
            self.random.setstate(read_random(change["random"], self.random.getstate()))
        if "faults" in change:
            self.faults.active, self.faults.last = tuple(map(read_fault, change["faults"][0])), change["faults"][1]
        if "cleared" in change:
            self.journal.entries.clear()
            self.journal.cleared_at = change["cleared"]
        if "begun" in change:
            self._counted_before = self.tallies.counts()
        if "snapshots" in change:
            names, self._last_snapshot = change["snapshots"]
            known = dict(self.snapshots)
            self.snapshots = Snapshots(self, names)
            self.snapshots.update((name, known[name]) for name in names if name in known)
        if entry is not None:
            found = read_entry(entry, self._past)
            self.journal.count = found.number
            self.journal.entries.append(found)
            self.tallies[found.call.operation, found.outcome, entry["row"]].add(found.seconds)

    def _note_secrets(self, before: Content, after: Content, rows: Sequence[openapi.RowChange] | None) -> None:
        """Remembers the secrets that rows had, as entries of the journal may show them."""
        if rows is None:
            gone = all_secrets(before.state, self.contract) - all_secrets(after.state, self.contract)
        else:
            gone = set(removed_secrets(rows, self.contract)) if rows else set()
        self._past |= dict.fromkeys(gone, after.count)

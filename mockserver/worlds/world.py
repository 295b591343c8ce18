"""A live world: a state that requests change, with its own clock, random generator, faults and journal.

Whatever changes a world is a method of LiveWorld and does so under its lock: a world in a store has a lock that stores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from time import monotonic, perf_counter
from typing import Any

import openapi
from mockserver.worlds.clock import Clock, wall_clock
from mockserver.worlds.faults import MOST_FAULTS, Fault, Faults, UnknownOutcome, rule_for
from mockserver.worlds.journal import Call, Entry, Journal
from mockserver.worlds.metrics import Counted, Tallies

MOST_SNAPSHOTS = 100

Row = tuple[Any, ...]
Key = tuple[Any, ...]
"""The values of the key of a row."""


class NoRoom(RuntimeError):
    """A limit is reached; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The complete content of a world at one time. It is immutable, so a snapshot costs nothing."""

    state: openapi.State
    clock: Clock
    random: tuple[Any, ...]
    faults: tuple[Fault, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Values that came from the environment, each with the `${NAME}` to print instead."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a world: a document, read again at each reset (its times are relative), or a snapshot of another world."""

    document: openapi.Document
    environ: Mapping[str, str] | None = None
    """The values of `${NAME}`; None for a document from the network."""
    moment: Moment | None = None

    def begin(self, contract: openapi.Contract, most_rows: int) -> Moment:
        """The initial content. Raises WorldError where the document does not fit the contract."""
        if self.moment is not None and self.moment.state.tables == dict(contract.tables):
            return self.moment
        now = wall_clock()
        world = openapi.read_world(self.document, contract, now, self.environ, most_rows)
        clock = Clock(frozen_at=world.now) if world.frozen else Clock(world.now - now)
        return Moment(world.state, clock, Random(world.seed).getstate(), secrets=world.secrets)


class LiveWorld:
    """One world. A request is one transaction: it sees and leaves one consistent state."""

    state: openapi.State
    clock: Clock
    secrets: Mapping[str, str]

    def __init__(self, name: str, contract: openapi.Contract, origin: Origin, moment: Moment, journal: int) -> None:
        self.name, self.contract, self.origin = name, contract, origin
        self.lock = Lock()
        """Of every change. What changes under it is one transaction."""
        self.reading = self.lock
        """Of what has to be read as it is at one moment."""
        self.random, self.faults = Random(), Faults()
        self.journal, self.tallies = Journal(journal), Tallies()
        self.snapshots: dict[str, Moment] = {}
        self.used = monotonic()
        """When the world was last used, in seconds of `time.monotonic`."""
        self._last_snapshot = 0
        self._counted_before: Counter[Counted] = Counter()
        """What the tallies had when the world began anew: they go on, because counters of Prometheus do."""
        self._put(moment)

    def now(self) -> int:
        """Its time, in epoch ms."""
        return self.clock.now()

    def answer(self, operation: openapi.Operation, call: Call, forced: Fault | None = None) -> Entry:
        """Answers a call and stores its changes; a rule that fails changes nothing.

        `forced` is a fault of this one call. The entry is in the journal when this returns.
        """
        with self.lock:
            fault = forced
            if fault is None and self.faults.active:
                fault = self.faults.take(operation.name, self.random)
            self.journal.count += 1
            try:
                entry = self._decided(operation, call) if fault is None else self._spoilt(operation, call, fault)
            except (openapi.ExecutionError, UnknownOutcome) as error:
                entry = self._failed(call, error)
            self.journal.entries.append(entry.kept(self.contract, self.state))
            self.tallies[operation.name, entry.outcome, entry.decision.rule.number if entry.decision else 0].add(entry.seconds)
        return entry

    def _decided(self, operation: openapi.Operation, call: Call) -> Entry:
        now = self.clock.now()
        decision = openapi.decide(operation, call.raw, self.state, now, self.random)
        self.state, rule = decision.state, decision.rule
        return Entry(self.journal.count, now, perf_counter() - call.started, call, rule.outcome, rule.status, decision, rule)

    def _spoilt(self, operation: openapi.Operation, call: Call, fault: Fault) -> Entry:
        entry = self._replaced(operation, call, fault) if fault.replaces else self._decided(operation, call)
        entry.fault, entry.tainted = fault, fault.taints
        if fault.drop is not None:
            entry.outcome, entry.status = None, 0
        return entry

    def _replaced(self, operation: openapi.Operation, call: Call, fault: Fault) -> Entry:
        """A reply without the decision table; it changes nothing."""
        now = self.clock.now()
        entry = Entry(self.journal.count, now, perf_counter() - call.started, call, None, fault.page or 0)
        if fault.outcome is not None:
            rule = entry.rule = rule_for(operation, fault.outcome)
            entry.outcome, entry.status = rule.outcome, rule.status
            if rule.content is not None:
                entry.body = call.wish.body(rule.content)[1]
            else:
                shown = openapi.force(operation, rule, call.raw, self.state, now, self.random)
                entry.body, entry.headers = self.contract.body(rule, call.language, shown), shown.headers
        return entry

    def _failed(self, call: Call, error: Exception) -> Entry:
        full = isinstance(error, openapi.TableFull)
        hint = "; reset the world, or start the mock with a larger --max-rows" if full else ""
        body = {"detail": f"{error}{hint}"}
        status = 507 if full else 500
        return Entry(self.journal.count, self.now(), perf_counter() - call.started, call, None, status, body=body)

    def sync(self) -> None:
        """Takes over what other processes have changed; in memory there are none. To be called before a world is read."""

    def moment(self) -> Moment:
        """The current state and clock, to restore this world or to create another one."""
        with self.reading:
            return self._moment()

    def read_journal(self) -> tuple[Journal, openapi.State]:
        """A copy of the journal, and the state at the same moment."""
        with self.reading:
            return self.journal.copy(), self.state

    def answered(self) -> Counter[Counted]:
        """How often each row gave each outcome since the world began, or was reset."""
        with self.reading:
            return self.tallies.counts() - self._counted_before

    def restore(self, moment: Moment) -> None:
        """Restores the content of a snapshot; the journal is kept."""
        with self.lock:
            self._put(moment)

    def reset(self, most_rows: int) -> None:
        """Resets the world to its origin, with an empty journal. Raises WorldError."""
        moment = self.origin.begin(self.contract, most_rows)
        with self.lock:
            self._begin(moment)

    def replace(self, state: openapi.State, clock: Clock | None = None, seed: int | None = None) -> None:
        """Replaces the state; the clock and the random generator only where there are new ones."""
        with self.lock:
            self.state = state
            if clock is not None:
                self.clock = clock
            if seed is not None:
                self.random.seed(seed)

    def serve(self, contract: openapi.Contract, origin: Origin, moment: Moment | None = None) -> None:
        """Answers by another contract from now on; with a moment, begins anew with it, without journal and snapshots."""
        with self.lock:
            self.contract, self.origin = contract, origin
            if moment is not None:
                self._begin(moment)
                self.snapshots.clear()

    def snapshot(self) -> str:
        """Takes a snapshot and returns its name. Raises NoRoom."""
        with self.lock:
            if len(self.snapshots) >= MOST_SNAPSHOTS:
                raise NoRoom(f"world {self.name} keeps {MOST_SNAPSHOTS} snapshots already; delete one")
            self._last_snapshot += 1
            name = f"s{self._last_snapshot}"
            self.snapshots[name] = self._moment()
        return name

    def restore_snapshot(self, name: str) -> bool:
        """Restores a snapshot; False where there is none with this name."""
        with self.lock:
            moment = self.snapshots.get(name)
            if moment is not None:
                self._put(moment)
        return moment is not None

    def delete_snapshot(self, name: str) -> bool:
        """Deletes a snapshot; False where there is none with this name."""
        with self.lock:
            return self.snapshots.pop(name, None) is not None

    def set_clock(self, change: Callable[[Clock], Clock]) -> Clock:
        """Replaces the clock by another one, made from it, and returns that."""
        with self.lock:
            self.clock = change(self.clock)
            return self.clock

    def add_fault(self, wanted: Mapping[str, Any]) -> Fault:
        """Adds a fault, as the control plane's document describes one. Raises NoRoom, UnknownOutcome and UnknownOperation."""
        with self.lock:
            if len(self.faults.active) >= MOST_FAULTS:
                raise NoRoom(f"world {self.name} has {MOST_FAULTS} faults already; remove one")
            return self.faults.add(wanted, self.contract)

    def remove_fault(self, number: int) -> bool:
        """Removes a fault; False where there is none with this id."""
        with self.lock:
            return self.faults.remove(number)

    def clear_faults(self) -> None:
        """Removes every fault."""
        with self.lock:
            self.faults.active = ()

    def clear_journal(self) -> None:
        """Removes every entry of the journal; the numbers continue."""
        with self.lock:
            self.journal.clear()

    def write(self, rows: openapi.State) -> None:
        """Puts rows into the state, in place of those with the same keys. Raises TableFull."""
        with self.lock:
            state = self.state
            for name in rows.tables:
                for key, row in rows.table(name).items():
                    before = state.table(name).get(key)
                    state = state.insert(name, row) if before is None else state.replace(name, before, row)
            self.state = state

    def insert_row(self, table: str, row: Row) -> None:
        """Adds a row. Raises TableFull, and ExecutionError where its key exists."""
        with self.lock:
            self.state = self.state.insert(table, row)

    def change_row(self, table: str, key: Key, change: Callable[[Row], Row]) -> Row | None:
        """Replaces the row with this key by one that is made from it, and returns that; None where there is none."""
        with self.lock:
            before = self.state.table(table).get(key)
            if before is None:
                return None
            after = change(before)
            self.state = self.state.replace(table, before, after)
        return after

    def delete_row(self, table: str, key: Key) -> bool:
        """Deletes the row with this key; False where there is none."""
        with self.lock:
            row = self.state.table(table).get(key)
            if row is not None:
                self.state = self.state.delete(table, row)
        return row is not None

    def _begin(self, moment: Moment) -> None:
        self._put(moment)
        self.journal.clear()
        self._counted_before = self.tallies.counts()

    def _moment(self) -> Moment:
        return Moment(self.state, self.clock, self.random.getstate(), self.faults.active, self.secrets)

    def _put(self, moment: Moment) -> None:
        self.state, self.clock, self.secrets = moment.state, moment.clock, moment.secrets
        self.random.setstate(moment.random)
        self.faults.active = moment.faults

"""Outcomes to the millisecond: on a server whose clock can be set, requests around the times at which an outcome changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import openapi
from contracts.http.wire import Request, request_for
from contracts.run.schedule import many
from contracts.run.session import Session

MOST_TIMES = 4
"""The most times that are tried of one column."""
MOST_REQUESTS = 2
"""The most requests of an operation around one time, for each way in which its outcome changes there."""
MOST_STORED = 8
"""How often a request is sent that makes the server store its time."""
FAR = 400 * 24 * 3_600_000
"""Milliseconds; later times are not tried."""


def exact_times(session: Session) -> None:
    """Sets the clock of the server to 1 ms before, at, and 1 ms after times in its rows, and sends requests there.

    Lets the clock run again at the end. Raises RunEnded, and Unreachable if the clock cannot be set.
    """
    try:
        _store_exact_times(session)
        for number, instant in enumerate(_instants(session)):
            requests = list(_requests(session, instant, late=number % 2 == 0))
            for time in (instant - 1, instant, instant + 1):
                session.stop_clock(time)
                many(session, [request for request, at in requests if at is None or at == time])
    finally:
        session.release_clock()


def _store_exact_times(session: Session) -> None:
    """Stops the clock and sends requests that make the server store its time, each until it is refused."""
    times = session.oracle.expectations.stored_times
    if not (times.readers and times.writers and session.restart()):
        return
    session.stop_clock(session.now())
    for operation in session.contract.operations.values():
        if operation.name in times.writers:
            found = list(openapi.classified(operation, session.oracle.state, session.now()))
            successes = sorted((each for each in found if each.seen.answer is each.seen.success), key=lambda each: each.cost)
            for each in successes[:MOST_REQUESTS]:
                request = request_for(operation, each.raw)
                for _ in range(MOST_STORED):
                    if session.expect(request).answer is operation.success:
                        many(session, [request])


def _instants(session: Session) -> list[int]:
    """Times of the near future that requests have set, or about which a limit may end that begins at one, in ascending order.

    Those of the world are not known to the millisecond: they may be relative to the start of the server.
    """
    times = session.oracle.expectations.stored_times
    now, state, initial = session.now(), session.oracle.state, session.oracle.initial
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for table, columns in state.tables.items():
        before = dict(initial.table(table).items())
        for key, row in state.table(table).items():
            old = before.get(key)
            for at, (name, value) in enumerate(columns.named(row).items()):
                exact = old is None or old[at] != value
                if not isinstance(value, int) or not exact or (isinstance(value, openapi.Approximate) and times.uncertainty):
                    continue
                spans = (0, *times.spans) if (table, name) in times.columns else (0,)
                for instant in (value + span for span in spans):
                    if now + 1 < instant < now + FAR and len(found[table, name]) < MOST_TIMES:
                        found[table, name].add(instant)
    return sorted(set[int]().union(*found.values()))


def _requests(session: Session, instant: int, late: bool) -> Iterator[tuple[Request, int | None]]:
    """Requests whose outcome changes about a time, each with the time to send it; None for all three.

    One that changes state is sent once: at the time itself to see whether the server is `late`, or 1 ms before to see whether it
    is early. One that changes state only from that time on is sent 1 ms before, too.
    """
    state = session.oracle.state
    for operation in session.contract.operations.values():
        counts: Counter[tuple[int, ...]] = Counter()
        for each in sorted(openapi.classified(operation, state, instant), key=lambda each: each.cost):
            times = [instant + off for off in (-1, 0, 1)]
            around = [openapi.permitted(operation, openapi.completed(operation, each.raw, state, at), state, at) for at in times]
            answers = tuple(seen.answer.number for seen in around)
            if len({frozenset(seen.outcomes) for seen in around}) > 1 and counts[answers] < MOST_REQUESTS:
                counts[answers] += 1
                once = any(seen.may_change for seen in around)
                request, early = request_for(operation, each.raw), not around[0].may_change
                if once and early:
                    yield request, instant - 1
                if not (once and early) or late:
                    yield request, (instant if late else instant - 1) if once else None

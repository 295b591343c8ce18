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
FAR = 400 * 24 * 3_600_000
"""Milliseconds; later times are not tried."""


def exact_times(session: Session) -> None:
    """Sets the clock of the server to 1 ms before, at, and 1 ms after times in its rows, and sends requests there.

    Lets the clock run again at the end. Raises RunEnded, and Unreachable if the clock cannot be set.
    """
    try:
        for number, instant in enumerate(_instants(session)):
            requests = list(_requests(session, instant, late=number % 2 == 0))
            for time in (instant - 1, instant, instant + 1):
                session.stop_clock(time)
                many(session, [request for request, at in requests if at is None or at == time])
    finally:
        session.release_clock()


def _instants(session: Session) -> list[int]:
    """Times of the near future that requests have set, in ascending order.

    Those of the world are not known to the millisecond: they may be relative to the start of the server.
    """
    now, state, initial = session.now(), session.oracle.state, session.oracle.initial
    found: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for table, columns in state.tables.items():
        before = dict(initial.table(table).items())
        for key, row in state.table(table).items():
            old = before.get(key)
            for at, (name, value) in enumerate(columns.named(row).items()):
                exact = old is None or old[at] != value
                if isinstance(value, int) and exact and now + 1 < value < now + FAR and len(found[table, name]) < MOST_TIMES:
                    found[table, name].add(value)
    return sorted(set[int]().union(*found.values()))


def _requests(session: Session, instant: int, late: bool) -> Iterator[tuple[Request, int | None]]:
    """Requests whose outcome changes about a time, each with the time to send it; None for all three.

    One that changes state is sent once: at the time itself to see whether the server is `late`, or 1 ms before to see whether it
    is early.
    """
    state = session.oracle.state
    for operation in session.contract.operations.values():
        counts: Counter[tuple[int, ...]] = Counter()
        for each in sorted(openapi.classified(operation, state, instant), key=lambda each: each.cost):
            around = [openapi.permitted(operation, each.raw, state, instant + off) for off in (-1, 0, 1)]
            answers = tuple(seen.answer.number for seen in around)
            if len({frozenset(seen.outcomes) for seen in around}) > 1 and counts[answers] < MOST_REQUESTS:
                counts[answers] += 1
                once = any(seen.may_change for seen in around)
                yield request_for(operation, each.raw), (instant if late else instant - 1) if once else None

"""Servers that handle requests at the same time, wrongly (RACING) and correctly (SAFE).

One request after the other gets correct replies from all of them.

`python tests/racing_servers.py NAME --port N` serves one.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random
from typing import Any

from wrong_servers import CATALOGUE, Server, serving_in_threads

import openapi

PAUSE = 0.008
"""Seconds between two steps of a request, such as two statements of a transaction."""
CACHED = 0.3
"""Seconds for which a worker uses what it has read."""
FAILURES = {"shareInfo": 5134, "shareByUid": 5134, "shareDevice": 5138}
"""What an operation may answer at any time."""

Raw = dict[str, Any]
Handle = Callable[["Racing", openapi.Operation, Raw], openapi.Decision]


class Busy(Exception):
    """The server handles another request."""


class Racing(Server):
    """A server of which one function handles a request."""

    def __init__(self, handle: Handle) -> None:
        super().__init__(CATALOGUE["correct"])
        self.handle, self.writing, self.next = handle, threading.Lock(), 0

    def reset(self) -> None:
        super().reset()
        self.worker = threading.local()

    def answer(self, operation: openapi.Operation, raw: Raw) -> tuple[int, bytes]:
        try:
            decision = self.handle(self, operation, raw)
        except Busy:
            return 429, b""
        rule = decision.rule
        return 200, json.dumps(self.contract.envelope.body(rule.code, rule.message("zh"), decision.data)).encode()

    def decide(self, operation: openapi.Operation, raw: Raw, state: openapi.State, seed: int | None = None) -> openapi.Decision:
        return openapi.decide(operation, raw, state, self.now(), self.random if seed is None else Random(seed))

    def failed(self, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
        """The failure that may come at any time."""
        rule = next(each for each in reversed(operation.rules[:-1]) if each.code == FAILURES[operation.name] and each.always)
        return openapi.Decision(operation, raw, self.state, self.now(), rule, self.state, {}, None, [])

    def apply(self, decision: openapi.Decision, effects: slice = slice(None)) -> None:
        """Applies effects of a decision to the state as it is now, whether they are still allowed or not."""
        scope = openapi.permitted(decision.operation, decision.raw, self.state, decision.now).scope
        scope.update(decision.minted)
        draft = self.state.draft()
        for effect in decision.rule.effects[effects]:
            effect.apply(scope, draft, [])
        self.state = draft.finished()

    def write(self, changes: list[openapi.Change]) -> None:
        """Writes rows as they are in these changes, whatever the state has now."""
        for each in changes:
            table, known = each.columns.table, self.state.table(each.columns.table).get(each.key)
            if each.after is None:
                self.state = self.state if known is None else self.state.delete(table, known)
            elif known is None:
                self.state = self.state.insert(table, each.after)
            else:
                self.state = self.state.replace(table, known, each.after)


def check_then_act(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Nobody looks again whether a change is still allowed."""
    decision = server.decide(operation, raw, server.state)
    if decision.changes:
        time.sleep(PAUSE)
        with server.lock:
            server.apply(decision)
    return decision


def lost_update(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Writes whole rows as they were read, and so undoes what others have changed meanwhile."""
    decision = server.decide(operation, raw, server.state)
    if decision.changes:
        time.sleep(PAUSE)
        with server.lock:
            server.write(decision.changes)
    return decision


def one_writer(write: Handle) -> Handle:
    """One request at a time writes; reads see what is there."""

    def handle(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
        if operation.method == "GET":
            return server.decide(operation, raw, server.state)
        with server.writing:
            return write(server, operation, raw)

    return handle


@one_writer
def uncommitted(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Others read a change that is undone in the end: of those requests that may fail, some fail after they have written."""
    decision = server.decide(operation, raw, server.state)
    server.state = decision.state
    if not decision.changes or operation.name not in FAILURES or server.random.random() < 0.5:
        return decision
    time.sleep(PAUSE)
    server.state = decision.before
    return server.failed(operation, raw)


@one_writer
def half_visible(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Others read the state between two effects of one request."""
    decision = server.decide(operation, raw, server.state)
    if len(decision.changes) > 1:
        server.apply(decision, slice(1))
        time.sleep(PAUSE)
    server.state = decision.state
    return decision


def same_code(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Takes the next number of a counter in two steps, so that two requests may get the same one."""
    number = server.next
    decision = server.decide(operation, raw, server.state, number)
    if decision.minted:
        time.sleep(PAUSE)
        server.next = number + 1
    with server.lock:
        if not decision.minted:
            decision = server.decide(operation, raw, server.state)
        server.write(decision.changes)
    return decision


def cached(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Each connection has a worker of its own, which does not see at once what the others write."""
    worker = server.worker
    fresh = operation.method != "GET" or time.monotonic() - getattr(worker, "since", 0) > CACHED
    with server.lock:
        if fresh:
            worker.state, worker.since = server.state, time.monotonic()
        decision = server.decide(operation, raw, worker.state)
        if decision.changes:
            server.state = worker.state = decision.state
    return decision


@one_writer
def locked(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Decides and writes while nobody else does."""
    decision = server.decide(operation, raw, server.state)
    time.sleep(PAUSE)
    server.state = decision.state
    return decision


def optimistic(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Tries again where another request has written meanwhile; answers with a failure where it may."""
    while True:
        decision = server.decide(operation, raw, server.state)
        if not decision.changes:
            return decision
        time.sleep(PAUSE)
        with server.lock:
            if server.state is decision.before:
                server.state = decision.state
                return decision
        if operation.name in FAILURES:
            return server.failed(operation, raw)


def one_at_a_time(server: Racing, operation: openapi.Operation, raw: Raw) -> openapi.Decision:
    """Answers HTTP 429 while it handles another request."""
    if not server.writing.acquire(blocking=False):
        raise Busy
    try:
        decision = server.decide(operation, raw, server.state)
        time.sleep(PAUSE)
        server.state = decision.state
        return decision
    finally:
        server.writing.release()


RACING = {
    "check-then-act": check_then_act,
    "lost-update": lost_update,
    "reads-what-is-not-committed": uncommitted,
    "shows-half-of-a-change": half_visible,
    "same-code-twice": same_code,
    "two-workers-with-caches": cached,
}
SAFE = {"locked": locked, "optimistic": optimistic, "one-at-a-time": one_at_a_time}


def serving(name: str, port: int = 0) -> AbstractContextManager[str]:
    """Serves one in threads; gives its base URL."""
    return serving_in_threads(Racing((RACING | SAFE)[name]), port)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RACING | SAFE)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    with serving(arguments.name, arguments.port) as base:
        print(f"{arguments.name} at {base}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()

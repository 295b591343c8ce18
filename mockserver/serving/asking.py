"""Requests that the mock sends to itself: a call of the journal again, and the witness of an outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

import openapi
from mockserver.http.request import Environ, variable
from mockserver.serving.mock import Table
from mockserver.serving.witnesses import request_of
from mockserver.worlds.faults import Fault, UnknownOutcome
from mockserver.worlds.journal import Call, Entry
from mockserver.worlds.world import LiveWorld


class Unreachable(RuntimeError):
    """A request that cannot be made in this world; the text says why."""


def asked_again(live: LiveWorld, entry: Entry) -> Entry:
    """Answers the call of an entry once more. Raises Unreachable."""
    call, operation = entry.call, live.contract.operations.get(entry.call.operation)
    if entry.text is not None:
        raise Unreachable(
            f"the journal has only the beginning of request {entry.number}, because it is large; send it again yourself"
        )
    if operation is None:
        raise Unreachable(f"the contract has no operation {call.operation} any more")
    forced = Fault.preferred(call.wish.code) if call.wish.code is not None else None
    return live.answer(operation, replace(call, started=perf_counter()), forced)


def asked_for(live: LiveWorld, table: Table, outcome: str) -> Entry:
    """Answers the simplest request that gets an outcome, such as `getThing/404`. Raises Unreachable and UnknownOutcome."""
    operation = operation_with(table.contract, outcome)
    state, now = live.state, live.now()
    tried = list(openapi.classified(operation, state, now))
    witness = openapi.simplest(operation, tried).get(outcome)
    if witness is None:
        raise Unreachable(f"this world does not reach {outcome}: {openapi.unreachable(operation, outcome, tried)}")
    return live.answer(operation, _call(table, operation, openapi.sendable(operation, witness.raw, state, now)))


def operation_with(contract: openapi.Contract, outcome: str) -> openapi.Operation:
    """The operation that has an outcome. Raises UnknownOutcome."""
    for operation in contract.operations.values():
        if outcome in operation.outcomes:
            return operation
    known = [each for operation in contract.operations.values() for each in operation.outcomes]
    raise UnknownOutcome(f"the contract has no outcome {outcome} ({openapi.nearest(outcome, known)})")


def _call(table: Table, operation: openapi.Operation, raw: Mapping[str, Any]) -> Call:
    """The call that a request with these raw values becomes: read as if it came over the network."""
    request = request_of(operation, raw, "")
    path, _, query = request["url"].partition("?")
    body = json.dumps(request["body"], ensure_ascii=False) if "body" in request else ""
    environ = _environ(request, path, query)
    route, values, _ = table.routes.find(path, operation.method)
    if route is None or route.operation is not operation:
        raise Unreachable(f"another path of the contract hides {operation.method} {operation.path}")
    found = route.gather(environ, values, query, body)
    language = table.language(environ)
    return Call(operation.name, operation.method, environ["PATH_INFO"], query, body, found, language, perf_counter())


def _environ(request: Mapping[str, Any], path: str, query: str) -> Environ:
    headers = {variable(name): str(value).encode().decode("latin-1") for name, value in request["headers"].items()}
    plain = unquote_to_bytes(path).decode("latin-1")
    return {"REQUEST_METHOD": request["method"], "REQUEST_URI": path, "PATH_INFO": plain, "QUERY_STRING": query, **headers}

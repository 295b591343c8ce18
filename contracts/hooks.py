"""Hooks for Schemathesis: the oracle as a check, and requests built from the rows of the world as examples.

    SCHEMATHESIS_HOOKS=contracts.hooks CONTRACTS_WORLD=staging.yaml schemathesis run openapi/device-sharing.yaml \\
        --url https://staging.example --checks outcome,not_a_server_error,response_schema_conformance

`CONTRACTS_WORLD` is the world file: the rows that exist on the server. `CONTRACTS_CONTRACT` is the OpenAPI document; without
it, the default contract is used.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis
from hypothesis import strategies as st

import openapi
from contracts.http.wire import FORM, JSON, Reply, Request, printable
from contracts.judge.clock import Clock
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VIOLATION


def _oracle() -> tuple[Oracle, openapi.World]:
    file = os.environ.get("CONTRACTS_WORLD")
    if file is None:
        raise ImportError("contracts.hooks: set CONTRACTS_WORLD to the world file, which lists the rows that exist on the server")
    now = time.time_ns() // 1_000_000
    try:
        contract = openapi.load(os.environ.get("CONTRACTS_CONTRACT"))
        world = openapi.load_world(file, contract, now, os.environ)
    except openapi.InvalidDocument as error:
        raise ImportError(f"contracts.hooks: {error}") from None
    return Oracle(contract, world, Clock(world, now)), world


_ORACLE, _WORLD = _oracle()
_LOCK = Lock()


@schemathesis.check
def outcome(ctx: Any, response: Any, case: Any) -> None:
    """Fails where the contract does not permit the outcome. The oracle tracks the state of the server, so use one worker."""
    name = _operation_of(case)
    if name is None:
        return
    received = time.time_ns() // 1_000_000
    headers = {key.lower(): ", ".join(values) for key, values in response.headers.items()}
    sent = received - int(response.elapsed * 1000) - 1
    request = _sent(_ORACLE.contract.operations[name], response.request)
    with _LOCK:
        verdict = _ORACLE.judge(request, Reply(response.status_code, headers, response.content, sent, received)).verdict
    if verdict.kind == VIOLATION:
        raise AssertionError(printable(f"{verdict.sentence}\ngot {verdict.got}\n{verdict.reason}", _WORLD.secrets))


@schemathesis.hook
def before_add_examples(context: Any, examples: list[Any]) -> None:
    """Adds, for each outcome that is reachable in the world, the simplest request that produces it."""
    name = (context.operation.definition.raw or {}).get("operationId", "")
    operation = _ORACLE.contract.operations.get(name)
    if operation is None:
        return
    for raw in openapi.witnesses(operation, _WORLD.state, _now()).values():
        parts: dict[str, dict[str, Any]] = {"query": {}, "path": {}, "header": {}, "cookie": {}, "body": {}}
        for each in operation.parameters:
            if each.name in raw:
                sent = each.sent(raw[each.name])
                parts[each.location][each.wire_name] = sent if each.items and each.items.repeated else sent[0]
        json_body = operation.json_body(parts["body"])
        body = {} if json_body is None else {"body": json_body, "media_type": JSON}
        examples.append(
            context.operation.Case(
                path_parameters=parts["path"], query=parts["query"], headers=parts["header"], cookies=parts["cookie"], **body
            )
        )


@schemathesis.hook
def flatmap_case(context: Any, case: Any) -> st.SearchStrategy[Any]:
    """Replaces some of the generated values by those of a request that succeeds.

    Without this, the first check of the server refuses nearly every request, because generated values match no row.
    """
    name = _operation_of(case)
    known = _successes().get(name or "", {})
    if name is None or not known:
        return st.just(case)
    parts = {"query": "query", "path": "path_parameters", "header": "headers", "cookie": "cookies"}
    places = {each.name: (parts[each.location], each.wire_name) for each in _operation(name).parameters if each.location in parts}
    names = sorted(known.keys() & places.keys())

    def replaced(chosen: set[str]) -> Any:
        for each in chosen:
            part, wire_name = places[each]
            values = getattr(case, part)
            setattr(case, part, {**(values if isinstance(values, Mapping) else {}), wire_name: known[each]})
        return case

    return st.one_of(st.just(set(names)), st.sets(st.sampled_from(names))).map(replaced) if names else st.just(case)


@cache
def _successes() -> dict[str, dict[str, Any]]:
    """The raw values of a request that succeeds, by operation; empty where none does."""
    found = {}
    for operation in _ORACLE.contract.operations.values():
        reached = openapi.witnesses(operation, _WORLD.state, _now())
        found[operation.name] = reached.get(operation.success.outcome, {})
    return found


def _operation_of(case: Any) -> str | None:
    name = str((case.operation.definition.raw or {}).get("operationId", ""))
    known = _ORACLE.contract.operations.get(name)
    # Schemathesis also sends undocumented methods; the decision table does not apply to them.
    return name if known is not None and case.method.upper() == known.method else None


def _now() -> int:
    """The most likely time on the server, epoch ms."""
    return _ORACLE.clock.now(time.time_ns() // 1_000_000)


def _operation(name: str) -> openapi.Operation:
    return _ORACLE.contract.operations[name]


def _sent(operation: openapi.Operation, prepared: Any) -> Request:
    """The request as it was sent."""
    url = urlsplit(prepared.url)
    depth = operation.path.count("/")
    path = "/" + "/".join(url.path.split("/")[-depth:])
    content = prepared.body or b""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    kind = str(prepared.headers.get("Content-Type", ""))
    return Request(
        operation.name,
        operation.method,
        path,
        query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        headers=tuple((str(name), _text(value)) for name, value in prepared.headers.items()),
        form=tuple(parse_qsl(text, keep_blank_values=True)) if FORM in kind else None,
        body=_json(text) if JSON in kind else None,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

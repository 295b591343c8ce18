"""The broad lane: Schemathesis generates requests from the schemas, our oracle judges the replies.

The checks of Schemathesis are not run. They judge by the HTTP status: a refusal must be 4xx, and an accepted negative case is
a failure. They would report a correct server that puts the outcome as a code into the body of a 200.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

import openapi
from contracts.http.wire import Pairs, Request

EXAMPLES = 25
"""Requests for each operation and mode."""


def broad(contract: openapi.Contract, known: dict[str, dict[str, str]], seed_value: int) -> Iterator[Request]:
    """Positive and negative requests that Schemathesis generates.

    `known` has, by operation, the values of a request that succeeds. They replace some of the generated values: without them
    the first check of the server refuses nearly every request, because generated values match no row.
    """
    schema: Any = schemathesis.openapi.from_dict(contract.document)
    for result in schema.get_all_operations():
        found = result.ok()
        name = str(found.definition.raw.get("operationId")) if found is not None else ""
        if name not in contract.operations:
            continue
        operation = contract.operations[name]
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            yield from _generated(operation, found.as_strategy(generation_mode=mode), known.get(operation.name, {}), seed_value)


def _generated(operation: openapi.Operation, cases: Any, known: dict[str, str], seed_value: int) -> list[Request]:
    """All are generated before the first is sent: Hypothesis cannot wait for replies."""
    requests: list[Request] = []

    @seed(seed_value)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=cases, replaced=st.sets(st.sampled_from(sorted(known) or [""])))
    def run(case: Any, replaced: set[str]) -> None:
        requests.append(_request(operation, case, {name: known[name] for name in replaced if name in known}))

    # An operation without parameters has no negative cases.
    with warnings.catch_warnings(), suppress(Unsatisfiable):
        warnings.simplefilter("ignore")
        run()
    return requests


def _request(operation: openapi.Operation, case: Any, replaced: dict[str, str]) -> Request:
    query = _texts(case.query)
    headers = {name: value for name, [value, *_] in _texts(case.headers).items() if _sendable(value)}
    form = _texts(case.body) if operation.accepts_form and isinstance(case.body, dict) else None
    for each in operation.parameters:
        if each.name in replaced and each.location == "query":
            query[each.wire_name] = each.sent(replaced[each.name])
        elif each.name in replaced and each.location == "header":
            headers = {name: value for name, value in headers.items() if name.lower() != each.wire_name}
            headers[each.wire_name.title()] = replaced[each.name]
    return Request(
        operation.name,
        operation.method,
        case.formatted_path,
        query=_pairs(query),
        headers=tuple(headers.items()),
        form=None if form is None else _pairs(form),
        computed=tuple(name for name, value in replaced.items() if value == openapi.COMPUTED),
    )


def _pairs(values: dict[str, list[str]]) -> Pairs:
    return tuple((name, value) for name, each in values.items() for value in each)


def _texts(values: Any) -> dict[str, list[str]]:
    """Generated values as texts to send, one for each item of a list; None is left out, surrogates are replaced."""
    found = dict(values) if isinstance(values, dict) or hasattr(values, "items") else {}
    lists = {name: value if isinstance(value, list) else [value] for name, value in found.items() if value not in (None, [])}
    return {_clean(str(name)): [_clean(_text(each)) for each in value] for name, value in lists.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()

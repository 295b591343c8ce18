"""The oracle: whether a reply is one that the contract permits, and which sentence of it is broken where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

import openapi
from contracts._wire import Pairs, Reply, Request

VERIFIED, VIOLATION, NOTE, UNEXPLAINED = "verified", "violation", "note", "unexplained"
MOST_READINGS = 27


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle says of one reply."""

    kind: str
    outcome: str
    """The outcome that the mock would have answered."""
    got: str
    """The outcome that the reply carries, or what is wrong with it."""
    rule: str = ""
    """The sentence of the contract that is broken, or assumed."""


class Oracle:
    """Judges replies, and follows the server with a state of its own."""

    def __init__(self, contract: openapi.Contract, world: openapi.World) -> None:
        self.contract, self.state = contract, world.state
        self._code_path = [part for part in (contract.envelope.code or "").split("/") if part]
        self._validators = {
            (operation.name, status): jsonschema_rs.validator_for(schema)
            for operation in contract.operations.values()
            for status, schema in operation.response_schemas.items()
        }

    def judge(self, request: Request, reply: Reply) -> Verdict:
        """The verdict on a reply; the oracle's state follows what the reply says."""
        operation = self.contract.operations[request.operation]
        possible = [
            openapi.permitted(operation, raw, self.state, now)
            for raw in readings(operation, request)
            for now in dict.fromkeys((reply.sent, reply.received))
        ]
        expected = possible[0].answer
        try:
            code, data = self._read(operation, reply, expected)
        except _Wrong as error:
            return Verdict(VIOLATION, expected.outcome, error.got, error.rule)
        got = f"{operation.name}/{_label(reply.status, code)}"
        for seen in possible:
            rule = seen.rule(got)
            if rule is not None and rule.status == reply.status:
                return self._followed(seen, rule, data, got)
        return Verdict(VIOLATION, expected.outcome, got, str(expected))

    def _followed(self, seen: openapi.Permitted, rule: openapi.Rule, data: Any, got: str) -> Verdict:
        expected = seen.answer
        try:
            accepted = seen.accept(rule, data)
        except openapi.ExecutionError as error:
            return Verdict(VIOLATION, expected.outcome, got, f"{rule} - {error}")
        if accepted.differences:
            return Verdict(VIOLATION, expected.outcome, got, f"{rule} - {'; '.join(accepted.differences)}")
        self.state = accepted.state
        if rule.outcome == expected.outcome:
            return Verdict(VERIFIED, expected.outcome, got)
        if rule.kind == "permitted" and rule.always:
            return Verdict(UNEXPLAINED, expected.outcome, got, str(rule))
        return Verdict(NOTE, expected.outcome, got, str(expected))

    def _read(self, operation: openapi.Operation, reply: Reply, expected: openapi.Rule) -> tuple[Any, Any]:
        """The code and the data of a reply. Raises _Wrong where the reply is not the contract's."""
        statuses = sorted({rule.status for rule in operation.rules})
        if reply.status not in statuses:
            said = ", ".join(map(str, statuses))
            raise _Wrong(f"HTTP {reply.status}", f"HTTP status: the contract answers with {said}, here {expected}")
        schema = self._validators.get((operation.name, str(reply.status)))
        if schema is None and not reply.body:
            return None, None
        body = _decoded(reply.body)
        code = self.contract.envelope.code_of(body)
        error = next(iter(schema.iter_errors(body)), None) if schema else None
        if error is not None and not _undocumented(operation, code):  # of an undocumented code the table says it better
            shown = code if isinstance(code, (str, int)) else type(code).__name__
            raise _Wrong(f"code {shown!r}", f"reply schema: {_explained(error, self._code_path)}")
        return code, self.contract.envelope.data_of(body)


class _Wrong(Exception):
    def __init__(self, got: str, rule: str) -> None:
        self.got, self.rule = got, rule
        super().__init__(rule)


def readings(operation: openapi.Operation, request: Request) -> Iterator[dict[str, Any]]:
    """The raw values of a request; several where it repeats a parameter, since servers differ in which one counts."""
    path = _path_values(operation.path, request.path)
    headers = {name.lower(): value for name, value in request.headers}
    for query in _variants(request.query):
        for form in _variants(request.form or ()):
            fields = form if operation.accepts_form else {}
            yield operation.gather(query=query, path=path, headers=headers, form=fields, body=request.body)


def _variants(pairs: Pairs) -> Iterator[dict[str, str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    choices = [[values[0]] if len(values) == 1 else [values[0], values[-1], ",".join(values)] for values in grouped.values()]
    for values in islice(product(*choices), MOST_READINGS):
        yield dict(zip(grouped, values, strict=True))


def _path_values(template: str, path: str) -> dict[str, str]:
    parts = zip(template.split("/"), path.split("/"), strict=False)
    return {name[1:-1]: unquote(value) for name, value in parts if name.startswith("{")}


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise _Wrong("no JSON", f"reply body: is not JSON in UTF-8 ({error})") from None


def _undocumented(operation: openapi.Operation, code: Any) -> bool:
    """Whether a code is of the right type, and none of the documented ones."""
    codes = {rule.code for rule in operation.rules}
    return type(code) in map(type, codes) and code not in codes


def _explained(error: Any, code_path: list[str]) -> str:
    """Where and why; for alternatives, what speaks against the nearest one."""

    def distance(branch: Any) -> tuple[int, int]:
        # A branch that the code itself contradicts is meant for other outcomes.
        return sum(list(each.instance_path) == code_path for each in branch), len(branch)

    branches = [branch for branch in getattr(error.kind, "context", None) or () if branch]
    if branches:
        error = min(branches, key=distance)[0]
    return f"/{'/'.join(map(str, error.instance_path))} {error.message}"[:300]


def _label(status: int, code: Any) -> str:
    if code is None:
        return str(status)
    return str(code) if status == 200 else f"{status}:{code}"

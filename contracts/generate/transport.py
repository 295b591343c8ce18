"""How requests carry parameters and credentials: probed at the start of a run, so that a server gets what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import openapi
from contracts.http.wire import Request, request_for
from contracts.judge.readings import Readings

PROBE, QUERY, FORM, BARE, BEARER, ALL = "probe", "query", "form", "bare", "bearer", "all"
PREFIX = "Bearer "
MOST_TRIED = 100
"""The most candidates that are looked at for one probe."""
Tells = Callable[[Request, str], bool]
"""Whether the reply to a request tells readings of a kind apart."""


@dataclass(frozen=True, slots=True)
class Transport:
    """What is sent: what the server was seen to take, one way alone, or all ways, which are then demanded."""

    parameters: str = PROBE
    """probe, query, form or all."""
    credential: str = PROBE
    """probe, bare, bearer or all."""

    def demand(self, readings: Readings) -> None:
        """Holds a server to what is sent in any case."""
        if self.parameters in (FORM, ALL):
            readings.pin("form", "read")
        if self.credential == ALL:
            readings.pin("prefix", "optional")

    def adapted(self, operation: openapi.Operation, request: Request, readings: Readings) -> Request:
        """A request as the server takes it."""
        return self._with_credential(operation, self._with_parameters(operation, request, readings), readings)

    def _with_parameters(self, operation: openapi.Operation, request: Request, readings: Readings) -> Request:
        takes = readings.takes("form", operation.name)
        if request.form and (self.parameters == QUERY or takes in ("ignored", "refused")):
            return replace(request, query=request.query or request.form, form=None)
        if self.parameters == FORM and operation.accepts_form and request.query and not request.form:
            return replace(request, query=(), form=request.query)
        return request

    def _with_credential(self, operation: openapi.Operation, request: Request, readings: Readings) -> Request:
        for each in operation.parameters:
            if each.credential and each.location == "header":
                takes = readings.takes("prefix", "", each.name) or ""
                if self.credential == BARE or takes == "verbatim":
                    request = _header(request, each.wire_name, lambda text: text.removeprefix(PREFIX))
                elif self.credential == BEARER or takes.startswith("required"):
                    request = _header(request, each.wire_name, _prefixed)
        return request

    def probes(
        self, operation: openapi.Operation, found: Iterable[openapi.Candidate], readings: Readings, tells: Tells
    ) -> Iterator[Request]:
        """Requests whose replies tell what the server takes: some that change nothing, if there are any, and break few rules.

        Credentials come first: a server that does not find the credential may not look at anything else.
        """
        kinds: dict[object, openapi.Candidate] = {}
        for each in found:
            kinds.setdefault((tuple(rule.number for rule in each.seen.rules), frozenset(each.raw)), each)
        candidates = sorted(
            kinds.values(), key=lambda each: (each.seen.may_change, len(each.seen.rules), -each.seen.answer.number)
        )
        credentials = [each for each in operation.parameters if each.credential and each.location == "header"]
        for prefix in ("", PREFIX) if self.credential == PROBE and credentials else ():
            requests = (
                _header(request_for(operation, each.raw), credentials[0].wire_name, lambda text: f"{prefix}{text}")  # noqa: B023
                for each in candidates
                if each.raw.get(credentials[0].name)
            )
            yield from _first(requests, "prefix", tells)
        plain = [self._with_credential(operation, request_for(operation, each.raw), readings) for each in candidates]
        queries = [each for each in plain if each.query]
        if self.parameters == PROBE and operation.accepts_form:
            yield from _first(map(_as_form, queries), "form", tells)
        if self.parameters == PROBE and not operation.accepts_json and operation.method in ("POST", "PUT", "PATCH"):
            yield from _first(map(_as_json, queries), "json", tells)


def _first(requests: Iterable[Request], kind: str, tells: Tells) -> Iterator[Request]:
    found = next((each for each in islice(requests, MOST_TRIED) if tells(each, kind)), None)
    if found is not None:
        yield found


def _as_form(request: Request) -> Request:
    return replace(request, query=(), form=request.query)


def _as_json(request: Request) -> Request:
    return replace(request, query=(), body=dict(request.query))


def _prefixed(text: str) -> str:
    return text if not text.strip() or text.lower().startswith(PREFIX.lower()) else PREFIX + text


def _header(request: Request, name: str, change: Callable[[str], str]) -> Request:
    headers = tuple((each, change(value) if each.lower() == name else value) for each, value in request.headers)
    return replace(request, headers=headers)

"""The operations of the contract as a WSGI application, in front of Flask, which answers everything else.

A request for an operation never reaches Flask: it is routed by a dict, read no further than the operation asks for,
decided, and answered with bytes. There is no other path to an operation, under Flask's test client neither.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver._faults import Fault, UnknownOutcome, rule_for
from mockserver._journal import Call, Entry
from mockserver._mock import Methods, Mock, Route, Table
from mockserver._reply import Dropped, Wire, problem
from mockserver._request import LARGEST_BODY, BodyTooLarge, Environ, decoded, header, read_body
from mockserver._world import LiveWorld

PREFIX = "/worlds/"
Application = Callable[[Environ, Any], Iterable[bytes]]
_code = re.compile(r'(?:^|[,;\s])code\s*=\s*"?([^\s,;"]+)').search


@dataclass(frozen=True, slots=True)
class Line:
    """What the log knows of an answered request; never a parameter."""

    method: str
    path: str
    """The template of a known path, and any other one escaped: no query, no line breaks."""
    world: str
    outcome: str
    """The outcome, or the HTTP status where there is none."""
    milliseconds: float


Log = Callable[[Line], None]


class Operations:
    """Answers what the contract knows; `beyond` answers the rest."""

    def __init__(self, mock: Mock, beyond: Application, log: Log | None = None, cors: Collection[str] = ()) -> None:
        self.mock, self.beyond, self.log, self.cors = mock, beyond, log, frozenset(cors)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        started = time.perf_counter()
        path: str = environ["PATH_INFO"]
        table = self.mock.table
        methods, values = table.find(path)
        name = environ.get("HTTP_MOCK_WORLD")
        if methods is None and path.startswith(PREFIX):
            name, _, rest = path[len(PREFIX) :].partition("/")
            methods, values = table.find(f"/{rest}")
        if methods is None:
            return self.beyond(environ, start_response)
        if self.cors:
            start_response = _shared(start_response, self._allowed(environ))
        entry: Entry | None = None
        world = self.mock.worlds.default if name is None else self.mock.worlds.get(name)
        route = methods.get(environ["REQUEST_METHOD"])
        if world is None:
            wire = problem(404, f"there is no world {decoded(name or '')}; create it with POST /_mock/worlds?name=NAME")
        elif route is None:
            wire = _preflight(environ, methods) if self.cors and _asks(environ) else _not_allowed(methods)
        else:
            entry, wire = self._answered(table, route, world, environ, values, started)
        if self.log is not None:
            self.log(self._line(environ, route, world, entry, wire, started))
        return _sent(entry, wire, start_response)

    def _line(
        self, environ: Environ, route: Route | None, world: LiveWorld | None, entry: Entry | None, wire: Wire, started: float
    ) -> Line:
        path = route.operation.path if route else self.mock.shown(decoded(environ["PATH_INFO"]))
        outcome = entry.outcome if entry is not None else None
        milliseconds = (time.perf_counter() - started) * 1000
        return Line(environ["REQUEST_METHOD"], path, world.name if world else "", outcome or wire[0][:3], milliseconds)

    def _allowed(self, environ: Environ) -> str | None:
        """The origin to allow in a reply; None for none."""
        origin: str | None = environ.get("HTTP_ORIGIN")
        return "*" if "*" in self.cors else origin if origin in self.cors else None

    def _answered(
        self, table: Table, route: Route, world: LiveWorld, environ: Environ, values: Mapping[str, str], started: float
    ) -> tuple[Entry | None, Wire]:
        operation = route.operation
        forced: Fault | None = None
        try:
            body = read_body(environ) if route.reads_body else ""
            if "HTTP_PREFER" in environ and (match := _code(environ["HTTP_PREFER"])) is not None:
                rule_for(operation, match[1])
                forced = Fault.preferred(match[1])
        except BodyTooLarge:
            return None, problem(413, f"the body is larger than {LARGEST_BODY} bytes")
        except UnknownOutcome as error:
            return None, problem(400, f"Prefer: {error}")
        query = environ["QUERY_STRING"]
        raw = route.gather(environ, values, query, body)
        language = _language(table, environ)
        call = Call(operation.name, operation.method, decoded(environ["PATH_INFO"]), query, body, raw, language, started)
        entry = world.answer(operation, call, forced)
        return entry, table.replies.of(entry)


def _language(table: Table, environ: Environ) -> str:
    contract = table.contract
    asked = header(environ, contract.language_header) if contract.language_header else ""
    return asked if asked in contract.languages else next(iter(contract.languages), "")


def _sent(entry: Entry | None, wire: Wire, start_response: Any) -> Iterable[bytes]:
    fault = entry.fault if entry is not None else None
    if fault is not None and fault.delay:
        time.sleep(fault.delay / 1000)
    if fault is not None and fault.drop:
        start_response("200 OK", [("Content-Length", "1")])  # which never comes
        return Dropped()
    status, headers, body = wire
    start_response(status, headers)
    return [body]


def _asks(environ: Environ) -> bool:
    """Whether a browser asks before it sends the request of a page."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _preflight(environ: Environ, methods: Methods) -> Wire:
    headers = [("Access-Control-Allow-Methods", ", ".join(sorted(methods))), ("Access-Control-Max-Age", "600")]
    if wanted := environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
        headers.append(("Access-Control-Allow-Headers", wanted))
    return "204 No Content", headers, b""


def _shared(start_response: Any, origin: str | None) -> Any:
    """Adds to a reply what lets a page of this origin read it."""
    allowed = [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "Mock-Outcome")] if origin else []
    return lambda status, headers: start_response(status, [*headers, *allowed, ("Vary", "Origin")])


def _not_allowed(methods: Methods) -> Wire:
    allowed = ", ".join(sorted(methods))
    status, headers, body = problem(405, f"the contract has {allowed} here")
    return status, [*headers, ("Allow", allowed)], body

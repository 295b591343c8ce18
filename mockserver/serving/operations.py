"""Answers the operations of the contract before Flask, which answers all other requests.

A request for an operation never reaches Flask: it is routed by a dict, its declared parameters are read, and the reply of the
decision is sent as bytes. Both the HTTP server and the WSGI application (Flask's test client) call `reply`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.http.reply import Dropped, Reply, problem
from mockserver.http.request import LARGEST_BODY, Application, BodyTooLarge, Environ, decoded, read_body
from mockserver.serving.mock import Methods, Mock, Route, Table
from mockserver.worlds.faults import Fault, UnknownOutcome, rule_for
from mockserver.worlds.journal import Call, Entry
from mockserver.worlds.world import LiveWorld

PREFIX = "/worlds/"
_code = re.compile(r'(?:^|[,;\s])code\s*=\s*"?([^\s,;"]+)').search


@dataclass(frozen=True, slots=True)
class Line:
    """The log entry of an answered request, without parameters."""

    method: str
    path: str
    """The template of a known path, and any other one escaped: no query, no line breaks."""
    world: str
    outcome: str
    """The outcome, or the HTTP status where there is none."""
    milliseconds: float


Log = Callable[[Line], None]


class Operations:
    """Answers requests for operations of the contract; `beyond` answers all others."""

    def __init__(self, mock: Mock, beyond: Application, log: Log | None = None, cors: Collection[str] = ()) -> None:
        self.mock, self.beyond, self.log, self.cors = mock, beyond, log, frozenset(cors)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        reply = self.reply(environ)
        if reply is None:
            return self.beyond(environ, start_response)
        if reply.delay:
            time.sleep(reply.delay)
        if reply.dropped:
            start_response("200 OK", [("Content-Length", "1")])  # which never comes
            return Dropped()
        start_response(reply.status, reply.headers)
        return [reply.body]

    def reply(self, environ: Environ) -> Reply | None:
        """The reply to a request for the contract; None to any other."""
        started = time.perf_counter()
        path: str = environ["PATH_INFO"]
        table, name = self.mock.table, environ.get("HTTP_MOCK_WORLD")
        methods, values = table.find(path)
        if methods is None and path.startswith(PREFIX):
            name, _, rest = path[len(PREFIX) :].partition("/")
            methods, values = table.find(f"/{rest}")
        if methods is None:
            return None
        entry: Entry | None = None
        world = self.mock.worlds.default if name is None else self.mock.worlds.get(name)
        route = methods.get(environ["REQUEST_METHOD"])
        if world is None:
            reply = problem(404, f"there is no world {decoded(name or '')}; create it with POST /_mock/worlds?name=NAME")
        elif route is None:
            reply = _preflight(environ, methods) if self.cors and _asks(environ) else _not_allowed(methods)
        else:
            entry, reply = self._answered(table, route, world, environ, values, started)
        if self.log is not None:
            self.log(self._line(environ, route, world, entry, reply, started))
        return _shared(reply, self._allowed(environ)) if self.cors else reply

    def _line(
        self, environ: Environ, route: Route | None, world: LiveWorld | None, entry: Entry | None, reply: Reply, started: float
    ) -> Line:
        path = route.operation.path if route else self.mock.shown(decoded(environ["PATH_INFO"]))
        outcome = entry.outcome if entry is not None else None
        milliseconds = (time.perf_counter() - started) * 1000
        return Line(environ["REQUEST_METHOD"], path, world.name if world else "", outcome or reply.status[:3], milliseconds)

    def _allowed(self, environ: Environ) -> str | None:
        """The origin to allow in a reply; None for none."""
        origin: str | None = environ.get("HTTP_ORIGIN")
        return "*" if "*" in self.cors else origin if origin in self.cors else None

    def _answered(
        self, table: Table, route: Route, world: LiveWorld, environ: Environ, values: Mapping[str, str], started: float
    ) -> tuple[Entry | None, Reply]:
        operation = route.operation
        forced: Fault | None = None
        try:
            body = read_body(environ) if route.reads_body and "CONTENT_LENGTH" in environ else ""
            if "HTTP_PREFER" in environ and (match := _code(environ["HTTP_PREFER"])) is not None:
                rule_for(operation, match[1])
                forced = Fault.preferred(match[1])
        except BodyTooLarge:
            return None, problem(413, f"the body is larger than {LARGEST_BODY} bytes")
        except UnknownOutcome as error:
            return None, problem(400, f"Prefer: {error}")
        query = environ["QUERY_STRING"]
        raw = route.gather(environ, values, query, body)
        language = table.language(environ)
        call = Call(operation.name, operation.method, environ["PATH_INFO"], query, body, raw, language, started)
        entry = world.answer(operation, call, forced)
        return entry, table.replies.of(entry)


def _asks(environ: Environ) -> bool:
    """Whether a browser sends a preflight request first."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _preflight(environ: Environ, methods: Methods) -> Reply:
    headers = [("Access-Control-Allow-Methods", ", ".join(sorted(methods))), ("Access-Control-Max-Age", "600")]
    if wanted := environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
        headers.append(("Access-Control-Allow-Headers", wanted))
    return Reply("204 No Content", headers, b"")


def _shared(reply: Reply, origin: str | None) -> Reply:
    """Adds the headers that allow a page of this origin to read the reply."""
    allowed = [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "Mock-Outcome")] if origin else []
    return reply._replace(headers=[*reply.headers, *allowed, ("Vary", "Origin")], head="")


def _not_allowed(methods: Methods) -> Reply:
    allowed = ", ".join(sorted(methods))
    reply = problem(405, f"the contract has {allowed} here")
    return reply._replace(headers=[*reply.headers, ("Allow", allowed)])

"""Answers the operations of the contract before Flask, which answers all other requests.

A request for an operation never reaches Flask: it is routed by a dict, its declared parameters are read, and the reply of the
decision is sent as bytes. Both the HTTP server and the WSGI application (Flask's test client) call `reply`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.http.reply import Dropped, Headers, Reply, problem
from mockserver.http.request import Application, Environ, UnreadableBody, decoded, read_body, sent_path
from mockserver.serving.mock import Mock, Table
from mockserver.serving.routes import Route, is_control
from mockserver.worlds.faults import Fault, UnknownOutcome
from mockserver.worlds.journal import Call, Entry
from mockserver.worlds.wish import NOTHING, wish_of
from mockserver.worlds.world import LiveWorld

PREFIX, ANY = "/worlds/", "*"
SHARING = ("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers")


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
            return self.beyond(environ, self._shared_start(environ, start_response))
        if reply.delay:
            time.sleep(reply.delay)
        if reply.dropped:
            start_response("200 OK", [("Content-Length", "1")])  # which never comes
            return Dropped()
        start_response(reply.status, reply.headers)
        return [reply.body if environ["REQUEST_METHOD"] != "HEAD" else b""]

    def reply(self, environ: Environ) -> Reply | None:
        """The reply to a request for the contract; None to any other."""
        started = time.perf_counter()
        table, name, path = self.mock.table, environ.get("HTTP_MOCK_WORLD"), sent_path(environ)
        route, values, methods = table.routes.find(path, method := environ["REQUEST_METHOD"])
        if not methods and path.startswith(PREFIX):
            name, _, rest = path[len(PREFIX) :].partition("/")
            path = f"/{rest}"
            route, values, methods = table.routes.find(path, method)
        is_preflight = self.cors and _is_preflight(environ) and not is_control(path)
        if not (methods or is_preflight):
            return None
        if route is None and method == "HEAD":
            route, values, _ = table.routes.find(path, "GET")
        entry: Entry | None = None
        world = self.mock.worlds.default if name is None else self.mock.worlds.get(name)
        if is_preflight:
            reply = _preflight(environ, methods)
        elif world is None:
            reply = problem(404, f"there is no world {decoded(name or '')}; create it with POST /_mock/worlds?name=NAME")
        elif route is not None:
            entry, reply = self._answered(table, route, world, environ, values, started)
        else:
            reply = _options(methods) if method == "OPTIONS" else _not_allowed(methods)
        if self.log is not None:
            self.log(self._line(environ, route, world, entry, reply, started))
        return _shared(reply, self._allowed(environ)) if self.cors else reply

    def _shared_start(self, environ: Environ, start_response: Any) -> Any:
        """A `start_response` whose replies a page of an allowed origin can read, but not those of the control plane."""
        if not self.cors or is_control(environ["PATH_INFO"]):
            return start_response
        origin = self._allowed(environ)
        return lambda status, found, exc_info=None: start_response(status, [*found, *_sharing(origin, found)], exc_info)

    def _line(
        self, environ: Environ, route: Route | None, world: LiveWorld | None, entry: Entry | None, reply: Reply, started: float
    ) -> Line:
        path = route.operation.path if route else self.mock.shown(decoded(environ["PATH_INFO"]))
        outcome = entry.outcome if entry is not None else None
        milliseconds = (time.perf_counter() - started) * 1000
        return Line(environ["REQUEST_METHOD"], path, world.name if world else "", outcome or reply.status[:3], milliseconds)

    def _allowed(self, environ: Environ) -> str | None:
        """The origin to allow in a reply; None for none. One that is named may send credentials, so it comes before `*`."""
        origin: str | None = environ.get("HTTP_ORIGIN")
        return origin if origin in self.cors else ANY if ANY in self.cors else None

    def _answered(
        self, table: Table, route: Route, world: LiveWorld, environ: Environ, values: Mapping[str, str], started: float
    ) -> tuple[Entry | None, Reply]:
        operation = route.operation
        forced: Fault | None = None
        wish = NOTHING
        try:
            body = read_body(environ) if route.reads_body and "CONTENT_LENGTH" in environ else ""
            if route.is_plain or "HTTP_PREFER" in environ:
                wish = wish_of(environ, operation)
                if wish.code is not None:
                    forced = Fault.preferred(wish.code)
        except UnreadableBody as error:
            return None, problem(error.status, str(error))
        except UnknownOutcome as error:
            return None, problem(400, f"Prefer: {error}")
        query = environ["QUERY_STRING"]
        raw = route.gather(environ, values, query, body)
        language = table.language(environ)
        call = Call(operation.name, operation.method, environ["PATH_INFO"], query, body, raw, language, started, wish)
        entry = world.answer(operation, call, forced)
        return entry, table.replies.of(entry)


def _is_preflight(environ: Environ) -> bool:
    """Whether a browser asks whether a page may send a request."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _preflight(environ: Environ, methods: Collection[str]) -> Reply:
    """A page may send every request: it shall be able to read why one is refused."""
    allowed = sorted({*methods, environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]})
    headers = [("Access-Control-Allow-Methods", ", ".join(allowed)), ("Access-Control-Max-Age", "600")]
    if wanted := environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"):
        headers.append(("Access-Control-Allow-Headers", wanted))
    return Reply("204 No Content", headers, b"")


def _sharing(origin: str | None, headers: Headers) -> Headers:
    """The headers that allow a page of this origin to read a reply with these headers.

    A page may send cookies and certificates only if its origin is named, and then `*` stands for nothing: each header that it may
    read is named, too. The origin `null` is that of many pages, so it is no name.
    """
    vary = ("Vary", "Origin")
    if origin is None:
        return [vary]
    allowed = ("Access-Control-Allow-Origin", origin)
    if origin in (ANY, "null"):
        return [allowed, ("Access-Control-Expose-Headers", "*"), vary]
    names = ", ".join(dict.fromkeys(name for name, _ in headers))
    return [allowed, ("Access-Control-Allow-Credentials", "true"), ("Access-Control-Expose-Headers", names), vary]


def _shared(reply: Reply, origin: str | None) -> Reply:
    own = _own(reply.headers)
    return reply._replace(headers=[*own, *_sharing(origin, own)], head="")


def _own(headers: Headers) -> Headers:
    """The headers of a reply without documented ones that this server sends itself."""
    return [(name, value) for name, value in headers if name.lower() not in SHARING]


def _options(methods: Collection[str]) -> Reply:
    return Reply("204 No Content", [("Allow", _listed(methods))], b"")


def _listed(methods: Collection[str]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))


def _not_allowed(methods: Collection[str]) -> Reply:
    reply = problem(405, f"the contract has {', '.join(sorted(methods))} here")
    return reply._replace(headers=[*reply.headers, ("Allow", _listed(methods))])

"""The Flask application: the control plane, and problem documents for undocumented paths and methods.

Requests for operations of the contract are answered before they reach it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from difflib import get_close_matches
from itertools import zip_longest

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from mockserver.control.access import Guard, Refusal
from mockserver.control.arguments import control_plane
from mockserver.control.console import console, is_console
from mockserver.control.control_plane import Control
from mockserver.http.reply import problem
from mockserver.http.request import largest_body
from mockserver.serving.document import served_document
from mockserver.serving.mock import Mock
from mockserver.serving.operations import PREFIX, Line, Log, Operations

CONTROL, HEALTH = "/_mock", "/_mock/health"
LONGEST_COMPARED = 300
"""Characters of a wrong path that are compared with the right ones."""


def create_app(mock: Mock, log: Log | None = None, guard: Guard | None = None, cors: Collection[str] = ()) -> Flask:
    """A WSGI application that plays the server of a mock's contract, and serves its control plane under `/_mock/`.

    `cors` holds the origins whose pages may call the contract, `*` for every one; the control plane is for none of them.
    """
    guard = guard or Guard()
    app = Flask("mockserver", static_folder=None)
    app.url_map.merge_slashes = False
    app.before_request(_begin(guard))
    app.register_blueprint(Control(mock, guard).blueprint())
    app.register_blueprint(console())
    app.register_blueprint(served_document(mock))
    if log is not None:
        app.after_request(_logger(mock, log))
    app.register_error_handler(HTTPException, _problem_of)
    app.register_error_handler(404, lambda error: _problem_of(error, _elsewhere(mock, request.path)))
    app.register_error_handler(Refusal, _refused)
    app.wsgi_app = Operations(mock, app.wsgi_app, log, cors)  # type: ignore[method-assign]
    return app


def _begin(guard: Guard) -> Callable[[], None]:
    def begin() -> None:
        g.started = time.perf_counter()
        if is_console(request.path):
            guard.check_host(request.headers, request.scheme)
        elif request.path.startswith(CONTROL):
            guard.check(request.headers, request.scheme, open_to_all=request.path == HEALTH)
        request.max_content_length = largest_body(request.path)
        if (request.content_length or 0) > request.max_content_length:
            raise RequestEntityTooLarge

    return begin


def _logger(mock: Mock, log: Log) -> Callable[[Response], Response]:
    def after(response: Response) -> Response:
        path = request.url_rule.rule if request.url_rule else mock.shown(request.path)
        milliseconds = (time.perf_counter() - g.started) * 1000
        log(Line(request.method, path, "", str(response.status_code), milliseconds))
        return response

    return after


def _refused(refusal: Refusal) -> Response:
    reply = problem(refusal.status, refusal.detail)
    return Response(
        reply.body, refusal.status, [*reply.headers, *([("WWW-Authenticate", "Bearer")] if refusal.status == 401 else [])]
    )


def _elsewhere(mock: Mock, path: str) -> str:
    """What a reply to a wrong path says."""
    if path.startswith(CONTROL):
        known = list(control_plane().document["paths"])
        return f"the control plane has no such path{_nearest(path, known)}; /_mock/openapi.yaml describes it"
    if path.startswith(PREFIX):
        path = "/" + path[len(PREFIX) :].partition("/")[2]
    known = [each.path for each in mock.contract.operations.values()]
    return f"the contract has no such path{_nearest(path, known)}; the control plane of this mock is under /_mock/"


def _nearest(path: str, known: Collection[str]) -> str:
    """The most similar path of some. A placeholder of theirs is as similar as what stands in its place."""
    filled = {_filled(each, path[:LONGEST_COMPARED]): each for each in known}
    return "".join(f"; the nearest is {filled[each]}" for each in get_close_matches(path[:LONGEST_COMPARED], filled, 1, cutoff=0))


def _filled(template: str, path: str) -> str:
    parts = zip_longest(template.split("/"), path.split("/")[: template.count("/") + 1], fillvalue="")
    return "/".join(found if part.startswith("{") else part for part, found in parts)


def _problem_of(error: HTTPException, detail: str | None = None) -> Response:
    reply = problem(error.code or 500, detail or error.description or error.name)
    response = Response(reply.body, reply.status, reply.headers)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response

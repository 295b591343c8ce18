"""The Flask application: the control plane, and problem documents for what is outside the contract.

The operations of the contract stand in front of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from mockserver._mock import Mock
from mockserver._operations import Line, Log, Operations
from mockserver._reply import problem
from mockserver._request import LARGEST_BODY


def create_app(mock: Mock, log: Log | None = None) -> Flask:
    """A WSGI application that plays the server of a mock's contract, and serves its control plane under `/_mock/`."""
    app = Flask("mockserver", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.add_url_rule("/_mock/health", "health", lambda: {"status": "ok"}, provide_automatic_options=False)
    app.before_request(_begin)
    if log is not None:
        app.after_request(_logger(log))
    app.register_error_handler(HTTPException, _problem_of)
    app.wsgi_app = Operations(mock, app.wsgi_app, log)  # type: ignore[method-assign]
    return app


def _begin() -> None:
    g.started = time.perf_counter()
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge


def _logger(log: Log) -> Callable[[Response], Response]:
    def after(response: Response) -> Response:
        path = request.url_rule.rule if request.url_rule else quote(request.path)
        milliseconds = (time.perf_counter() - g.started) * 1000
        log(Line(request.method, path, "", str(response.status_code), milliseconds))
        return response

    return after


def _problem_of(error: HTTPException) -> Response:
    status, headers, body = problem(error.code or 500, error.description or error.name)
    response = Response(body, status, headers)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response

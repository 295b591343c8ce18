"""The Flask application: routes out of the contract, replies in its envelope, problem documents for everything else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import openapi
from mockserver._world import LiveWorld

LARGEST_BODY = 1024 * 1024
MOST_FIELDS = 1000

Log = Callable[[str], None]


def create_app(contract: openapi.Contract, world: LiveWorld, log: Log | None = None) -> Flask:
    """A WSGI application that plays the server of a contract on one world.

    `log` takes one line per request: method, path, outcome and milliseconds; never a parameter or a token.
    """
    app = Flask("mockserver", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, MAX_FORM_PARTS=MOST_FIELDS)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for operation in contract.operations.values():
        view = _view(contract, operation, world)
        rule = re.sub(r"\{(\w+)\}", r"<\1>", operation.path)
        app.add_url_rule(
            rule,
            f"operation/{operation.name}",
            view,
            methods=[operation.method],
            provide_automatic_options=False,
            strict_slashes=True,
        )
    app.add_url_rule("/_mock/health", "mock/health", lambda: {"status": "ok"}, provide_automatic_options=False)
    app.before_request(_begin)
    if log is not None:
        app.after_request(_logger(log))
    app.register_error_handler(HTTPException, _problem_of)
    app.register_error_handler(openapi.ExecutionError, lambda error: problem(500, "Internal Server Error", str(error)))
    return app


def _begin() -> None:
    g.started = time.perf_counter()
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge


def _logger(log: Log) -> Callable[[Response], Response]:
    def after(response: Response) -> Response:
        # The template of a known path and the escaped text of any other: no query, no line breaks.
        path = request.url_rule.rule if request.url_rule else quote(request.path)
        outcome = response.headers.get("Mock-Outcome", str(response.status_code))
        log(f"{request.method} {path} {outcome} {(time.perf_counter() - g.started) * 1000:.1f} ms")
        return response

    return after


def problem(status: int, title: str, detail: str) -> Response:
    """A problem document (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(json.dumps(body), status, content_type="application/problem+json")


def _problem_of(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.name, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _view(contract: openapi.Contract, operation: openapi.Operation, world: LiveWorld) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        decision = world.answer(operation, _raw(operation, path))
        rule = decision.rule
        body = contract.envelope.body(rule.code, rule.message(_language(contract)), decision.data)
        response = Response(
            json.dumps(body).encode("utf-8", "replace"), rule.status, content_type="application/json; charset=utf-8"
        )
        response.headers["Mock-Outcome"] = rule.outcome
        return response

    return view


def _raw(operation: openapi.Operation, path: Mapping[str, str]) -> dict[str, Any]:
    form = request.form if operation.accepts_form else {}
    return operation.gather(
        query=request.args,
        path=path,
        headers={name.lower(): value for name, value in request.headers},
        cookies=request.cookies,
        form=form,
        body=_json() if operation.accepts_json else None,
    )


def _json() -> Any:
    try:
        return request.get_json(silent=True)
    except RecursionError:  # nested deeper than Python reads
        return None


def _language(contract: openapi.Contract) -> str:
    asked = request.headers.get(contract.language_header, "") if contract.language_header else ""
    return asked if asked in contract.languages else next(iter(contract.languages), "")

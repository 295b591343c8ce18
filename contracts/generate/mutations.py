"""Variants of a request that must not change its outcome, or that servers read in different ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import openapi
from contracts.http.wire import Request

_HEADERS = (("Accept", "*/*"), ("Accept-Language", "en"), ("X-Unknown", "1"))


def mutations(operation: openapi.Operation, request: Request) -> Iterator[Request]:
    """The request with a form besides the query (for operations that document forms), with each parameter
    repeated, with an unknown parameter or header.
    """
    if operation.accepts_form and request.query and request.form is None:
        yield replace(request, form=tuple((name, f"{value}0") for name, value in request.query))
    for name, value in request.query:
        yield replace(request, query=(*request.query, (name, f"{value}0")))
    yield replace(request, query=(*request.query, ("unknown", "1")))
    for each in _HEADERS:
        yield replace(request, headers=(*request.headers, each))

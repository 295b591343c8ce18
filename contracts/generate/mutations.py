"""Requests with something in them that must not matter, or that servers read in one of several ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contracts.http.wire import Request

_HEADERS = (("Accept", "*/*"), ("Accept-Language", "en"), ("X-Unknown", "1"))


def mutations(request: Request) -> Iterator[Request]:
    """The same with another form beside the query, with each parameter twice, with a parameter or a header that nobody knows."""
    if request.query and request.form is None and request.body is None:
        yield replace(request, form=tuple((name, f"{value}0") for name, value in request.query))
    for pair in request.query:
        yield replace(request, query=(*request.query, pair))
    yield replace(request, query=(*request.query, ("unknown", "1")))
    for each in _HEADERS:
        yield replace(request, headers=(*request.headers, each))

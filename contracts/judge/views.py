"""The raw values of a request, as a server may read them."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from itertools import islice, product
from typing import Any
from urllib.parse import unquote

import openapi
from contracts.http.wire import Pairs, Request

MOST_READINGS = 27
"""The most readings of a query, and of a form, with repeated parameters."""


def readings(operation: openapi.Operation, request: Request) -> Iterator[dict[str, Any]]:
    """The raw values of a request; several where it repeats a parameter, because servers differ in which value they use."""
    path = _path_values(operation.path, request.path)
    headers = {name.lower(): value for name, value in request.headers}
    cookies = _cookies(headers.get("cookie", ""))
    for query in _variants(request.query):
        for form in _variants(request.form or ()):
            fields = form if operation.accepts_form else {}
            yield operation.gather(query=query, path=path, headers=headers, cookies=cookies, form=fields, body=request.body)


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


def _cookies(text: str) -> dict[str, str]:
    try:
        return {name: each.value for name, each in SimpleCookie(text).items()}
    except CookieError:
        return {}

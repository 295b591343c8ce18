"""The parts of the request that has certain values of the parameters of an operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from openapi.parameters.parameter import Parameter

Pairs = tuple[tuple[str, Any], ...]


class Parts(NamedTuple):
    """A request in parts. A parameter that is repeated is several pairs."""

    path: str
    """Percent-encoded."""
    query: Pairs
    headers: Pairs
    """Cookies are one of them."""
    body: dict[str, Any]
    """The properties of a JSON body; the key of one that is no object is empty."""


def sent_parts(path: str, parameters: Iterable[Parameter], raw: Mapping[str, Any]) -> Parts:
    """The parts of a request with these raw values, for a path of the document."""
    found: dict[str, list[tuple[str, Any]]] = {"query": [], "header": [], "cookie": [], "body": []}
    for each in parameters:
        if each.inside is None and each.name in raw:
            values = each.sent(raw[each.name])
            if each.location == "path":
                path = path.replace(f"{{{each.wire_name}}}", quote(str(values[0]), safe=""))
            else:
                found[each.location].extend((each.wire_name, value) for value in values)
    headers = [(name.title(), value) for name, value in found["header"]]
    if cookies := "; ".join(f"{name}={value}" for name, value in found["cookie"]):
        headers.append(("Cookie", cookies))
    return Parts(path, tuple(found["query"]), tuple(headers), dict(found["body"]))

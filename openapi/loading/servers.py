"""The paths of `servers`: an operation is served below each of them too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any
from urllib.parse import urlsplit

from openapi.document.document import Node

MOST_PATHS = 20
_variable = re.compile(r"\{([^{}]+)\}")


def base_paths(root: Node, item: Node, node: Node) -> tuple[str, ...]:
    """The paths of the servers of an operation, or else of its path or the document, without a slash at the end.

    Variables take each value of their enumeration, else their default. A server that is not understood has no path.
    """
    holder = next((each for each in (node, item) if each.value.get("servers")), root)
    servers = holder.value.get("servers")
    urls = (url for each in (servers if isinstance(servers, list) else ()) for url in _urls(each))
    found = dict.fromkeys(path for url in islice(urls, MOST_PATHS) if (path := _path(url)))
    return tuple(found)


def _urls(server: Any) -> Iterator[str]:
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return
    variables = server.get("variables")
    names = list(dict.fromkeys(_variable.findall(server["url"])))
    values = [_values(variables.get(name) if isinstance(variables, dict) else None) for name in names]
    for each in product(*values):
        meant = dict(zip(names, each, strict=True))
        yield _variable.sub(lambda match, meant=meant: meant[match[1]], server["url"])  # type: ignore[misc]


def _values(variable: Mapping[str, Any] | None) -> list[str]:
    if not isinstance(variable, dict):
        return []
    listed = variable.get("enum")
    return list(map(str, listed if isinstance(listed, list) and listed else [variable.get("default", "")]))


def _path(url: str) -> str:
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
    return path if path.startswith("/") else f"/{path}" if path else ""

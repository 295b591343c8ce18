"""What a person must still decide about a contract: the texts of `x-todo`, of the document and of its operations."""

from __future__ import annotations

from collections.abc import Iterator

import openapi

KEY = "x-todo"


def todos(document: openapi.Document) -> Iterator[openapi.Problem]:
    """Each text of `x-todo` with its line."""
    data = document.data if isinstance(document.data, dict) else {}
    yield from _todos(document.root)
    paths = data.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method in item.keys() & openapi.METHODS if isinstance(item, dict) else ():
            yield from _todos(openapi.Node(document, ("paths", path, method), item[method]))


def _todos(node: openapi.Node) -> Iterator[openapi.Problem]:
    found = node.value.get(KEY) if isinstance(node.value, dict) else None
    for position, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, str):
            yield openapi.Node(node.document, (*node.pointer, KEY, position), each).problem(f"to decide: {each}")

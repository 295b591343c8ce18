"""Sections that take entries from elsewhere: a `$ref` beside the keys of a section adds the keys of what it refers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from openapi.document.document import Document, Node, escaped
from openapi.document.errors import InvalidDocument, Problem

REFERENCE = "$ref"


def with_included(document: Document, sections: Iterable[str]) -> Document:
    """The document, in whose sections a reference to each key of another section stands where the `$ref` of that one stood.

    A key of the section itself comes before one of the same name elsewhere. Raises InvalidDocument for a reference that leads to
    nothing, to itself, or to what has no keys.
    """
    if not isinstance(document.data, dict):
        return document
    including = [key for key in sections if REFERENCE in _mapping(document.data.get(key))]
    if not including:
        return document
    root = document.root
    found = {key: _entries(Node(document, (key,), document.data[key]), frozenset()) for key in including}
    return replace(document, data={**root.value, **found})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _entries(node: Node, before: frozenset[str]) -> dict[str, Any]:
    """The keys of a section, those that it includes first. `before` are the references that led to it."""
    reference, own = node.value.get(REFERENCE), {key: value for key, value in node.value.items() if key != REFERENCE}
    if reference is None:
        return own
    target = node.target(reference)
    if reference in before or not isinstance(target.value, dict):
        what = "is circular" if reference in before else "leads to no mapping, so there are no keys to include"
        raise InvalidDocument([Problem(node.file, node.line, f"$ref {reference} {what}", "refer to such a section")])
    included = _entries(target, before | {reference})
    return {key: _included(target.value, key, value, reference) for key, value in included.items()} | own


def _included(target: dict[str, Any], key: str, value: Any, reference: str) -> Any:
    """A reference to the key of a target; what the target includes itself is a reference already."""
    return {REFERENCE: f"{reference}/{escaped(key)}"} if key in target else value

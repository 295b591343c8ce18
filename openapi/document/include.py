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
    nodes = (Node(document, (key,), document.data[key]) for key in sections if key in document.data)
    found = {node.name: _entries(node, frozenset()) for node in nodes if _reference(node) is not None and _includes(node)}
    return replace(document, data={**document.data, **found}) if found else document


def _reference(node: Node) -> str | None:
    """The `$ref` of a section; None without one. Raises InvalidDocument for one that is no text."""
    reference = node.value.get(REFERENCE) if isinstance(node.value, dict) else None
    if reference is not None and not isinstance(reference, str):
        at = Node(node.document, (*node.pointer, REFERENCE), reference)
        raise InvalidDocument([at.problem("$ref is no text", "write the place of another section: other.yaml#/x-let")])
    return reference


def _includes(node: Node) -> bool:
    """Whether a section with a `$ref` has or gets keys. One that is a `$ref` to a list is that list."""
    return len(node.value) > 1 or isinstance(node.resolved().value, dict)


def _entries(node: Node, before: frozenset[str]) -> dict[str, Any]:
    """The keys of a section, those that it includes first. `before` are the references that led to it."""
    reference, own = _reference(node), {key: value for key, value in node.value.items() if key != REFERENCE}
    if reference is None:
        return dict(node.value)
    target = node.target(reference)
    if reference in before or not isinstance(target.value, dict):
        what = "is circular" if reference in before else "leads to no mapping, so there are no keys to include"
        raise InvalidDocument([Problem(node.file, node.line, f"$ref {reference} {what}", "refer to such a section")])
    included = _entries(target, before | {reference})
    return {key: _included(target.value, key, value, reference) for key, value in included.items()} | own


def _included(target: dict[str, Any], key: str, value: Any, reference: str) -> Any:
    """A reference to the key of a target; what the target includes itself is a reference already."""
    return {REFERENCE: f"{reference}/{escaped(key)}"} if key in target else value

"""Checks the sections of the vocabulary (`x-outcomes` and others) in a document against their JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import InvalidDocument, Problem, nearest
from openapi.parameters.names import expression_name
from openapi.schemas.validator import validator

FILE = Path(__file__).parent.parent / "vocabulary.json"
SIMILAR = 0.85
"""How similar a key must be to the name of a section to be taken for a slip, from 0 to 1."""
QUOTE = "quote the expression before it: within braces, a comma ends a value"
_OF_EXPRESSIONS = re.compile(r"[()'\"=<>&|?]")
"""Characters that no key has, but the rest of an expression that YAML cut at a comma."""
SECTIONS = ("x-state", "x-let", "x-rows", "x-outcomes", "x-messages", "x-envelope", "x-readings")


def check_sections(node: Node) -> Iterator[Problem]:
    """The problems of the sections that a document or an operation has."""
    for key in node.value:
        if key in SECTIONS:
            yield from _check_section(node.child(key), key)


def near_misses(node: Node, known: tuple[str, ...] = SECTIONS) -> Iterator[Problem]:
    """The keys that are nearly a known one, such as the name of a section. They may belong to another tool."""
    for key in node.value:
        if key.startswith("x-") and key not in known and (close := get_close_matches(key, known, 1, SIMILAR)):
            yield Node(node.document, (*node.pointer, key), None).problem(f"{key} is not read", f"did you mean {close[0]}?")


def _check_section(node: Node, section: str) -> Iterator[Problem]:
    try:
        value = node.followed
    except InvalidDocument as invalid:
        yield from invalid.problems
        return
    errors = list(_validator(section).iter_errors(value))
    misspelt = {tuple(error.instance_path) for error in errors if _unexpected(error)}
    for error in errors:
        place = node.at(tuple(error.instance_path))
        for key in _unexpected(error):
            hint = QUOTE if _OF_EXPRESSIONS.search(key) else nearest(key, _legal_keys(error))
            yield _at_key(place, key).problem(f"unknown key {key}", hint)
        if (names := list(_wrong_names(error, place))) or _unexpected(error):
            yield from names
        elif not (error.kind.name == "oneOf" and tuple(error.instance_path) in misspelt):  # a consequence of the unknown key
            yield place.problem(f"{section}: {_shortened(error)}", _quoting(error))


def _unexpected(error: Any) -> list[str]:
    """The keys that a mapping must not have."""
    return getattr(error.kind, "unexpected", None) or []


def _at_key(place: Node, key: str) -> Node:
    return Node(place.document, (*place.pointer, key), None)


def _legal_keys(error: Any) -> set[str]:
    """The keys that a mapping may have at the place of an error."""
    schema: Any = {"$defs": _schemas()}
    for step in error.schema_path[:-1]:
        schema = schema[step]
    return set(schema.get("properties", {}))


def _wrong_names(error: Any, place: Node) -> Iterator[Problem]:
    """The texts at the place of an error that stand where a name must stand, and cannot be names."""
    inner = getattr(error.kind, "error", error)  # of a key
    definition, word = tuple(map(str, inner.schema_path))[-2:] if len(inner.schema_path) > 1 else ("", "")
    if word == "pattern" and definition in ("name", "path"):
        at = place if inner is error else _at_key(place, inner.instance)
        yield _no_name(at, inner.instance, definition)
    elif (definition, word) == ("names", "oneOf"):
        for each in place.children() if isinstance(place.value, list) else [place]:
            if isinstance(each.value, str) and not _can_be("path", each.value):
                yield _no_name(each, each.value, "path")


def _no_name(place: Node, text: str, definition: str) -> Problem:
    parts = text.split(".") if definition == "path" else [text]
    right = ".".join(re.sub("_+", "_", expression_name(part)).strip("_") for part in parts)
    hint = f"write {right}" if _can_be(definition, right) else "begin with a letter"
    return place.problem(f"{text} is no name: names are letters, digits and single _", hint)


def _can_be(definition: str, text: str) -> bool:
    return re.search(_schemas()[definition]["pattern"], text) is not None


def _quoting(error: Any) -> str:
    """The hint for what YAML reads as true, false, null or a number where a text must stand."""
    wants_text = error.kind.name == "type" and getattr(error.kind, "types", None) == ["string"]
    return "quote it" if wants_text and not isinstance(error.instance, (dict, list)) else ""


@cache
def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = json.loads(FILE.read_text())["$defs"]
    return schemas


@cache
def _validator(section: str) -> Any:
    return validator({"$ref": f"#/$defs/{section}", "$defs": _schemas()})


def _shortened(error: Any) -> str:
    text = str(error.message)
    return text if len(text) <= 200 else text[:200] + "…"

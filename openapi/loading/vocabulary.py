"""Checks the sections of the vocabulary (`x-outcomes` and others) in a document against their JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from openapi.document.document import Node
from openapi.document.errors import Problem, nearest
from openapi.schemas.validator import validator

FILE = Path(__file__).parent.parent / "vocabulary.json"
SIMILAR = 0.85
"""How similar a key must be to the name of a section to be taken for a slip, from 0 to 1."""
SECTIONS = ("x-state", "x-let", "x-rows", "x-outcomes", "x-messages", "x-envelope", "x-readings")


def check_sections(node: Node) -> Iterator[Problem]:
    """The problems of the sections that a document or an operation has."""
    for key in node.value:
        if key in SECTIONS:
            yield from _check_section(node.child(key), key)


def near_misses(node: Node) -> Iterator[Problem]:
    """The keys of a document or an operation that are nearly the name of a section. They may belong to another tool."""
    for key in node.value:
        if key.startswith("x-") and key not in SECTIONS and (close := get_close_matches(key, SECTIONS, 1, SIMILAR)):
            yield Node(node.document, (*node.pointer, key), None).problem(f"{key} is not read", f"did you mean {close[0]}?")


def _check_section(node: Node, section: str) -> Iterator[Problem]:
    for error in _validator(section).iter_errors(node.value):
        place = node.at(tuple(error.instance_path))
        unexpected = getattr(error.kind, "unexpected", None)
        for key in unexpected or ():
            at = Node(place.document, (*place.pointer, key), None)
            yield at.problem(f"unknown key {key}", nearest(key, _keys(section)))
        if not unexpected:
            yield place.problem(f"{section}: {_shortened(error)}")


@cache
def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = json.loads(FILE.read_text())["$defs"]
    return schemas


@cache
def _validator(section: str) -> Any:
    return validator({"$ref": f"#/$defs/{section}", "$defs": _schemas()})


def _keys(section: str) -> set[str]:
    """All property names in the schema of a section."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.update(value.get("properties", {}))
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(_schemas()[section])
    return found


def _shortened(error: Any) -> str:
    text = str(error.message)
    return text if len(text) <= 200 else text[:200] + "…"

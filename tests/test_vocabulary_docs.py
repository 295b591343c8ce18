"""Every key of `openapi/vocabulary.json` has a description, for completion in editors, and is in docs/vocabulary.md."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEFINITIONS = json.loads((ROOT / "openapi" / "vocabulary.json").read_text())["$defs"]


def keys(schema):
    """The keys that a schema names, each with its own schema."""
    for word, inner in schema.items() if isinstance(schema, dict) else ():
        if word == "properties":
            yield from ((key, each) for key, each in inner.items() if isinstance(each, dict))
        yield from keys(inner)
    for each in schema if isinstance(schema, list) else ():
        yield from keys(each)


def described(schema):
    return "description" in schema or "description" in DEFINITIONS.get(schema.get("$ref", "").removeprefix("#/$defs/"), {})


NAMED = [
    *((key, each) for key, each in keys(DEFINITIONS) if key not in ("propertyNames", "additionalProperties")),
    *((name, each) for name, each in DEFINITIONS.items() if name.startswith("x-")),
]


def test_every_key_has_a_description():
    assert len(NAMED) > 80
    assert [key for key, schema in NAMED if not described(schema)] == []


def test_every_key_is_in_the_documentation():
    page = (ROOT / "docs" / "vocabulary.md").read_text().replace("{", " ").replace("`", " ").replace(":", " ").replace(",", " ")
    assert sorted({key for key, _ in NAMED} - set(page.split())) == []

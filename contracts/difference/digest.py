"""Whether two JSON values, or two schemas, say the same."""

from __future__ import annotations

import json
from typing import Any

_ANNOTATIONS = frozenset(
    ("default", "deprecated", "description", "example", "examples", "externalDocs", "title", "xml", "$comment", "$id")
)
_AS_SETS = frozenset(("enum", "required", "type"))


def value_key(value: Any) -> str:
    """A JSON value as a text; equal for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def digest(schema: Any, *, with_default: bool = False) -> str:
    """A text; equal for schemas that say the same, whatever their annotations."""
    return value_key(_plain(schema, _ANNOTATIONS - {"default"} if with_default else _ANNOTATIONS))


def _plain(value: Any, skipped: frozenset[str], word: str = "") -> Any:
    """A schema without the skipped keywords, and with the lists sorted whose order says nothing."""
    if isinstance(value, dict):
        names = word in ("properties", "patternProperties", "$defs", "dependentSchemas")
        kept = {key: each for key, each in value.items() if names or key not in skipped}
        return {key: _plain(each, skipped, "" if names else key) for key, each in kept.items()}
    if isinstance(value, list):
        return sorted(map(value_key, value)) if word in _AS_SETS else [_plain(each, skipped) for each in value]
    return value

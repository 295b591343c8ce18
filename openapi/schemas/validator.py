"""JSON Schema validators. The library is imported when one is first created: that takes a tenth of `import openapi`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MOST_COVERED, MOST_ALTERNATIVES = 10_000, 4
"""The largest schemas that `covers` decides: characters of JSON, and words such as `anyOf` in them."""


def validator(schema: Mapping[str, Any], *, formats: bool = False) -> Any:
    """A validator with `is_valid(value)` and `iter_errors(value)`, which checks `format` if asked to.

    It reads nothing from files or from the network. Raises ValueError for an invalid schema.
    """
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), offline=True, validate_formats=formats)
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(str(error)) from None


@lru_cache(1000)
def is_pattern(pattern: str) -> bool:
    """Whether a pattern is a regular expression that the validator knows."""
    try:
        validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def canonical(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An equivalent schema in which the parts of `allOf`, and contradictions, are resolved; without annotations.

    Raises ValueError where there is none.
    """
    import jsonschema_rs

    found = jsonschema_rs.canonicalize(dict(schema), offline=True).to_json_schema()
    return dict(found) if isinstance(found, dict) else {} if found else {"not": {}}


def covers(schema: Mapping[str, Any], other: Mapping[str, Any]) -> bool | None:
    """Whether a schema allows every value that the other one allows; None where that is not decided.

    `format` and annotations do not count. Large schemas and those with many alternatives are not decided: it would take long.
    """
    import jsonschema_rs

    texts = [json.dumps(each) for each in (schema, other)]
    if any(len(text) > MOST_COVERED or text.count('Of":') > MOST_ALTERNATIVES for text in texts):
        return None
    try:
        one, two = (jsonschema_rs.canonicalize(dict(each), offline=True) for each in (schema, other))
        found = one.covers(two)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None
    return {"yes": True, "no": False}.get(str(found))

"""JSON Schema validators. The library is imported when one is first created: that takes a tenth of `import openapi`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


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

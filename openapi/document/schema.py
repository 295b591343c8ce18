"""Validators of JSON Schema. The library takes a tenth of the time of `import openapi`, so it is loaded when one is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def validator(schema: Mapping[str, Any]) -> Any:
    """What has `is_valid(value)` and `iter_errors(value)`. Raises ValueError for what is no schema."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(dict(schema))
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(str(error)) from None

"""JSON Schema validators. The library is imported when one is first created: that takes a tenth of `import openapi`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def validator(schema: Mapping[str, Any]) -> Any:
    """A validator with `is_valid(value)` and `iter_errors(value)`. Raises ValueError for an invalid schema."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(dict(schema))
    except jsonschema_rs.ReferencingError as error:
        raise ValueError(str(error)) from None

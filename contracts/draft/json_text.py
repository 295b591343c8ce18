"""Reads examples of JSON, which people write with comments and trailing commas."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

import openapi

_comment = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*[^*]*\*/')
_trailing = re.compile(r",(\s*[}\]])")


def json_value(text: str) -> Any:
    """The object or list of a JSON example, which may have comments and trailing commas; None where it is none."""
    for each in (text, _trailing.sub(r"\1", _comment.sub(lambda match: match[1] or "", text))):
        try:
            value = openapi.parse_json(each.encode("utf-8", "replace"), parse_constant=_no_number, parse_float=_finite)
        except ValueError:
            continue
        return value if isinstance(value, (dict, list)) else None
    return None


def _no_number(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    return value if isfinite(value) else _no_number(text)

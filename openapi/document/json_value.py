"""Parses untrusted JSON: bounds the nesting, and raises ValueError alone."""

from __future__ import annotations

import json
import re
from typing import Any

from openapi.document.limits import DEEPEST

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[{]}")


def parse_json(text: bytes, **hooks: Any) -> Any:
    """The value of a JSON text in UTF-8; lone surrogates are replaced by `?`. `hooks` are options of `json.loads`.

    Raises ValueError, also for values that are nested too deep, and for a number of too many digits.
    """
    if text.count(b"[") + text.count(b"{") > DEEPEST and _depth(text) > DEEPEST:
        raise ValueError(f"values are nested more than {DEEPEST} deep")
    try:
        value = json.loads(text.decode("utf-8"), **hooks)
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError("a number has too many digits") from None
        raise
    return without_surrogates(value) if b"\\ud" in text.lower() else value


def _depth(text: bytes) -> int:
    """The depth of nesting, at most one more than DEEPEST. Brackets inside strings do not count."""
    brackets = _TEXT.sub(b"", text).translate(_AS_SQUARE, _NO_BRACKETS)
    for depth in range(DEEPEST + 1):
        inner = brackets.replace(b"[]", b"")
        if inner == brackets:
            return min(depth + brackets.count(b"["), DEEPEST + 1)  # what is left is not closed
        brackets = inner
    return DEEPEST + 1


def without_surrogates(value: Any) -> Any:
    """The value with lone surrogates replaced by `?`, because UTF-8 cannot encode them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {without_surrogates(name): without_surrogates(each) for name, each in value.items()}
    return [without_surrogates(each) for each in value] if isinstance(value, list) else value

"""Integers that JavaScript would round: beyond 2^53 - 1 they are sent as text to a client that asks for it.

A browser reads every number as a double. `Mock-Integers: text` asks for text in all JSON of the control plane; columns of
integers take text, too.
"""

from __future__ import annotations

from typing import Any

from flask import request

from mockserver.control.arguments import NotUnderstood

HEADER, TEXT = "Mock-Integers", "text"
LARGEST = 2**53 - 1


def are_text() -> bool:
    """Whether the request asks for text. Raises NotUnderstood."""
    wanted = request.headers.get(HEADER, "").strip()
    if wanted not in ("", TEXT):
        raise NotUnderstood(f"{HEADER} is not understood: it wants {TEXT}, or leave it out")
    return wanted == TEXT


def safe(value: Any) -> Any:
    """The value with its large integers as text."""
    if isinstance(value, int):
        return value if -LARGEST <= value <= LARGEST else str(int(value))
    if isinstance(value, dict):
        return {name: safe(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [safe(each) for each in value]
    return value

"""Which fields rules can use, and how."""

from __future__ import annotations

import re

import openapi
from contracts.draft.record import BODY, Field

CONSTRAINTS = openapi.CONSTRAINTS | {"$ref", "anyOf", "oneOf"}
is_name = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*").fullmatch
RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in"),
        *("let", "loop", "now", "null", "package", "return", "row", "true"),
    )
)
"""Names that an expression cannot use for a parameter."""


def is_constrained(each: Field) -> bool:
    """Whether a value that is there can be malformed."""
    return each.location == BODY or has_limits(each)


def has_limits(each: Field) -> bool:
    """Whether a text that is there can be malformed."""
    kind = each.schema.get("type", "string")
    return kind not in ("string", ["string", "null"]) or not CONSTRAINTS.isdisjoint(each.schema)


def is_file(each: Field) -> bool:
    """Whether it is a file, which no rule can use."""
    return each.location != BODY and each.schema.get("format") == "binary"


def can_be_missing(each: Field) -> bool:
    """Whether a request can lack it."""
    return each.location != "path" and each.schema.get("default") is None

"""`${NAME}` in texts: the environment variable that gives the value. Values are secret, so reports print `${NAME}` instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHORTEST_SECRET = 4
"""Characters. A shorter literal header value is not redacted in reports, because it may be part of any word."""
_variable = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_non_alphanumeric = re.compile(r"[^A-Za-z0-9]").sub


def names(text: str) -> set[str]:
    """The names of the variables in a text."""
    return set(_variable.findall(text))


def filled(text: str, environ: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The text with the values of its variables, and these values, each with its `${NAME}`.

    Raises LookupError, with a sentence and the name, for a variable that is unset or empty.
    """
    found: dict[str, str] = {}

    def look_up(match: re.Match[str]) -> str:
        value = environ.get(match[1])
        if not value:
            raise LookupError(f"{match[0]} is not in the environment", match[1])
        found[value] = match[0]
        return value

    return _variable.sub(look_up, text), found


def shown_as(header: str) -> str:
    """What reports print instead of the value of a header that is written out."""
    return f"${{{_non_alphanumeric('_', header).upper()}}}"

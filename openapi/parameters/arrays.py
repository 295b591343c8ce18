"""Arrays outside a JSON body: how their items stand in a request, and the one text that this package makes of them.

That text has the items percent-encoded with commas between them, so that an array is a text like any other parameter until
it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

SEPARATORS = {"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
"""By the style of OpenAPI."""


@dataclass(frozen=True, slots=True)
class Items:
    """How the items of an array stand in a request."""

    separator: str
    repeated: bool
    """Whether each item is a pair of its own, with the name of the parameter; else the items are one value."""

    def taken(self, values: Sequence[str]) -> str:
        """The text of an array from its values in a request."""
        if not "".join(values).strip():
            return values[0]  # blank, which is read like any other blank text
        return joined(values if self.repeated else values[0].split(self.separator))

    def sent(self, text: str) -> list[str]:
        """The values in a request for the text of an array."""
        items = split(text)
        return items if self.repeated else [self.separator.join(items)]


def joined(items: Iterable[str]) -> str:
    """The text of an array."""
    return ",".join(quote(each, safe="", errors="replace") for each in items)


def split(text: str) -> list[str]:
    """The items of the text of an array."""
    return [unquote(each) for each in text.split(",")] if text else []


def items_of(parameter: Mapping[str, Any]) -> Items | None:
    """How a declared parameter of type array stands in a request; None for a style that is not read."""
    location = parameter.get("in")
    style = parameter.get("style", "form" if location in ("query", "cookie") else "simple")
    if style not in SEPARATORS or (style == "simple") is (location in ("query", "cookie")):
        return None
    return Items(SEPARATORS[style], location == "query" and parameter.get("explode", style == "form") is True)

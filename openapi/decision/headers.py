"""The headers of a reply: expressions that the mock writes as text and the suite compares with a reply."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from openapi.decision.data import Match
from openapi.decision.unsure import is_inexact, is_time
from openapi.document.document import Node
from openapi.expression.expression import Expression, compile_expression
from openapi.expression.kinds import Names
from openapi.parameters.parameter import Absence

VISIBLE = string.punctuation + " "
"""The characters of a header that are not percent-encoded, besides letters and digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """One header of a rule."""

    name: str
    expression: Expression
    minted: bool
    """Whether the expression is a minted value alone."""

    def rendered(self, scope: Any) -> str | None:
        """Its text, in ASCII; None where it has no value."""
        value = self.expression.evaluate(scope)
        if value is None or isinstance(value, Absence):
            return None
        return quote(value if isinstance(value, str) else json.dumps(value), safe=VISIBLE).strip()

    def match(self, scope: Any, headers: Mapping[str, str], match: Match, unknown: set[str]) -> None:
        """Adds a minted value, or the difference from the header of a reply. `unknown` are names that have no value here."""
        actual = headers.get(self.name.lower())
        if self.minted and actual is not None:
            match.minted[self.expression.source] = (
                int(actual) if self.expression.type == "integer" and _is_int(actual) else actual
            )
            return
        references = self.expression.references
        if any(each.name in unknown for each in references):
            return
        expected = self.rendered(scope)
        if is_inexact(self.expression, scope) or is_time(self.expression, expected, scope):
            return
        if expected is not None and actual != expected and "%" not in expected:  # servers encode other characters differently
            said = "is missing" if actual is None else f"is {actual[:160]}"
            match.differences.append(f"the header {self.name} {said}, not {expected}")


def compile_headers(node: Node, names: Names, minted: frozenset[str]) -> tuple[Header, ...]:
    """Compiles the `headers` of a row. Raises ContractError."""
    found = ((each.name, compile_expression(each, names)) for each in node.children())
    return tuple(Header(name, expression, expression.source in minted) for name, expression in found)


def _is_int(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20

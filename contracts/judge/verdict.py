"""Verdicts on replies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import openapi
from contracts.judge.views import Choice

VERIFIED, VIOLATION, NOTE, UNEXPLAINED = "verified", "violation", "note", "unexplained"
KINDS = (VERIFIED, NOTE, UNEXPLAINED, VIOLATION)
"""The kinds of verdicts, the best explanation first."""
_VALUE = re.compile(r"\{.*|'[^']*'|\"[^\"]*\"|\d+", re.DOTALL)


def without_values(text: str) -> str:
    """A text with its values (objects, quoted strings, numbers) replaced by `…`."""
    return _VALUE.sub("…", text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one reply."""

    kind: str
    """VERIFIED, VIOLATION, NOTE or UNEXPLAINED."""
    outcome: str
    """The expected outcome: the one that the mock would give."""
    got: str
    """The outcome of the reply, or what makes it unreadable."""
    rule: str = ""
    """The rule that is violated, or that the server does not follow."""
    detail: str = ""
    """The differences between the reply and the rule."""
    reason: str = ""
    """Why the rule applies: the values of its condition."""
    permitted: tuple[str, ...] = ()
    """All outcomes that the contract permits here."""

    @property
    def key(self) -> tuple[str, ...]:
        """Identifies a difference; equal for verdicts that differ in values only."""
        return self.kind, self.rule, self.got, without_values(self.detail)[:200]

    @property
    def sentence(self) -> str:
        """The rule and the differences, for reports."""
        return f"{self.rule} - {self.detail}" if self.detail else self.rule


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, with the minted values and the changes that follow from the reply."""

    verdict: Verdict
    row: int = 0
    """The number of the expected row of the decision table."""
    minted: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[openapi.Change, ...] = ()
    readings: tuple[Choice, ...] = ()
    """What is certain by now of how the server reads requests, and is not the mock's way."""
    seen: openapi.Permitted | None = None
    """What the server may have seen; None where nothing was judged."""

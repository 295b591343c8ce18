"""Saves each violation as a file, and reads it for `contracts replay`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openapi
from contracts.judge.record import Finding, Record
from contracts.judge.verdict import VIOLATION, without_values
from contracts.report.data import finding_as_data
from contracts.report.files import invalid, read_json
from contracts.sequence.shrink import Steps
from contracts.sequence.steps import InvalidSteps, read_steps

FORMAT = 1
"""The version of the format. It increases with each incompatible change."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A saved violation."""

    steps: Steps
    """The shortest sequence found that shows the violation."""
    history: Steps
    """All requests that changed state since the initial state of the server, then the request that failed; empty if too many."""
    rule: str
    """The sentence of the contract that was broken."""
    got: str
    """The outcome that the server gave."""

    def is_like(self, rule: str, got: str) -> bool:
        """Whether a failure with this rule and outcome is the same one. Values in the rule and its file and line are ignored."""
        return self.got == got and _without_place(self.rule) == _without_place(rule)


def _without_place(rule: str) -> str:
    """A rule without values and without its file and line."""
    return without_values(re.sub(r" \[[^\]]*:\d+\]", "", rule))


def save_failures(record: Record, folder: str) -> list[Path]:
    """Saves each violation as a file in a folder, which is created if needed; returns the files. Raises OSError."""
    found = record.found(VIOLATION)
    Path(folder).mkdir(parents=True, exist_ok=True)
    return [_save(finding, finding_as_data(record, finding), Path(folder)) for finding in found]


def _save(finding: Finding, data: dict[str, Any], folder: Path) -> Path:
    # Text of the server is not safe in a file name, so only the digest depends on it.
    outcome = re.sub(r"[^A-Za-z0-9]+", "-", finding.verdict.outcome)[:80]
    digest = hashlib.sha256(json.dumps(finding.verdict.key).encode()).hexdigest()[:12]
    file = folder / f"{outcome}-{digest}.json"
    data = {"format": FORMAT, **data, "history": [each.as_data() for each in finding.history]}
    file.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors="replace")
    return file


def read_failure(path: str, number: int | None, contract: openapi.Contract, secrets: Mapping[str, str]) -> Failure:
    """Reads a saved failure, or violation `number` (from 1) of a JSON report. Raises InvalidDocument."""
    data = read_json(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise invalid(path, f"is not a saved failure or report of format {FORMAT}")
    if "violations" in data:
        data = _violation(path, data["violations"], number)
    try:
        steps = read_steps(data.get("steps"), contract, secrets)
        history = read_steps(data["history"], contract, secrets) if data.get("history") else []
    except InvalidSteps as error:
        raise invalid(path, str(error)) from None
    return Failure(steps, history, str(data.get("rule", "")), str(data.get("got", "")))


def _violation(path: str, violations: Any, number: int | None) -> dict[str, Any]:
    """One of the violations of a report. `number` may be None if there is only one. Raises InvalidDocument."""
    count = len(violations) if isinstance(violations, list) else 0
    number = 1 if number is None and count == 1 else number
    if number is None or not 1 <= number <= count:
        hint = f"choose one with --finding, from 1 to {count}" if count else ""
        raise invalid(path, f"this report has {count} violations", hint)
    return violations[number - 1] if isinstance(violations[number - 1], dict) else {}

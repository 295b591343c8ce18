"""The record of an examination, and its reports: a matrix for the terminal, JSON, JUnit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

from contracts._oracle import NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Verdict
from contracts._wire import Request, redact

VIOLATED, BLOCKED, NOT_COVERED = "violated", "blocked", "not covered"
_COLOURS = {VERIFIED: "green", VIOLATED: "red", BLOCKED: "yellow", NOT_COVERED: "red"}


@dataclass(slots=True)
class Finding:
    """One way in which a server breaks a rule: the shortest request that shows it."""

    verdict: Verdict
    request: Request
    reply: str
    count: int = 1


@dataclass(slots=True)
class Record:
    """What was seen of each outcome."""

    outcomes: tuple[str, ...]
    secrets: Mapping[str, str]
    base: str
    blocked: dict[str, str] = field(default_factory=dict)
    """What the world lacks, by outcome."""
    cases: Counter[str] = field(default_factory=Counter)
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0

    def add(self, request: Request, reply: str, verdict: Verdict) -> None:
        """Notes one verdict."""
        if verdict.kind == VERIFIED:
            self.cases[verdict.outcome] += 1
            return
        key = verdict.kind, verdict.rule, verdict.got
        finding = self.findings.get(key)
        if finding is None:
            self.findings[key] = Finding(verdict, request, reply)
            return
        finding.count += 1
        if request.size() < finding.request.size():
            finding.request, finding.reply = request, reply

    def found(self, kind: str) -> list[Finding]:
        """The findings of a kind, the most frequent first."""
        return sorted((each for each in self.findings.values() if each.verdict.kind == kind), key=lambda each: -each.count)

    def verdict(self, outcome: str) -> str:
        """verified, violated, blocked or not covered."""
        if any(each.verdict.outcome == outcome for each in self.found(VIOLATION)):
            return VIOLATED
        if self.cases[outcome]:
            return VERIFIED
        return BLOCKED if outcome in self.blocked else NOT_COVERED

    def exit_code(self) -> int:
        """0 clean, 1 violations, 3 too little covered."""
        if self.found(VIOLATION):
            return 1
        left = [outcome for outcome in self.outcomes if self.verdict(outcome) == NOT_COVERED]
        return 3 if left or not self.cases else 0

    def as_data(self) -> dict[str, Any]:
        """The whole record as plain data, without secrets."""
        outcomes = {each: {"verdict": self.verdict(each), "cases": self.cases[each]} for each in self.outcomes}
        for each, reason in self.blocked.items():
            outcomes[each]["reason"] = reason
        return {
            "target": self.base,
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "outcomes": outcomes,
            "violations": [self._finding(each) for each in self.found(VIOLATION)],
            "notes": [self._finding(each) for each in self.found(NOTE)],
            "unexplained": [self._finding(each) for each in self.found(UNEXPLAINED)],
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        request, verdict = finding.request, finding.verdict
        return {
            "operation": request.operation,
            "rule": redact(verdict.rule, self.secrets),
            "expected": verdict.outcome,
            "got": redact(verdict.got, self.secrets),
            "count": finding.count,
            "request": redact(f"{request.method} {request.url(self.base)}", self.secrets),
            "reply": redact(finding.reply, self.secrets),
            "curl": request.curl(self.base, self.secrets),
        }


def print_record(record: Record, console: Console) -> None:
    """The matrix of outcomes, and then each finding with a curl line."""
    table = Table("outcome", "verdict", "cases", "", title=f"{record.base}: {record.requests} requests, {record.seconds:.1f} s")
    for outcome in record.outcomes:
        verdict = record.verdict(outcome)
        reason = record.blocked.get(outcome, "") if verdict == BLOCKED else ""
        table.add_row(outcome, f"[{_COLOURS[verdict]}]{verdict}[/]", str(record.cases[outcome]), reason)
    console.print(table)
    data = record.as_data()
    for title, findings in (("Violation", data["violations"]), ("Note", data["notes"]), ("Unexplained", data["unexplained"])):
        for each in findings:
            lines = [
                f"{title}: {each['rule']}",
                f"  got {each['got']}, {each['count']} times: {each['reply']}",
                f"  {each['curl']}",
            ]
            console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    done = sum(record.verdict(each) == VERIFIED for each in record.outcomes)
    console.print(f"{done} of {len(record.outcomes)} documented outcomes verified, {len(data['violations'])} violations")


def write_json(record: Record, path: str) -> None:
    """The record as JSON. Raises OSError."""
    Path(path).write_text(json.dumps(record.as_data(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_junit(record: Record, path: str) -> None:
    """One test case for each outcome. Raises OSError."""
    suite = ElementTree.Element("testsuite", name="contracts", tests=str(len(record.outcomes)), time=f"{record.seconds:.3f}")
    violations = record.as_data()["violations"]
    for outcome in record.outcomes:
        operation, _, name = outcome.partition("/")
        case = ElementTree.SubElement(suite, "testcase", classname=operation, name=name)
        verdict = record.verdict(outcome)
        if verdict == VIOLATED:
            for each in (each for each in violations if each["expected"] == outcome):
                failure = ElementTree.SubElement(case, "failure", message=_printable(each["rule"]))
                failure.text = _printable(f"{each['reply']}\n{each['curl']}")
        elif verdict == NOT_COVERED:
            ElementTree.SubElement(case, "failure", message="not covered")
        elif verdict == BLOCKED:
            ElementTree.SubElement(case, "skipped", message=record.blocked[outcome])
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(each if each >= " " or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)

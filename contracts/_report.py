"""A record as plain data, as JSON, and as the matrix on a terminal. Secrets stand as their `${NAME}` in all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts._oracle import NOTE, UNEXPLAINED, VERIFIED, VIOLATION
from contracts._record import BLOCKED, LATENCY_BOUNDS, NOT_COVERED, VIOLATED, Finding, Record
from contracts._wire import redact

FORMAT = 1
"""Raised when the data change so that a reader would stumble."""
SHOWN = {
    "alone": "These requests show it on a server to which nothing else has happened.",
    "again": "It showed again when it was repeated, on a server that earlier requests had changed; it may follow from another.",
    "once": "It showed once, and not when it was repeated; earlier requests may have to do with it.",
}
"""What is said of a finding, by its rank."""
_COLOURS = {VERIFIED: "green", VIOLATED: "red", BLOCKED: "yellow", NOT_COVERED: "red"}


def as_data(record: Record) -> dict[str, Any]:
    """The whole record as plain data; `contracts/report.schema.json` describes it."""
    outcomes = {each: {"verdict": record.verdict(each), "cases": record.cases[each]} for each in record.outcomes}
    for each, reason in record.blocked.items():
        outcomes[each]["reason"] = reason
    return {
        "format": FORMAT,
        "target": redact(record.base, record.secrets),
        "seed": record.seed,
        "requests": record.requests,
        "seconds": round(record.seconds, 3),
        "exit_code": record.exit_code(),
        "lacking": record.lacking(),
        "outcomes": outcomes,
        "rows": [{"operation": name, "row": row, "hits": count} for (name, row), count in sorted(record.rows.items())],
        "replies": dict(sorted(record.replies.items())),
        "latency": {
            "bounds": list(LATENCY_BOUNDS),
            "replies": {
                got: [bars[at] for at in range(len(LATENCY_BOUNDS) + 1)] for got, bars in sorted(record.latencies.items())
            },
        },
        "violations": [finding_as_data(record, each) for each in record.found(VIOLATION)],
        "notes": [finding_as_data(record, each) for each in record.found(NOTE)],
        "unexplained": [finding_as_data(record, each) for each in record.found(UNEXPLAINED)],
        "not_kept": record.unkept,
    }


def finding_as_data(record: Record, finding: Finding) -> dict[str, Any]:
    """One finding as plain data."""
    verdict, secrets = finding.verdict, record.secrets
    return {
        "operation": finding.steps[-1].operation,
        "rule": redact(verdict.sentence, secrets),
        "reason": redact(verdict.reason, secrets),
        "expected": verdict.outcome,
        "permitted": list(verdict.permitted),
        "got": redact(verdict.got, secrets),
        "count": finding.count,
        "shown": list(SHOWN)[finding.rank],
        "reply": finding.reply,
        "curl": finding.curls,
        "steps": [each.as_data() for each in finding.steps],
    }


def print_record(record: Record, console: Console) -> None:
    """The matrix of outcomes, and then each finding with its curl lines."""
    data = as_data(record)
    title = f"{escape(data['target'])}: {record.requests} requests, {record.seconds:.1f} s, seed {record.seed}"
    table = Table("outcome", "verdict", "cases", "", title=title)
    for outcome, seen in data["outcomes"].items():
        verdict = seen["verdict"]
        reason = seen.get("reason", "") if verdict in (BLOCKED, NOT_COVERED) else ""
        table.add_row(outcome, f"[{_COLOURS[verdict]}]{verdict}[/]", str(seen["cases"]), escape(reason))
    console.print(table)
    for title, findings in (("Violation", data["violations"]), ("Note", data["notes"]), ("Unexplained", data["unexplained"])):
        for each in findings:
            console.print("\n".join(_lines(title, each)), markup=False, highlight=False, soft_wrap=True)
    for sentence in data["lacking"]:
        console.print(f"Too little: {sentence}", markup=False, highlight=False, soft_wrap=True)
    done = record.tally()[VERIFIED]
    console.print(f"{done} of {len(record.outcomes)} documented outcomes verified, {len(data['violations'])} violations")


def _lines(title: str, finding: dict[str, Any]) -> list[str]:
    times = "once" if finding["count"] == 1 else f"{finding['count']} times"
    lines = [f"{title}: {finding['rule']}", f"  got {finding['got']}, {times}: {finding['reply']}"]
    if finding["reason"]:
        lines.append(f"  because {finding['reason']}")
    if finding["shown"] != "alone" and title == "Violation":
        lines.append(f"  {SHOWN[finding['shown']]}")
    curls = finding["curl"]
    return lines + [f"  {curls[0]}" if len(curls) == 1 else f"  {number}. {curl}" for number, curl in enumerate(curls, 1)]


def write_json(record: Record, path: str) -> None:
    """The record as JSON. Raises OSError."""
    Path(path).write_text(json.dumps(as_data(record), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

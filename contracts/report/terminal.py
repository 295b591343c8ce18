"""The record as text for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.judge.oracle import VERIFIED
from contracts.judge.record import BLOCKED, NOT_COVERED, VIOLATED, Record
from contracts.report.data import RANK_TEXTS, as_data

_COLOURS = {VERIFIED: "green", VIOLATED: "red", BLOCKED: "yellow", NOT_COVERED: "red"}


def print_record(record: Record, console: Console) -> None:
    """Prints the table of outcomes, each finding with its curl lines, and a summary."""
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
            console.print("\n".join(_lines(title, each, record.requests)), markup=False, highlight=False, soft_wrap=True)
    if record.pauses:
        console.print(f"Note: the server asked to slow down {record.pauses} times (HTTP 429 or 503)", highlight=False)
    for sentence in data["lacking"]:
        console.print(f"Too little covered: {sentence}", markup=False, highlight=False, soft_wrap=True)
    done = record.tally()[VERIFIED]
    console.print(f"{done} of {len(record.outcomes)} documented outcomes verified, {len(data['violations'])} violations")


def _lines(title: str, finding: dict[str, Any], requests: int) -> list[str]:
    times = "once" if finding["count"] == 1 else f"{finding['count']} times"
    if finding["shown"] == "sporadic":
        times = f"{finding['count']} of {requests:,} requests, not repeatable"
    lines = [f"{title}: {finding['rule']}", f"  got {finding['got']}, {times}: {finding['reply']}"]
    if finding["reason"]:
        lines.append(f"  because {finding['reason']}")
    if finding["shown"] != "alone" and title == "Violation":
        lines.append(f"  {RANK_TEXTS[finding['shown']]}")
    curls = finding["curl"]
    return lines + [f"  {curls[0]}" if len(curls) == 1 else f"  {number}. {curl}" for number, curl in enumerate(curls, 1)]

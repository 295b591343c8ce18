"""The record as text for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.judge.record import BLOCKED, LATENCY_BOUNDS, NOT_COVERED, VIOLATED, Record
from contracts.judge.verdict import VERIFIED
from contracts.report.data import RANK_TEXTS, as_data, took

MOST_LINES = 5
"""The most further violations of one cause that are printed."""
_COLOURS = {VERIFIED: "green", VIOLATED: "red", BLOCKED: "yellow", NOT_COVERED: "red"}


def print_record(record: Record, console: Console) -> None:
    """Prints the table of outcomes, each finding with its curl lines, and a summary."""
    data = as_data(record)
    title = f"{escape(data['target'])}: {record.requests} requests, {took(record)}"
    table = Table("outcome", "verdict", "cases", "", title=title)
    for outcome, seen in data["outcomes"].items():
        verdict = seen["verdict"]
        reason = seen.get("reason", "") if verdict in (BLOCKED, NOT_COVERED) else ""
        table.add_row(outcome, f"[{_COLOURS[verdict]}]{verdict}[/]", str(seen["cases"]), escape(reason))
    console.print(table)
    for cause in data["causes"]:
        console.print(
            "\n".join(_cause(cause, data["violations"], record.requests)), markup=False, highlight=False, soft_wrap=True
        )
    for title, findings in (("Note", data["notes"]), ("Unexplained", data["unexplained"])):
        for each in findings:
            console.print("\n".join(_lines(title, each, record.requests)), markup=False, highlight=False, soft_wrap=True)
    if slowest := data["latency"]["slowest"]:
        console.print(f"Slowest operation: {slowest['operation']}, 95 of 100 replies {_within(slowest['milliseconds'])}")
    if record.pauses:
        console.print(f"Note: the server asked to slow down {record.pauses} times (HTTP 429 or 503)", highlight=False)
    for sentence in data["lacking"]:
        console.print(f"Too little covered: {sentence}", markup=False, highlight=False, soft_wrap=True)
    done = record.tally()[VERIFIED]
    violations, causes = len(data["violations"]), len(data["causes"])
    of_causes = f" of {causes} {'cause' if causes == 1 else 'causes'}" if causes < violations else ""
    console.print(f"{done} of {len(record.outcomes)} documented outcomes verified, {violations} violations{of_causes}")


def _cause(cause: dict[str, Any], violations: list[dict[str, Any]], requests: int) -> list[str]:
    """The best violation of a cause in full, the others as one line each."""
    first, *others = (violations[number - 1] for number in cause["violations"])
    title, *lines = _lines("Violation", first, requests)
    common = [f"  {cause['sentence']} ({cause['failed']} of {cause['requests']})"] if cause["sentence"] else []
    more = [f"  also {each['rule']}: got {each['got']}, {_times(each['count'])}" for each in others[:MOST_LINES]]
    left = len(others) - MOST_LINES
    return [title, *common, *lines, *more, *([f"  and {left} more; --json, --html and --junit have all"] if left > 0 else [])]


def _within(milliseconds: int | None) -> str:
    return f"over {LATENCY_BOUNDS[-1]} ms" if milliseconds is None else f"within {milliseconds} ms"


def _times(count: int) -> str:
    """A count, as words."""
    return "once" if count == 1 else f"{count} times"


def _lines(title: str, finding: dict[str, Any], requests: int) -> list[str]:
    often = _times(finding["count"])
    if finding["often"]:
        often = f"in {finding['often']}"
    elif finding["shown"] == "sporadic":
        often = f"{finding['count']} of {requests:,} requests, not repeatable"
    lines = [f"{title}: {finding['rule']}", f"  got {finding['got']}, {often}: {finding['reply']}"]
    if finding["reason"]:
        lines.append(f"  because {finding['reason']}")
    if finding["shown"] != "alone" and title == "Violation" and not finding["often"]:
        lines.append(f"  {RANK_TEXTS[finding['shown']]}")
    curls = finding["curl"]
    return lines + [f"  {curls[0]}" if len(curls) == 1 else f"  {number}. {curl}" for number, curl in enumerate(curls, 1)]

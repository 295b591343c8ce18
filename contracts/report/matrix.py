"""The matrix of live traffic: for each operation the outcomes that were seen, and how often; lines where there is no terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.http.wire import printable
from contracts.judge.record import VIOLATED, Record
from contracts.judge.verdict import VERIFIED
from contracts.report.progress import Progress

SECONDS = 0.5
"""Seconds between two updates."""


class Matrix(Progress):
    """Prints the matrix of a record on a terminal, as it grows."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._next_matrix = 0.0

    def __call__(self, record: Record) -> None:
        """Prints the matrix if the last update is long enough ago."""
        if self._live is None:
            return super().__call__(record)
        if record.seconds >= self._next_matrix:
            self._next_matrix = record.seconds + SECONDS
            self._live.update(matrix(record), refresh=True)
        return None


def matrix(record: Record) -> Table:
    """A row for each operation: its outcomes that were seen, each with its count."""
    outcomes: dict[str, list[str]] = {}
    for outcome in (*record.outcomes, *(each for each in record.replies if each not in record.outcomes)):
        outcomes.setdefault(outcome.partition("/")[0] if outcome in record.outcomes else "undocumented", []).append(outcome)
    violations = record.tally()[VIOLATED]
    title = f"{record.seconds:.0f} s: {record.requests} exchanges, {record.answered()} of {len(record.outcomes)} outcomes seen"
    table = Table("operation", "seen", "outcomes", title=f"{title}, {violations} violated", title_justify="left")
    for operation, names in outcomes.items():
        seen = [each for each in names if record.replies[each] or record.verdict(each) == VIOLATED]
        known = sum(record.replies[each] > 0 for each in names)
        table.add_row(printable(operation, record.secrets), f"{known} of {len(names)}", _cells(record, seen))
    return table


def _cells(record: Record, names: list[str]) -> Text:
    text = Text()
    for each in names:
        verdict = record.verdict(each)
        colour = {VERIFIED: "green", VIOLATED: "red"}.get(verdict, "yellow")
        label = printable(each.partition("/")[2] or each, record.secrets)
        text.append(f"{label} ×{record.replies[each]}  ", style=colour)
    return text

"""The journal of a world: a bounded list of requests, their replies and the reasons.

An entry keeps the decision; its explanation is created when the entry is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any
from urllib.parse import parse_qsl

import openapi
from mockserver.http.request import decoded
from mockserver.worlds.faults import Fault
from mockserver.worlds.redaction import Redaction
from mockserver.worlds.wish import NOTHING, Wish

LARGEST_CALL = 8 * 1024
"""Characters of a call beyond which its entry keeps only the beginnings of its texts."""
LONGEST_TEXT = 300
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Call:
    """A request for an operation, as it came."""

    operation: str
    method: str
    path: str
    """As WSGI has it."""
    query: str
    body: str
    raw: Mapping[str, Any]
    """Its parameters as text, or as JSON values."""
    language: str
    started: float
    """When it came, in seconds of `time.perf_counter`."""
    wish: Wish = NOTHING


@dataclass(slots=True)
class Entry:
    """One call and its answer."""

    number: int
    """From 1, in the order in which the world answered."""
    at: int
    """Epoch ms by the world's clock."""
    seconds: float
    """From the arrival to the answer; waiting for the world is in it, the delay of a fault is not."""
    call: Call
    outcome: str | None
    """None where there was none, as with a dropped connection."""
    status: int
    decision: openapi.Decision | None = None
    """None where something else than the contract's table answered."""
    rule: openapi.Rule | None = None
    body: Any = None
    """The reply where it is not the decision's."""
    headers: Mapping[str, str] | None = None
    """Of that reply."""
    fault: Fault | None = None
    tainted: bool = False
    """Whether a fault forced or changed the reply, so that it says nothing about the state."""
    text: dict[str, Any] | None = None
    """The description of a large entry, which stores nothing else."""

    def described(self, redaction: Redaction) -> dict[str, Any]:
        """The entry as plain data, without secrets."""
        if self.text is not None:
            return self.text
        decision = self.decision
        for state in (decision.before, decision.state) if decision else ():
            redaction.learn(state)
        return {
            "number": self.number,
            "at": self.at,
            "time": as_text(self.at),
            "milliseconds": round(self.seconds * 1000, 3),
            "operation": self.call.operation,
            "outcome": self.outcome,
            "status": self.status,
            "tainted": self.tainted,
            "fault": self.fault.described() if self.fault else None,
            "request": self._request(redaction),
            "rule": _rule(decision.rule) if decision else None,
            "reasons": redaction(decision.reasons()) if decision else [],
            "changes": [_change(each, redaction) for each in decision.changes] if decision else [],
            "reply": redaction(self._reply(redaction.contract)),
        }

    def kept(self, contract: openapi.Contract, state: openapi.State) -> Entry:
        """The entry itself; for a very large call a shortened description."""
        if len(self.call.query) + len(self.call.body) + len(self.call.path) <= LARGEST_CALL:
            return self
        redaction = Redaction(contract)
        redaction.learn(state)
        text = _cut(self.described(redaction))
        call = replace(self.call, path="", query="", body="", raw=_cut(self.call.raw))
        return replace(self, call=call, decision=None, body=None, text=text)

    def _request(self, redaction: Redaction) -> dict[str, Any]:
        operation = redaction.contract.operations.get(self.call.operation)
        form = self.call.body if operation is not None and operation.accepts_form else ""
        return {
            "method": self.call.method,
            "path": redaction(decoded(self.call.path)),
            "parameters": redaction.parameters(operation, self.call.raw),
            "query": redaction.pairs(operation, parse_qsl(self.call.query, keep_blank_values=True)),
            "form": redaction.pairs(operation, parse_qsl(form, keep_blank_values=True)),
        }

    def _reply(self, contract: openapi.Contract) -> Any:
        if self.body is not None or self.decision is None:
            return self.body
        if (content := self.decision.rule.content) is not None:
            return self.call.wish.body(content)[1]
        return contract.body(self.decision.rule, self.call.language, self.decision)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A filter of entries; None means any value."""

    operation: str | None = None
    outcome: str | None = None
    """`getThing/404`, `404`, or the code in the body. A reply without an outcome has its HTTP status, 0 where none was sent."""
    parameters: Mapping[str, Any] | None = None
    """Their values as they are sent; None for one that is absent."""
    since: int | None = None
    """Epoch ms by the world's clock."""
    until: int | None = None
    tainted: bool | None = None

    def matches(self, entry: Entry) -> bool:
        """Whether the filter accepts an entry."""
        call = entry.call
        return (
            self.operation in (None, call.operation)
            and (self.outcome is None or self.outcome in _spellings(entry))
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at <= self.until)
            and self.tainted in (None, entry.tainted)
            and all(_same(call.raw.get(name), value) for name, value in (self.parameters or {}).items())
        )


class Journal:
    """The last entries of a world. The lock of the world protects it."""

    def __init__(self, most: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=most)
        self.count = 0
        """Entries ever written; the number of the last one."""
        self._cleared_at = 0

    @property
    def forgotten(self) -> int:
        """How many entries were dropped for space since it was last cleared."""
        return self.count - self._cleared_at - len(self.entries)

    def copy(self) -> Journal:
        """A journal with the same entries, which does not change with this one."""
        journal = Journal(0)
        journal.entries, journal.count, journal._cleared_at = self.entries.copy(), self.count, self._cleared_at
        return journal

    def clear(self) -> None:
        """Removes every entry; the numbers continue."""
        self.entries.clear()
        self._cleared_at = self.count

    def matching(self, pattern: Pattern, after: int = 0) -> Iterator[Entry]:
        """The entries that a filter accepts and whose numbers are above `after`, newest first."""
        newer = takewhile(lambda entry: entry.number > after, reversed(list(self.entries)))
        return filter(pattern.matches, newer)


def as_text(at: int) -> str:
    """Epoch ms as RFC 3339 in UTC; the number itself for a time outside the calendar."""
    try:
        return (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        return str(at)


def _spellings(entry: Entry) -> tuple[str, ...]:
    return (str(entry.status),) if entry.outcome is None or entry.rule is None else entry.rule.spellings


def _same(sent: Any, meant: Any) -> bool:
    """Whether a sent value equals one from a JSON document, where 1 also means the text `1`."""
    if isinstance(sent, str) and isinstance(meant, (int, float)):
        meant = str(meant).lower() if isinstance(meant, bool) else str(meant)
    return bool(sent == meant)


def _rule(rule: openapi.Rule) -> dict[str, Any]:
    return {"row": rule.number, "line": f"{rule.file}:{rule.line}", "kind": rule.kind, "why": rule.why, "holds": rule.condition}


def _change(change: openapi.Change, redaction: Redaction) -> dict[str, Any]:
    found = change.described()
    rows = {side: redaction.row(found["table"], found[side]) if found[side] else None for side in ("before", "after")}
    return {"table": found["table"], **rows}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, Mapping):
        return {name[:LONGEST_TEXT]: _cut(each) for name, each in list(value.items())[:50]}
    if isinstance(value, (list, tuple)):
        return [_cut(each) for each in value[:50]]
    return value

"""Messages of tasks to the client of the cluster: small facts, and reports as compressed JSON. What comes is untrusted."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openapi
from contracts.judge.record import Record
from contracts.judge.verdict import VIOLATION
from contracts.report.data import as_data

LARGEST_REPORT = 64 * 1024 * 1024
"""The most bytes of a report before it is compressed. Histories of failures are left out of a larger one."""
REPORT, ENTRY, DONE, LEFT, FAILED = "report", "entry", "done", "left", "failed"
KINDS = (REPORT, ENTRY, DONE, LEFT, FAILED)
"""A report so far; an entry of the corpus; the end; the worker leaves the cluster; the shard could not go on."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the progress of a run shows of a shard, without its report."""

    requests: int = 0
    answered: tuple[str, ...] = ()
    """The documented outcomes that the server has given."""
    violations: tuple[str, ...] = ()
    """Digests of the violations: the same difference has the same one in each shard."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an attempt at a shard."""

    kind: str
    shard: int
    """The number of the shard."""
    attempt: int
    position: int | None = None
    """The number of the input to go on with; None before the first one."""
    facts: Facts = field(default_factory=Facts)
    text: str = ""
    """A line of a corpus, or why the shard could not go on."""
    report: bytes = b""
    """The report so far; empty without one."""

    def as_data(self) -> dict[str, Any]:
        """The message as Dask sends it."""
        return {
            "kind": self.kind,
            "shard": self.shard,
            "attempt": self.attempt,
            "position": self.position,
            "requests": self.facts.requests,
            "answered": list(self.facts.answered),
            "violations": list(self.facts.violations),
            "text": self.text,
            "report": self.report,
        }


def read_message(data: Any) -> Message | None:
    """A message from what was received; None for what is none."""
    if not isinstance(data, dict) or any(name not in data or not fits(data[name]) for name, fits in _MEMBERS.items()):
        return None
    answered, violations = (tuple(map(str, data[name])) for name in ("answered", "violations"))
    facts = Facts(data["requests"], answered, violations)
    return Message(data["kind"], data["shard"], data["attempt"], data["position"], facts, data["text"], data["report"])


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


_MEMBERS: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in KINDS,
    "shard": _is_count,
    "attempt": _is_count,
    "position": lambda value: value is None or _is_count(value),
    "requests": _is_count,
    "answered": lambda value: isinstance(value, (list, tuple)),
    "violations": lambda value: isinstance(value, (list, tuple)),
    "text": lambda value: isinstance(value, str),
    "report": lambda value: isinstance(value, bytes),
}
"""What each member of a message must be."""


def facts_of(record: Record) -> Facts:
    """The facts of a record."""
    answered = tuple(each for each in record.outcomes if each in record.replies)
    return Facts(record.requests, answered, tuple(_digest(each.verdict.key) for each in record.found(VIOLATION)))


def _digest(key: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def packed(record: Record) -> bytes:
    """The report of a record as compressed JSON; empty where it is larger than LARGEST_REPORT even without histories."""
    data = as_data(record)
    text = _json(data)
    if len(text) > LARGEST_REPORT:
        for each in data["violations"]:
            each.pop("history", None)
        text = _json(data)
    return b"" if len(text) > LARGEST_REPORT else zlib.compress(text, 1)


def unpacked(report: bytes, where: str) -> Any:
    """The data of a report. `where` names it in errors. Raises InvalidDocument for what is too large or no JSON."""
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(report, LARGEST_REPORT)
        if not reader.eof:
            raise ValueError(f"is larger than {LARGEST_REPORT // 1024 // 1024} MiB, or cut off")
        return openapi.parse_json(text)
    except (zlib.error, ValueError) as error:
        raise openapi.InvalidDocument([openapi.Problem(where, 1, f"is not a report: {error}")]) from None


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

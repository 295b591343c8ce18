"""A record as plain data and as JSON. Secrets are replaced by their `${NAME}`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.http.wire import printable
from contracts.judge.record import LATENCY_BOUNDS, Finding, Record
from contracts.judge.verdict import NOTE, UNEXPLAINED, VIOLATION
from contracts.report.load import Load

FORMAT = 1
"""The version of the format. It increases with each incompatible change."""
MOST_BEHAVIOURS = 10_000
"""The most behaviours that are written."""
MOST_HISTORY = 3000
"""The most requests in the histories of all violations; a history that would exceed it is left out."""
MOST_SEEDS = 3
"""The most seeds of merged runs that are named."""
RANK_TEXTS = {
    "alone": "These requests alone reproduce it; it does not depend on earlier requests.",
    "again": "It occurred again when these requests were repeated. It may depend on earlier requests.",
    "sporadic": "Sporadic: it did not occur again when these requests were repeated. It may depend on earlier requests.",
}
"""How well the sequence of a finding reproduces it: the value of `shown` and its explanation, in the order of the ranks."""


def as_data(record: Record, load: Load | None = None) -> dict[str, Any]:
    """The whole record as plain data, with the figures of a load test, as `contracts/report/report.schema.json` describes it."""
    outcomes = {each: {"verdict": record.verdict(each), "cases": record.cases[each]} for each in record.outcomes}
    for each, reason in record.blocked.items():
        outcomes[each]["reason"] = reason
    violations = record.found(VIOLATION)
    return {
        "format": FORMAT,
        "target": printable(record.base, record.secrets),
        "seed": record.seed,
        "shard": record.shard,
        "requests": record.requests,
        "seconds": round(record.seconds, 3),
        "exit_code": record.exit_code(),
        "lacking": record.lacking(),
        "outcomes": outcomes,
        "rows": [{"operation": name, "row": row, "hits": count} for (name, row), count in sorted(record.rows.items())],
        "replies": dict(sorted(record.replies.items())),
        "latency": _latency(record),
        "causes": _causes(record, violations),
        "violations": list(_with_histories(record, violations)),
        "notes": [finding_as_data(record, each) for each in record.found(NOTE)],
        "unexplained": [finding_as_data(record, each) for each in record.found(UNEXPLAINED)],
        "not_kept": record.dropped,
        "pauses": record.pauses,
        "gone": printable(record.gone, record.secrets),
        "parts": _parts(record),
        "successes": sorted(record.successes),
        "required": sorted(record.required),
        "thorough": record.thorough,
        "observed": record.observed,
        "branches": {printable(branch, record.secrets): succeeded for branch, succeeded in record.branches.items()},
        "gaps": [printable(each, record.secrets) for each in record.gaps],
        "times": {outcome: record.times[outcome] for outcome in record.outcomes if record.times[outcome]},
        "first_replies": sorted(printable(each, record.secrets) for each in record.first_replies),
        "behaviours": sorted(printable(each, record.secrets) for each in record.behaviours)[:MOST_BEHAVIOURS],
        **({} if load is None else {"load": load.as_data(record.secrets)}),
    }


def _latency(record: Record) -> dict[str, Any]:
    slowest, buckets = record.slowest(), range(len(LATENCY_BOUNDS) + 1)
    return {
        "bounds": list(LATENCY_BOUNDS),
        "slowest": None if slowest is None else {"operation": slowest[0], "milliseconds": slowest[1]},
        "replies": {got: [bars[at] for at in buckets] for got, bars in sorted(record.latencies.items())},
    }


def _causes(record: Record, violations: list[Finding]) -> list[dict[str, Any]]:
    """The causes, each with the numbers of its violations, from 1."""

    def number(finding: Finding) -> int:
        return next(at for at, each in enumerate(violations, 1) if each is finding)

    return [
        {
            "sentence": printable(cause.sentence, record.secrets),
            "failed": cause.failed,
            "requests": cause.requests,
            "violations": [number(each) for each in found],
        }
        for cause, found in record.grouped()
    ]


def _parts(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "target": printable(each.target, record.secrets),
            "seed": each.seed,
            "shard": each.shard,
            "requests": each.requests,
            "seconds": round(each.seconds, 3),
        }
        for each in record.parts
    ]


def _with_histories(record: Record, violations: list[Finding]) -> Iterator[dict[str, Any]]:
    """The violations as plain data, each with its history while MOST_HISTORY is not reached."""
    left = MOST_HISTORY
    for each in violations:
        data = finding_as_data(record, each)
        if 0 < len(each.history) <= left:
            left -= len(each.history)
            data["history"] = [request.as_data() for request in each.history]
        yield data


def finding_as_data(record: Record, finding: Finding) -> dict[str, Any]:
    """One finding as plain data."""
    verdict, secrets = finding.verdict, record.secrets
    return {
        "operation": finding.steps[-1].operation,
        "rule": printable(verdict.sentence, secrets),
        "reason": printable(verdict.reason, secrets),
        "expected": verdict.outcome,
        "also_expected": sorted(finding.also - {verdict.outcome}),
        "permitted": list(verdict.permitted),
        "got": printable(verdict.got, secrets),
        "key": [printable(each, secrets) for each in verdict.key],
        "count": finding.count,
        "shown": list(RANK_TEXTS)[finding.rank],
        "often": finding.often,
        "reply": finding.reply,
        "curl": finding.curls,
        "steps": [each.as_data() for each in finding.steps],
    }


def took(record: Record) -> str:
    """How long a test run took, and its seed. Of several that were merged: the longest, all together, and the seeds."""
    if not record.parts:
        return f"{record.seconds:.1f} s, seed {record.seed}"
    seeds = list(dict.fromkeys(each.seed for each in record.parts))
    more = f" and {len(seeds) - MOST_SEEDS} more" if len(seeds) > MOST_SEEDS else ""
    named = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds[:MOST_SEEDS]))}{more}"
    together = sum(each.seconds for each in record.parts)
    return f"{len(record.parts)} runs of up to {record.seconds:.1f} s, {together:.1f} s together, {named}"


def write_json(record: Record, path: str, load: Load | None = None) -> None:
    """Writes the record as JSON, with the figures of a load test. Raises OSError."""
    Path(path).write_text(json.dumps(as_data(record, load), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

"""One record of several: what test runs that divided the work have covered and found together.

The runs have the same contract. What one of them verified is verified, and what one of them found is found. An outcome is
blocked if no run verified it and every run that looked for it found that its world cannot reach it. Counts add up. The seconds
are those of the longest run, because the runs are at the same time; `Record.parts` has those of each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from contracts.judge.causes import Cause, Causes, Key
from contracts.judge.parts import Part
from contracts.judge.record import MOST_FINDINGS, Finding, Record
from contracts.judge.verdict import VIOLATION

MOST_TARGETS = 3
"""The most targets that are named; of further ones only the number is told."""
_often = re.compile(r"(\d{1,12}) of (\d{1,12}) (.*)", re.DOTALL).fullmatch
_T = TypeVar("_T")


def merged(records: Sequence[Record]) -> Record:
    """One record of all; the records themselves stay as they are. Raises ValueError for none, and for different contracts."""
    if not records:
        raise ValueError("no records to merge")
    first = records[0]
    if any(each.outcomes != first.outcomes for each in records):
        raise ValueError("records of different contracts cannot be merged")
    parts = tuple(part for each in records for part in parts_of(each))
    findings, dropped = _kept(_joined(finding for each in records for finding in each.findings.values()))
    return Record(
        first.outcomes,
        {value: name for each in records for value, name in each.secrets.items()},
        _targets(parts),
        successes=frozenset().union(*(each.successes for each in records)),
        required=frozenset().union(*(each.required for each in records)),
        seed=first.seed,
        thorough=any(each.thorough for each in records),
        observed=all(each.observed for each in records),
        blocked=_blocked(records),
        branches=_branches(records),
        cases=_sum(each.cases for each in records),
        rows=_sum(each.rows for each in records),
        replies=_sum(each.replies for each in records),
        times=_sum(each.times for each in records),
        latencies=_latencies(records),
        findings=findings,
        causes=Causes(),
        known_causes=_causes(records, findings),
        parts=parts,
        gaps=_distinct(gap for each in records for gap in each.gaps),
        first_replies=set(_distinct(said for each in records for said in sorted(each.first_replies))[:2]),
        dropped=dropped + sum(each.dropped for each in records),
        behaviours=set().union(*(each.behaviours for each in records)),
        planned=sum(each.planned for each in records),
        requests=sum(each.requests for each in records),
        seconds=max(each.seconds for each in records),
        pauses=sum(each.pauses for each in records),
        gone="; ".join(_distinct(each.gone for each in records if each.gone)),
    )


def parts_of(record: Record) -> tuple[Part, ...]:
    """The test runs of a record: its parts, or itself."""
    return record.parts or (Part(record.base, record.seed, record.shard, record.requests, record.seconds),)


def _targets(parts: Iterable[Part]) -> str:
    """The targets in words."""
    targets = _distinct(each.target for each in parts)
    more = len(targets) - MOST_TARGETS
    return ", ".join(targets[:MOST_TARGETS]) + (f" and {more} more" if more > 0 else "")


def _blocked(records: Sequence[Record]) -> dict[str, str]:
    """Why outcomes cannot be reached, where every run that looked for a way says so; a fuzz run does not look."""
    looked = [each.blocked for each in records if each.thorough or each.blocked]
    return {outcome: why for outcome, why in looked[0].items() if all(outcome in each for each in looked)} if looked else {}


def _branches(records: Iterable[Record]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for each in records:
        found |= {branch: succeeded or found.get(branch, False) for branch, succeeded in each.branches.items()}
    return found


def _latencies(records: Iterable[Record]) -> dict[str, Counter[int]]:
    found: dict[str, Counter[int]] = {}
    for each in records:
        for got, counts in each.latencies.items():
            found.setdefault(got, Counter()).update(counts)
    return found


def _joined(findings: Iterable[Finding]) -> dict[Key, Finding]:
    """The findings without doubles: of one difference the best sequence, and the sum of the counts."""
    found: dict[Key, Finding] = {}
    for each in findings:
        known = found.get(each.verdict.key)
        found[each.verdict.key] = replace(each, also=set(each.also)) if known is None else join(known, each)
    return found


def join(one: Finding, other: Finding) -> Finding:
    """Two findings of the same difference as one; neither is changed."""
    best = one if one.order <= other.order else other
    also = {*one.also, *other.also, one.verdict.outcome, other.verdict.outcome} - {best.verdict.outcome}
    return replace(best, count=one.count + other.count, also=also, often=_sum_of_often(best.often, one.often, other.often))


def _sum_of_often(best: str, one: str, other: str) -> str:
    """`3 of 10 repetitions` and `4 of 10 repetitions` as `7 of 20 repetitions`; the `best` where they count different things."""
    found, more = _often(one), _often(other)
    if found is None or more is None or found[3] != more[3]:
        return best
    return f"{int(found[1]) + int(more[1])} of {int(found[2]) + int(more[2])} {found[3]}"


def _kept(findings: dict[Key, Finding]) -> tuple[dict[Key, Finding], int]:
    """The findings that are kept, and how many are dropped: first those without which an outcome would not be violated."""
    if len(findings) <= MOST_FINDINGS:
        return findings, 0
    by_value = sorted(findings.items(), key=lambda pair: (pair[1].verdict.kind != VIOLATION, pair[1].rank, -pair[1].count))
    shown: set[str] = set()
    needed: list[tuple[Key, Finding]] = []
    others: list[tuple[Key, Finding]] = []
    for key, each in by_value:
        outcomes = {each.verdict.outcome, *each.also} if each.verdict.kind == VIOLATION else set()
        (others if outcomes <= shown else needed).append((key, each))
        shown |= outcomes
    kept = [*needed, *others][: max(MOST_FINDINGS, len(needed))]
    return dict(kept), len(findings) - len(kept)


def _causes(records: Iterable[Record], findings: dict[Key, Finding]) -> list[Cause]:
    """The causes of the findings: one for each sentence. Of several causes of a violation the one that explains most stays."""
    found: dict[Key, Cause] = {}
    for record in records:
        for cause, violations in record.grouped():
            keys = tuple(each.verdict.key for each in violations if each.verdict.key in findings)
            if keys:
                same = (cause.sentence,) if cause.sentence else keys[0]
                found[same] = _with(found.get(same), replace(cause, keys=keys))
    known: set[Key] = set()
    kept = []
    for cause in sorted(found.values(), key=lambda each: (not each.sentence, -len(each.keys), -each.failed, each.sentence)):
        keys = tuple(key for key in cause.keys if key not in known)
        known.update(keys)
        kept += [replace(cause, keys=keys)] if keys else []
    return kept


def _with(known: Cause | None, cause: Cause) -> Cause:
    """The cause, with the same cause of other runs."""
    if known is None:
        return cause
    keys = tuple(dict.fromkeys((*known.keys, *cause.keys)))
    return Cause(cause.sentence, keys, known.failed + cause.failed, known.requests + cause.requests)


def _sum(counters: Iterable[Counter[_T]]) -> Counter[_T]:
    total: Counter[_T] = Counter()
    for each in counters:
        total.update(each)
    return total


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))

"""What a run on a cluster has gathered on this machine: its corpus, the counts so far, and one record at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import openapi
from contracts.cluster.entries import read_entry
from contracts.cluster.messages import Message, unpacked
from contracts.cluster.names import Names
from contracts.cluster.shards import ENDED, RUNNING, Report, ShardState
from contracts.judge.merging import merged
from contracts.judge.parts import Part
from contracts.judge.record import Record
from contracts.report.progress import Counts, Progress
from contracts.report.reading import read_report
from contracts.sequence import corpus
from contracts.sequence.corpus import Corpus

MOST_BEHAVIOURS = 100_000
"""The most behaviours that are told apart; entries that show further ones are not kept."""


class Entries:
    """The entries that came from the shards: those that show something new are kept, and go to the other shards."""

    def __init__(
        self, contract: openapi.Contract, secrets: Mapping[str, str], store: Corpus | None, warn: Callable[[str], None]
    ) -> None:
        self._contract, self._secrets, self._corpus, self._warn = contract, secrets, store, warn
        self.behaviours = set[str]() if store is None else set(store.behaviours)

    def keep(self, message: Message) -> bool:
        """Keeps an entry; False where it shows nothing new, or is none."""
        try:
            # All shards show the same in their first minute, so what is known is not checked further.
            if len(self.behaviours) > MOST_BEHAVIOURS or self.behaviours.issuperset(corpus.read_entry(message.text.encode())[1]):
                return False
            entry = read_entry(message.text, self._contract, self._secrets)
        except ValueError as error:
            self._warn(f"an entry of shard {message.shard} is not kept: {error}")
            return False
        self.behaviours.update(entry.shows)
        try:
            if self._corpus is not None:
                self._corpus.add_line(entry.line())
        except OSError as error:
            self._corpus = None
            self._warn(f"the corpus cannot be written any more: {error}")
        return True


class Watch:
    """Shows the progress of all shards together."""

    def __init__(self, progress: Progress, states: Sequence[ShardState], entries: Entries, outcomes: int, planned: int) -> None:
        self._progress, self._states, self._entries = progress, states, entries
        self._outcomes, self._planned, self._started = outcomes, planned, time.monotonic()

    def __call__(self) -> None:
        """Shows the progress, if the last update is long enough ago."""
        seconds, behaviours = time.monotonic() - self._started, len(self._entries.behaviours)
        if self._progress.due(seconds, behaviours):
            facts = [each for state in self._states for each in (state.before, state.facts)]
            answered = {outcome for each in facts for outcome in each.answered}
            violations = {digest for each in facts for digest in each.violations}
            requests = sum(each.requests for each in facts)
            self._progress.show(
                Counts(
                    seconds, requests, self._planned, len(answered), self._outcomes, behaviours, len(violations), self._shards()
                )
            )

    def _shards(self) -> str:
        running, ended = (sum(each.state == state for each in self._states) for state in (RUNNING, ENDED))
        lost = sum(each.lost for each in self._states)
        return f", shards: {running} running, {ended} ended, {lost} times lost"


def record_of(states: Iterable[ShardState], empty: Record, seconds: float, gaps: Iterable[str], gone: str) -> Record:
    """One record of the reports of all attempts. `empty` is what it is without any; `gone` why the cluster is gone."""
    records, gaps = list[Record](), list(gaps)
    for state in states:
        for report in (*state.reports, *((state.report,) if state.report is not None else ())):
            try:
                records.append(_record(report, f"the report of shard {state.shard}"))
            except openapi.InvalidDocument as error:
                gaps.append(str(error))
        if not state.reports and state.report is None:
            gaps.append(f"shard {state.shard} has reported nothing")
    if any(each.outcomes != empty.outcomes for each in records):
        gaps.append("a worker has reported on another contract")
        records = [each for each in records if each.outcomes == empty.outcomes]
    record = merged(records) if records else empty
    gone = "; ".join(filter(None, (record.gone, gone)))
    return replace(record, seconds=seconds, gaps=[*record.gaps, *gaps], gone=gone, parts=_by_shard(record.parts))


def _record(report: Report, where: str) -> Record:
    """The record of a report, with requests as the first world of the pool has them. Raises InvalidDocument."""
    record, names = read_report(unpacked(report.content, where), where), Names(report.place.differences)
    for each in record.findings.values():
        each.steps, each.history = ([names.back(step) for step in steps] for steps in (each.steps, each.history))
    return record


def _by_shard(parts: Iterable[Part]) -> tuple[Part, ...]:
    """One part for each shard: its attempts together are one run, with the target of the last one."""
    found: dict[str, Part] = {}
    for each in parts:
        known = found.get(each.shard)
        requests, seconds = (known.requests, known.seconds) if known is not None else (0, 0.0)
        found[each.shard] = replace(each, requests=requests + each.requests, seconds=seconds + each.seconds)
    return tuple(found.values())

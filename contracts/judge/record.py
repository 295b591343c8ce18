"""The record of a test run: the counts of each outcome, and the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.http.wire import Request, printable
from contracts.judge.causes import Cause, Causes
from contracts.judge.parts import Part, missing_shards
from contracts.judge.verdict import VERIFIED, VIOLATION, Judgement, Verdict

VIOLATED, BLOCKED, NOT_COVERED = "violated", "blocked", "not covered"
MOST_FINDINGS = 200
"""The most findings that are kept; further ones are only counted."""
MOST_UNDOCUMENTED = 200
"""The most undocumented outcomes that are counted one by one; a server may give another one with each reply."""
OTHER = "other outcomes"
"""The name under which further ones of an operation are counted."""
LATENCY_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper bounds of the buckets of the latency histograms, ms; one more bucket holds all longer times."""


ISOLATED, REPRODUCED, SPORADIC = range(3)
"""How well a sequence reproduces a failure, the best first.

Isolated: the sequence failed three times, independently of earlier requests. Reproduced: the failure occurred again when the
sequence was repeated, and may depend on earlier requests. Sporadic: it did not occur again when it was repeated.
"""


@dataclass(slots=True)
class Finding:
    """One difference between the server and the contract, with the best sequence that shows it."""

    verdict: Verdict
    steps: list[Request]
    """The sequence, with placeholders for minted values; the verdict concerns the last request."""
    curls: list[str]
    """The same sequence as curl commands, with the values of this run."""
    reply: str
    size: tuple[int, int, str]
    """The size of the last request, to compare sequences."""
    rank: int = SPORADIC
    count: int = 1
    also: set[str] = field(default_factory=set)
    """Other outcomes that requests with this difference expected."""
    often: str = ""
    """How often a race was seen, as a sentence; empty for what is no race."""
    history: list[Request] = field(default_factory=list)
    """With placeholders: all requests that changed state since the last reset, then the request that failed."""

    @property
    def order(self) -> tuple[int, int, tuple[int, int, str]]:
        """The sort key of sequences that show the same difference; the smallest is the best."""
        return self.rank, len(self.steps), self.size

    def take(self, other: Finding) -> None:
        """Takes over the sequence of another finding of the same difference, if it is better."""
        if other.order < self.order:
            self.verdict, self.steps, self.curls = other.verdict, other.steps, other.curls
            self.reply, self.size, self.rank = other.reply, other.size, other.rank


@dataclass(slots=True)
class Record:
    """What a test run sent, covered and found. `contracts.judge.merging` makes one record of several."""

    outcomes: tuple[str, ...]
    secrets: Mapping[str, str]
    base: str
    successes: frozenset[str] = frozenset()
    """The outcomes that are successes."""
    required: frozenset[str] = frozenset()
    """Outcomes that must be verified, even if the world cannot reach them."""
    seed: int = 0
    thorough: bool = True
    """Whether every outcome that the world can reach must be verified."""
    observed: bool = False
    """Whether the requests are those of other clients, who need not vary them."""
    shard: str = ""
    """Which part of the inputs of the seed it sent, such as `3/16`; empty where inputs are not divided."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Why the world cannot reach an outcome, by outcome."""
    branches: dict[str, bool] = field(default_factory=dict)
    """Whether an operation succeeded in each branch that the world can reach, such as `share with mode=2`."""
    cases: Counter[str] = field(default_factory=Counter)
    """How often each outcome was verified."""
    rows: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each row of a decision table was the expected one, by operation and row number."""
    replies: Counter[str] = field(default_factory=Counter)
    """How often the server gave each outcome, expected or not."""
    times: Counter[str] = field(default_factory=Counter)
    """The ms of all replies to requests that expected an outcome, by outcome."""
    latencies: dict[str, Counter[int]] = field(default_factory=dict)
    """The latency histogram of each outcome that the server gave: the count of each bucket."""
    findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    """By `Verdict.key`."""
    causes: Causes = field(default_factory=Causes)
    """What failing requests have in common."""
    known_causes: list[Cause] = field(default_factory=list)
    """The causes that other records have found: those of a report, and those of the parts of a merged record."""
    parts: tuple[Part, ...] = ()
    """The test runs of which it is merged; empty for a single one."""
    gaps: list[str] = field(default_factory=list)
    """What was not tested although it should have been, as sentences: too little was covered because of each."""
    first_replies: set[str] = field(default_factory=set)
    """The first two different reply bodies."""
    dropped: int = 0
    """How many findings came after MOST_FINDINGS."""
    behaviours: set[str] = field(default_factory=set)
    """Distinct behaviours seen: a row, the outcome, and the outcome of the latest change before it."""
    planned: int = 0
    """About how many requests the test run will send; 0 where it has no end of its own."""
    requests: int = 0
    seconds: float = 0.0
    pauses: int = 0
    """How often the server asked to slow down, with HTTP 429 or 503."""
    gone: str = ""
    """Why the target could not be tested to the end, as a sentence; empty where it was."""

    def count(self, operation: str, judged: Judgement, said: str, milliseconds: float) -> None:
        """Counts one reply; `said` is its text."""
        if len(self.first_replies) < 2:
            self.first_replies.add(said)
        verdict, got = judged.verdict, self._counted(operation, judged.verdict.got)
        self.rows[operation, judged.row] += 1
        self.replies[got] += 1
        self.times[verdict.outcome] += round(milliseconds)
        if verdict.kind == VERIFIED:
            self.cases[verdict.outcome] += 1
        bucket = sum(milliseconds > bound for bound in LATENCY_BOUNDS)
        self.latencies.setdefault(got, Counter())[bucket] += 1

    def _counted(self, operation: str, got: str) -> str:
        """The name under which an outcome is counted."""
        room = len(self.replies) < len(self.outcomes) + MOST_UNDOCUMENTED
        return got if room or got in self.replies or got in self.outcomes else f"{operation}/{OTHER}"

    def is_new(self, behaviour: str) -> bool:
        """Adds a behaviour; returns whether it is new."""
        known = len(self.behaviours)
        self.behaviours.add(behaviour)
        return len(self.behaviours) > known

    def grouped(self) -> list[tuple[Cause, list[Finding]]]:
        """The violations by their cause, the cause of the best violation first."""
        violations = {each.verdict.key: each for each in self.found(VIOLATION)}
        positions = {key: position for position, key in enumerate(violations)}
        causes = [*self.known_causes, *self.causes.of(violations)]
        known = {key for cause in causes for key in cause.keys}
        causes += [Cause("", (key,), each.count, each.count) for key, each in violations.items() if key not in known]
        ordered = [(cause, sorted(cause.keys, key=positions.__getitem__)) for cause in causes]
        return [
            (cause, [violations[key] for key in keys]) for cause, keys in sorted(ordered, key=lambda pair: positions[pair[1][0]])
        ]

    def found(self, kind: str) -> list[Finding]:
        """The findings of a kind, sorted by rank, then by frequency."""
        found = (each for each in self.findings.values() if each.verdict.kind == kind)
        return sorted(found, key=lambda each: (each.rank, -each.count))

    def verdict(self, outcome: str) -> str:
        """The verdict on an outcome: verified, violated, blocked or not covered."""
        if any(outcome == each.verdict.outcome or outcome in each.also for each in self.found(VIOLATION)):
            return VIOLATED
        if self.cases[outcome]:
            return VERIFIED
        return BLOCKED if outcome in self.blocked and outcome not in self.required else NOT_COVERED

    def tally(self) -> Counter[str]:
        """The number of outcomes with each verdict."""
        return Counter(map(self.verdict, self.outcomes))

    def lacking(self) -> list[str]:
        """The reasons why too little was covered for the test run to pass, as sentences; empty where it may pass."""
        gaps = [*self.gaps, *missing_shards(self.parts)]
        if not self.requests:
            return [*self.untested(), *gaps]
        sentences = self.untested()
        if self.thorough and (never := [each for each, succeeded in self.branches.items() if not succeeded]):
            sentences.append(f"never succeeded: {'; '.join(never)}")
        if left := self.missed():
            sentences.append(f"not covered: {', '.join(left)}")
        return [*sentences, *gaps]

    def untested(self) -> list[str]:
        """The reasons why the test run as a whole says nothing about the server, as sentences."""
        if not self.requests:
            return ["no request was sent"]
        sentences = []
        outcomes = {got.rpartition("/")[2] for got in self.replies}
        for said in (outcomes, self.first_replies):
            if len(said) == 1 and len(self.outcomes) > 1 and not self.observed:
                sentences.append(f"the server answered {printable(next(iter(said)), self.secrets)} to every request")
                break
        if not self.cases:
            sentences.append("no documented outcome was verified")
        elif self.successes and not self.observed and not any(self.cases[each] for each in self.successes):
            sentences.append("no request succeeded; check that the world file describes this server")
        return sentences

    def slowest(self) -> tuple[str, int | None] | None:
        """The operation with the slowest replies, and within how many ms 95 of 100 came; None: more than the last bound.

        None without replies of a documented outcome.
        """
        bars: dict[str, Counter[int]] = {}
        for got, counts in self.latencies.items():
            if got in self.outcomes:
                bars.setdefault(got.partition("/")[0], Counter()).update(counts)
        buckets = {name: _percentile(counts) for name, counts in bars.items()}
        name = max(buckets, key=lambda each: (buckets[each], each), default=None)
        if name is None:
            return None
        return name, LATENCY_BOUNDS[buckets[name]] if buckets[name] < len(LATENCY_BOUNDS) else None

    def missed(self) -> list[str]:
        """The outcomes that must be verified and were not covered."""
        return [each for each in self.outcomes if (self.thorough or each in self.required) and self.verdict(each) == NOT_COVERED]

    def answered(self) -> int:
        """How many documented outcomes the server has given."""
        return len(self.replies.keys() & set(self.outcomes))

    def exit_code(self) -> int:
        """0: passed; 1: violations; 2: the target stopped answering; 3: too little was covered."""
        if self.gone:
            return 2
        if self.found(VIOLATION):
            return 1
        return 3 if self.lacking() else 0


def _percentile(counts: Counter[int]) -> int:
    """The bucket up to which 95 of 100 are."""
    below, total = 0, counts.total()
    for bucket in sorted(counts):
        below += counts[bucket]
        if below >= 0.95 * total:
            break
    return bucket

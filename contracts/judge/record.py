"""The record of an examination: what was seen of each outcome, and each way in which the server broke a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.http.wire import Request, redact
from contracts.judge.oracle import VERIFIED, VIOLATION, Judgement, Verdict

VIOLATED, BLOCKED, NOT_COVERED = "violated", "blocked", "not covered"
MOST_FINDINGS = 200
"""Further ways to differ are counted, and not kept."""
LATENCY_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper bounds of a histogram's bars in ms; a last bar holds what took longer."""


ALONE, AGAIN, ONCE = range(3)
"""How well a sequence shows a failure: on a server to which nothing else has happened; again when it was repeated; once."""


@dataclass(slots=True)
class Finding:
    """One way in which a server differs, with the shortest sequence that shows it."""

    verdict: Verdict
    steps: list[Request]
    """With placeholders; the last one is the one that the verdict is about."""
    curls: list[str]
    """The same for a shell, with the values of the run."""
    reply: str
    size: tuple[int, int, str]
    """How much there is to read in the last request."""
    rank: int = ONCE
    count: int = 1
    history: list[Request] = field(default_factory=list)
    """With placeholders: everything that changed the server since its world was true, and the request that failed."""

    @property
    def order(self) -> tuple[int, int, tuple[int, int, str]]:
        """Of two sequences that show the same, the smaller one is kept."""
        return self.rank, len(self.steps), self.size

    def take(self, other: Finding) -> None:
        """Shows the same by another sequence, where that is the better one."""
        if other.order < self.order:
            self.verdict, self.steps, self.curls = other.verdict, other.steps, other.curls
            self.reply, self.size, self.rank = other.reply, other.size, other.rank


@dataclass(slots=True)
class Record:
    """What was seen of each outcome."""

    outcomes: tuple[str, ...]
    secrets: Mapping[str, str]
    base: str
    successes: frozenset[str] = frozenset()
    """The outcomes that are successes."""
    required: frozenset[str] = frozenset()
    """Outcomes that must be verified, whether the world can reach them or not."""
    seed: int = 0
    thorough: bool = True
    """Whether every outcome that the world can reach must be verified."""
    blocked: dict[str, str] = field(default_factory=dict)
    """What the world lacks, by outcome."""
    branches: dict[str, bool] = field(default_factory=dict)
    """Whether an operation succeeded in each branch that the world can reach, such as `share with mode=2`."""
    cases: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each row of an operation's table was the answer."""
    replies: Counter[str] = field(default_factory=Counter)
    """What the server said, whatever was expected."""
    latencies: dict[str, Counter[int]] = field(default_factory=dict)
    """By what the server said, how many replies fell under each bar of the histogram."""
    findings: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    """The first two different replies."""
    unkept: int = 0
    behaviours: set[str] = field(default_factory=set)
    """What was seen: a row and its answer after the change before it."""
    requests: int = 0
    seconds: float = 0.0
    gone: str = ""
    """Why the target could not be used to the end, as a sentence; empty where it could."""

    def count(self, operation: str, judged: Judgement, said: str, milliseconds: float) -> None:
        """Counts one reply; `said` is what it says."""
        if len(self.said) < 2:
            self.said.add(said)
        verdict = judged.verdict
        self.rows[operation, judged.row] += 1
        self.replies[verdict.got] += 1
        if verdict.kind == VERIFIED:
            self.cases[verdict.outcome] += 1
        bar = sum(milliseconds > bound for bound in LATENCY_BOUNDS)
        self.latencies.setdefault(verdict.got, Counter())[bar] += 1

    def is_new(self, behaviour: str) -> bool:
        """Whether this has not been seen before; remembers it."""
        known = len(self.behaviours)
        self.behaviours.add(behaviour)
        return len(self.behaviours) > known

    def found(self, kind: str) -> list[Finding]:
        """The findings of a kind: those that are shown best first, of these the most frequent."""
        found = (each for each in self.findings.values() if each.verdict.kind == kind)
        return sorted(found, key=lambda each: (each.rank, -each.count))

    def verdict(self, outcome: str) -> str:
        """verified, violated, blocked or not covered."""
        if any(each.verdict.outcome == outcome for each in self.found(VIOLATION)):
            return VIOLATED
        if self.cases[outcome]:
            return VERIFIED
        return BLOCKED if outcome in self.blocked and outcome not in self.required else NOT_COVERED

    def tally(self) -> Counter[str]:
        """How many outcomes have each verdict."""
        return Counter(map(self.verdict, self.outcomes))

    def lacking(self) -> list[str]:
        """Why this record is too thin to be green, as sentences; empty where it is not."""
        if not self.requests:
            return ["no request was sent"]
        sentences = []
        outcomes = {got.rpartition("/")[2] for got in self.replies}
        for said in (outcomes, self.said):
            if len(said) == 1 and len(self.outcomes) > 1:
                sentences.append(f"the server answered {redact(next(iter(said)), self.secrets)} to everything")
                break
        if not self.cases:
            sentences.append("no documented outcome was verified")
        elif not any(self.cases[each] for each in self.successes):
            sentences.append("no operation succeeded once; is the world file true of this server?")
        if self.thorough and (never := [each for each, succeeded in self.branches.items() if not succeeded]):
            sentences.append(f"never succeeded: {'; '.join(never)}")
        if left := self.missed():
            sentences.append(f"not covered: {', '.join(left)}")
        return sentences

    def missed(self) -> list[str]:
        """The outcomes that must be verified and are not."""
        return [each for each in self.outcomes if (self.thorough or each in self.required) and self.verdict(each) == NOT_COVERED]

    def answered(self) -> int:
        """How many documented outcomes the server has given."""
        return len(self.replies.keys() & set(self.outcomes))

    def exit_code(self) -> int:
        """0 clean, 1 violations, 2 the target could not be used to the end, 3 too little covered."""
        if self.gone:
            return 2
        if self.found(VIOLATION):
            return 1
        return 3 if self.lacking() else 0

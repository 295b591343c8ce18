"""What failing requests have in common and passing ones have not: one cause may break many rules.

Each judged request has traits: its operation, the HTTP status of the reply, how it is sent, the values of its parameters and how
they are spelled. A trait explains a violation if every request that showed it has the trait, and nearly every request with the
trait fails: of all requests, or of those for the same row of the decision table, if others of that row pass. Violations with the
same explanation are one cause.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import openapi
from contracts.http.wire import Request

MOST_VALUES = 200
"""The most values of one parameter that are traits; more are minted or random ones."""
LONGEST_VALUE = 40
"""The most characters of a value that is a trait."""
MOST_VIOLATIONS = 200
"""The most violations whose requests are counted; a server may show another one with each reply."""
FEWEST = 3
"""The fewest failing requests of which a trait is named."""
NEARLY_ALL = 0.95
"""The share of the requests with a trait that must fail."""
SHORT_WINDOW = 0.5
"""The largest part of a test run that counts as a time window."""

Key = tuple[str, ...]
"""`Verdict.key` of a violation."""
Row = tuple[str, int]
"""An operation, and the number of the row of its decision table that was expected."""
Trait = tuple[str, str]
"""A kind, and the end of a sentence: `the failing requests are those ...`."""
KINDS = ("sent", "spelling", "value", "caller", "operation", "status")
"""The kinds of traits; of two that explain equally much the earlier one is named."""
OF_A_ROW = ("sent", "spelling", "value", "caller")
"""The kinds that may explain the failures of one row alone."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Violations that have one explanation."""

    sentence: str
    """What their requests have in common; empty where nothing was found."""
    keys: tuple[Key, ...]
    failed: int = 0
    """How many requests with the trait failed."""
    requests: int = 0
    """How many requests had the trait."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A request that was counted."""

    row: Row
    traits: set[Trait]


@dataclass(slots=True)
class _Occurrences:
    """The requests that showed one violation."""

    row: Row
    count: int = 0
    traits: Counter[Trait] = field(default_factory=Counter)
    window: tuple[int, int] = 0, 0
    """The numbers of the first and the last of these requests."""
    seconds: tuple[float, float] = 0.0, 0.0


@dataclass(slots=True)
class _Counts:
    """Of some requests: how many there were, how many failed, and the same for each trait."""

    requests: int = 0
    failures: int = 0
    all: Counter[Trait] = field(default_factory=Counter)
    failed: Counter[Trait] = field(default_factory=Counter)

    def explains(self, trait: Trait) -> bool:
        """Whether nearly all of those with the trait failed."""
        return self.failed[trait] >= max(FEWEST, NEARLY_ALL * self.all[trait])

    def tells_apart(self, trait: Trait) -> bool:
        """Whether there are others, without the trait, that passed."""
        passed, with_it = self.requests - self.failures, self.all[trait] - self.failed[trait]
        return passed - with_it >= FEWEST


class Causes:
    """Counts the traits of all requests and of those that failed."""

    def __init__(self) -> None:
        self._total = _Counts()
        self._rows: defaultdict[Row, _Counts] = defaultdict(_Counts)
        self._violations: dict[Key, _Occurrences] = {}
        self._values: defaultdict[str, set[str]] = defaultdict(set)

    def count(
        self, request: Request, operation: openapi.Operation, raw: Mapping[str, Any], row: int, status: int | None
    ) -> Counted:
        """Counts a request with its `raw` parameters, the expected row and the HTTP status of its reply (None without one)."""
        traits = set(self._traits(request, operation, raw, status))
        for counts in (self._total, self._rows[operation.name, row]):
            counts.requests += 1
            counts.all.update(traits)
        return Counted((operation.name, row), traits)

    def fail(self, counted: Counted, key: Key, second: float) -> None:
        """Counts a request that was counted as one with this violation. `second` is the time since the run began."""
        for counts in (self._total, self._rows[counted.row]):
            counts.failures += 1
            counts.failed.update(counted.traits)
        if key not in self._violations and len(self._violations) >= MOST_VIOLATIONS:
            return
        found = self._violations.setdefault(key, _Occurrences(counted.row))
        found.window = found.window[0] or self._total.requests, self._total.requests
        found.seconds = (found.seconds[0] if found.count else second), second
        found.count += 1
        found.traits.update(counted.traits)

    def of(self, keys: Iterable[Key]) -> list[Cause]:
        """The causes of these violations: those that explain most come first, then the violations without an explanation."""
        left = {key: self._violations[key] for key in keys if key in self._violations}
        found: list[Cause] = []
        while left:
            traits = {trait for each in left.values() for trait in each.traits}
            explained = {trait: keys for trait in traits if (keys := self._explained(trait, left))}
            if not explained:
                break
            trait = max(explained, key=lambda each: (len(explained[each]), -KINDS.index(each[0]), self._total.failed[each], each))
            keys = explained[trait]
            rows = {left[key].row for key in keys}
            counts = [self._total] if self._total.explains(trait) else [self._rows[row] for row in rows]
            failed, requests = sum(each.failed[trait] for each in counts), sum(each.all[trait] for each in counts)
            found.append(Cause(f"the failing requests are those {trait[1]}", keys, failed, requests))
            left = {key: each for key, each in left.items() if key not in keys}
        window = self._window(left)
        if window is not None:
            return [*found, window]
        return [*found, *(Cause("", (key,), each.count, each.count) for key, each in left.items())]

    def _explained(self, trait: Trait, left: dict[Key, _Occurrences]) -> tuple[Key, ...]:
        """The violations that a trait explains."""
        always = self._total.explains(trait)
        return tuple(
            key
            for key, each in left.items()
            if each.traits[trait] == each.count and (always or self._explains_row(trait, self._rows[each.row]))
        )

    def _explains_row(self, trait: Trait, row: _Counts) -> bool:
        return trait[0] in OF_A_ROW and row.explains(trait) and row.tells_apart(trait)

    def _window(self, left: dict[Key, _Occurrences]) -> Cause | None:
        """The time in which nearly every request failed, if it was a small part of the run."""
        failed = sum(each.count for each in left.values())
        if failed < FEWEST:
            return None
        first, last = min(each.window[0] for each in left.values()), max(each.window[1] for each in left.values())
        requests = last - first + 1
        if failed < NEARLY_ALL * requests or requests > SHORT_WINDOW * self._total.requests:
            return None
        begun, ended = min(each.seconds[0] for each in left.values()), max(each.seconds[1] for each in left.values())
        when = f"between second {begun:.1f} and {ended:.1f} of the run"
        return Cause(f"the failing requests are those {when}", tuple(left), failed, requests)

    def _traits(
        self, request: Request, operation: openapi.Operation, raw: Mapping[str, Any], status: int | None
    ) -> Iterator[Trait]:
        yield "operation", f"for {operation.name}"
        if status is None:
            yield "status", "without a reply"
        elif status not in {rule.status for rule in operation.rules}:
            yield "status", f"that get HTTP {status}"
        yield from (("sent", each) for each in _sent(request))
        for each in operation.parameters:
            value = raw.get(each.name)
            if isinstance(value, str) and each.credential:
                value = value.strip().rpartition(" ")[2]  # without `Bearer `
            if isinstance(value, str):
                for spelling in _spellings(value):
                    yield "spelling", f"with {each.name} {spelling}"
                    yield "spelling", f"with a parameter {spelling}"
                if self._is_trait(each.name, value):
                    yield "caller" if each.credential else "value", f"with {each.name}={value}"

    def _is_trait(self, name: str, value: str) -> bool:
        known = self._values[name]
        if len(known) < MOST_VALUES and value.strip() and len(value) <= LONGEST_VALUE:
            known.add(value)
        return value in known


def _sent(request: Request) -> Iterator[str]:
    names = [name for name, _ in request.query]
    if len(set(names)) < len(names):
        yield "with a repeated parameter"
    if request.form:
        yield "with a form and a query" if request.query else "with a form"
    if request.body is not None:
        yield "with a JSON body"
    if any(value.lower().startswith("bearer ") for _, value in request.headers):
        yield "with the prefix `Bearer `"


def _spellings(value: str) -> Iterator[str]:
    """How a text is unusual, as the end of a sentence."""
    if not value.strip():
        yield "of white space" if value else "that is empty"
    elif value != value.strip():
        yield "with white space around it"
    if not value.isascii():
        yield "that is not ASCII"
        if max(value) > "\uffff":
            yield "with characters beyond U+FFFF, such as emoji"
    number = value.strip().removeprefix("-").removeprefix("+")
    if number.isdecimal():
        yield from _numbers(value.strip(), number)


def _numbers(value: str, digits: str) -> Iterator[str]:
    if value.startswith("+"):
        yield "with a plus sign"
    if len(digits) > 1 and digits.startswith("0"):
        yield "with leading zeros"
    if value.startswith("-"):
        yield "below 0"
    size = int(digits[:40])
    for bits in (63, 53, 31):
        if size >= 2**bits:
            yield f"of 2^{bits} or more"

"""Requests that break two checks at once, and what a server answers to them. All are refused, so that nothing changes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Set
from heapq import nsmallest
from itertools import combinations, islice, product
from typing import Any

import openapi
from contracts.http.target import Target
from contracts.http.wire import Request, request_for
from contracts.judge.oracle import VIOLATION, Oracle
from contracts.order.inference import Answer, Check, broken, named, tells

MOST_PROBES = 3
"""Requests for one pair of checks; one is enough where the answer is that of the table."""
MOST_ALIKE = 6
"""Requests that are kept of those that break the same checks."""
MOST_CROSSED = 1000
"""Crossings that are tried for one pair of checks."""
AHEAD = 5_000
"""For how many ms a request must stay what it is: it may wait on its way."""

Raw = Mapping[str, Any]


class Refuted(Exception):
    """A server that breaks the contract in itself: its order means nothing yet."""


class Prober:
    """Asks one operation of a server. The oracle must not demand an order."""

    def __init__(self, operation: openapi.Operation, checks: tuple[Check, ...], oracle: Oracle, target: Target) -> None:
        self.operation, self.checks, self.oracle, self.target = operation, checks, oracle, target
        self.answers: list[Answer] = []
        self._known: dict[frozenset[int], list[openapi.Candidate]] = {}
        found = [(broken(checks, each.seen), each) for each in openapi.classified(operation, oracle.state, self._now())]
        for held, each in sorted(found, key=lambda pair: (len(pair[0]) == 2 and not self._clear(*pair), pair[1].cost)):
            alike = self._known.setdefault(held, [])
            if held and len(alike) < MOST_ALIKE:
                alike.append(each)

    def ask(self) -> list[Answer]:
        """The answers, a few for each pair. Raises Broken, Refuted; stops at the bound on requests."""
        for one, two in combinations(self.checks, 2):
            if tells(one, two) and not self.excluded(one, two):
                self._ask_pair(one, two)
        return self.answers

    def excluded(self, one: Check, two: Check) -> bool:
        """Whether no request in any world breaks both."""
        return _excluded(self.operation, one.rule, two.rule)

    def unreached(self) -> list[tuple[Check, str]]:
        """The checks that no request breaks, each with what this world lacks."""
        reached = frozenset().union(*self._known)
        never = [each for each in self.checks if each.firm and each.position not in reached]
        return [(each, openapi.lacking(self.operation, each.rule)) for each in never]

    def lacks(self, one: Check, two: Check) -> str:
        """Why it is not known which of the two comes first."""
        if any({one.position, two.position} <= each.broken for each in self.answers):
            return "each request that breaks both breaks another check too, which was named, or answers the same"
        return openapi.lacking(self.operation, one.rule, two.rule)

    def _ask_pair(self, one: Check, two: Check) -> None:
        requests = self._requests(frozenset((one.position, two.position)))
        for _ in range(MOST_PROBES):
            found = None if self.target.exhausted or self._settled(one, two) else next(requests, None)
            if found is None:
                return
            self._send(*found)

    def _settled(self, one: Check, two: Check) -> bool:
        """Whether an answer names the first of two in the table, or several the other one, and none disagrees."""
        found = [each.first for each in self.answers if {one.position, two.position} <= each.broken]
        as_in_the_table, otherwise = found.count(one.position), found.count(two.position)
        return (as_in_the_table > 0 and not otherwise) or (otherwise > 1 and not as_in_the_table)

    def _requests(self, pair: frozenset[int]) -> Iterator[tuple[Request, frozenset[int]]]:
        """Requests that break a pair of checks, those first that break nothing else. None is sent twice."""
        if not any(self._clear(pair, each) for each in self._known.get(pair, ())):
            for each in reversed(self._crossed(*pair)):
                self._known.setdefault(broken(self.checks, each.seen), []).insert(0, each)
        sent = {each.request for each in self.answers}
        for held in sorted((held for held in self._known if pair <= held), key=len):
            for each in sorted(self._known[held], key=lambda each: not self._clear(pair, each)):
                request = request_for(self.operation, each.raw)
                if request not in sent and self._lasts(request, held):
                    yield request, held

    def _send(self, request: Request, held: frozenset[int]) -> None:
        reply = self.target.send(request)
        seen = self.oracle.expect(request, reply.sent)
        verdict = self.oracle.judge(request, reply).verdict
        if verdict.kind == VIOLATION:
            raise Refuted(f"{verdict.sentence}: got {verdict.got}")
        self.answers.append(Answer(request, held, named(self.checks, seen, verdict.got), verdict.got))

    def _lasts(self, request: Request, held: frozenset[int]) -> bool:
        """Whether it breaks these checks whenever the server looks at its clock."""
        ours = time.time_ns() // 1_000_000
        return all(broken(self.checks, seen) == held for seen in self.oracle.views(request, ours, ours + AHEAD))

    def _crossed(self, one: int, two: int) -> list[openapi.Candidate]:
        """Requests that break two checks, and as little else as can be, out of one that breaks the first and one the second."""
        firsts, seconds = self._breaking(one, two), self._breaking(two, one)
        crossings = (raw for first, second in product(firsts, seconds) for raw in _crossings(first, second))
        now, state = self._now(), self.oracle.state
        found: list[tuple[int, openapi.Candidate]] = []
        for raw in islice(crossings, MOST_CROSSED):
            each = openapi.Candidate(raw, openapi.permitted(self.operation, raw, state, now))
            held = broken(self.checks, each.seen)
            if {one, two} <= held and self._clear({one, two}, each):
                found.append((len(held), each))
                if len(held) == 2:  # it cannot be better
                    break
        return [each for _, each in nsmallest(MOST_PROBES, found, key=lambda pair: (pair[0], pair[1].cost))]

    def _clear(self, pair: Set[int], found: openapi.Candidate) -> bool:
        """Whether the code of the reply must tell which of the two it is."""
        one, two = ({row.outcome for row in self.checks[at].rows if row in found.seen.rules} for at in pair)
        return one.isdisjoint(two)

    def _breaking(self, one: int, other: int) -> list[dict[str, Any]]:
        found = sorted((held for held in self._known if one in held and other not in held), key=len)
        return [each.raw for held in found[:MOST_ALIKE] for each in self._known[held][:2]]

    def _now(self) -> int:
        return self.oracle.clock.now(time.time_ns() // 1_000_000)


def _crossings(one: Raw, two: Raw) -> Iterator[dict[str, Any]]:
    """Every way to take some values from one request and the others from another one."""
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    for sources in islice(product((one, two), repeat=len(names)), 1, None):
        chosen = {name: source.get(name) for name, source in zip(names, sources, strict=True)}
        yield {name: value for name, value in {**one, **chosen}.items() if value is not None}


def _excluded(operation: openapi.Operation, one: openapi.Rule, two: openapi.Rule) -> bool:
    """Whether one rule wants names to be absent, or to be no value, that the other one looks at."""
    for absent, other in ((one, two), (two, one)):
        present = _present(operation, other)
        if any(names and present.issuperset(names) for names in (absent.missing, absent.malformed, absent.unreadable)):
            return True
        if len(absent.missing) == 1 and absent.missing in (other.malformed, other.unreadable):
            return True
    return False


def _present(operation: openapi.Operation, rule: openapi.Rule) -> set[str]:
    """The names that must have a value, so that a rule can hold."""
    wanted = [each.name for each in rule.when.references] if rule.when else []
    for let in map(operation.lets.get, rule.missing if len(rule.missing) == 1 else ()):
        wanted += _sought(let) if let and let.lookup else ()
    present: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in present:
            present.add(name)
            wanted += _sought(operation.lets.get(name))
    return present


def _sought(let: Any) -> list[str]:
    """The names without which a let has no value."""
    if let is None:
        return []
    expressions = [value for _, value in let.lookup.where] if let.lookup else let.choices[:1] if len(let.choices) == 1 else []
    return [each.name for expression in expressions for each in expression.references]

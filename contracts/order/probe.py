"""Sends requests that break two checks at once. The server must refuse all of them, so they change nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Set
from heapq import nsmallest
from itertools import combinations, islice, product
from typing import Any

import openapi
from contracts.generate.transport import QUERY, Transport
from contracts.http.target import Target
from contracts.http.wire import Request, request_for
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VIOLATION
from contracts.order.inference import Answer, Check, broken, is_observable, named

MOST_PROBES = 3
"""The most requests for one pair of checks. One is enough if its reply agrees with the table."""
MOST_ALIKE = 6
"""The most candidates that are kept for one set of broken checks."""
MOST_CROSSED = 1000
"""The most combinations of two requests that are tried for one pair of checks."""
AHEAD = 5_000
"""A request must break the same checks for so many ms after now, because it may reach the server late."""

Raw = Mapping[str, Any]


TRANSPORT = Transport(parameters=QUERY)
"""Parameters are sent in the query, credentials as the server takes them."""


class Refuted(Exception):
    """The server violates the contract in any order of the checks, so its order cannot be inferred."""


class Prober:
    """Probes one operation of a server. The oracle must not be strict about the order."""

    def __init__(self, operation: openapi.Operation, checks: tuple[Check, ...], oracle: Oracle, target: Target) -> None:
        self.operation, self.checks, self.oracle, self.target = operation, checks, oracle, target
        self.answers: list[Answer] = []
        self._known: dict[frozenset[int], list[openapi.Candidate]] = {}
        found = [(broken(checks, each.seen), each) for each in openapi.classified(operation, oracle.state, self._now())]
        for held, each in sorted(found, key=lambda pair: (len(pair[0]) == 2 and not self._distinguishable(*pair), pair[1].cost)):
            alike = self._known.setdefault(held, [])
            if held and len(alike) < MOST_ALIKE:
                alike.append(each)

    def probe(self) -> list[Answer]:
        """The answers, a few for each pair of checks. Ends at the limit on requests. Raises NoReply, Refuted."""
        self._learn_transport()
        for one, two in combinations(self.checks, 2):
            if is_observable(one, two) and not self.excluded(one, two):
                self._probe_pair(one, two)
        return self.answers

    def _learn_transport(self) -> None:
        """Learns how the server takes credentials, so that a request is read in one way."""
        candidates = (each for found in self._known.values() for each in found)
        for request in TRANSPORT.probes(self.operation, candidates, self.oracle.readings, self._tells):
            self.oracle.judge(request, self.target.send(request))

    def _tells(self, request: Request, kind: str) -> bool:
        return self.oracle.tells(request, kind, self._ours())

    def excluded(self, one: Check, two: Check) -> bool:
        """Whether no request can break both, whatever the world."""
        return _excluded(self.operation, one.rule, two.rule)

    def unreached(self) -> list[tuple[Check, str]]:
        """The checks that no candidate breaks, each with what the world lacks for it."""
        reached = frozenset().union(*self._known)
        never = [each for each in self.checks if each.expected and each.position not in reached]
        return [(each, openapi.lacking(self.operation, each.rule)) for each in never]

    def why_undetermined(self, one: Check, two: Check) -> str:
        """Why the order of the two checks is not known."""
        if any({one.position, two.position} <= each.broken for each in self.answers):
            return "each request that breaks both also breaks a third check, which was named, or gets the same code for both"
        return openapi.lacking(self.operation, one.rule, two.rule)

    def _probe_pair(self, one: Check, two: Check) -> None:
        requests = self._requests(frozenset((one.position, two.position)))
        for _ in range(MOST_PROBES):
            found = None if self.target.exhausted or self._settled(one, two) else next(requests, None)
            if found is None:
                return
            self._send(*found)

    def _settled(self, one: Check, two: Check) -> bool:
        """Whether the order is clear: one answer agrees with the table, or two disagree with it, and no answer says otherwise."""
        found = [each.first for each in self.answers if {one.position, two.position} <= each.broken]
        as_in_the_table, otherwise = found.count(one.position), found.count(two.position)
        return (as_in_the_table > 0 and not otherwise) or (otherwise > 1 and not as_in_the_table)

    def _requests(self, pair: frozenset[int]) -> Iterator[tuple[Request, frozenset[int]]]:
        """Requests that break a pair of checks and were not sent yet; those that break no other check come first."""
        if not any(self._distinguishable(pair, each) for each in self._known.get(pair, ())):
            for each in reversed(self._crossed(*pair)):
                self._known.setdefault(broken(self.checks, each.seen), []).insert(0, each)
        sent = {each.request for each in self.answers}
        for held in sorted((held for held in self._known if pair <= held), key=len):
            for each in sorted(self._known[held], key=lambda each: not self._distinguishable(pair, each)):
                request = self._request(each.raw)
                if request not in sent and self._lasts(request, held):
                    yield request, held

    def _request(self, raw: Mapping[str, Any]) -> Request:
        adapted = TRANSPORT.adapted(self.operation, request_for(self.operation, raw), self.oracle.readings)
        return self.oracle.completed(adapted, self._ours())

    def _send(self, request: Request, held: frozenset[int]) -> None:
        reply = self.target.send(request)
        seen = self.oracle.expect(request, reply.sent)
        verdict = self.oracle.judge(request, reply).verdict
        if verdict.kind == VIOLATION:
            raise Refuted(f"{verdict.sentence}: got {verdict.got}")
        self.answers.append(Answer(request, held, named(self.checks, seen, verdict.got), verdict.got))

    def _lasts(self, request: Request, held: frozenset[int]) -> bool:
        """Whether the request breaks these checks at every time from now to AHEAD."""
        ours = self._ours()
        return all(broken(self.checks, seen) == held for seen in self.oracle.views(request, ours, ours + AHEAD))

    def _crossed(self, one: int, two: int) -> list[openapi.Candidate]:
        """Requests that break two checks and as few others as possible, combined from two requests that break one each."""
        firsts, seconds = self._breaking(one, two), self._breaking(two, one)
        crossings = (raw for first, second in product(firsts, seconds) for raw in _crossings(first, second))
        now, state = self._now(), self.oracle.state
        found: list[tuple[int, openapi.Candidate]] = []
        for raw in islice(crossings, MOST_CROSSED):
            each = openapi.Candidate(raw, openapi.permitted(self.operation, raw, state, now))
            held = broken(self.checks, each.seen)
            if {one, two} <= held and self._distinguishable({one, two}, each):
                found.append((len(held), each))
                if len(held) == 2:  # no other check is broken
                    break
        return [each for _, each in nsmallest(MOST_PROBES, found, key=lambda pair: (pair[0], pair[1].cost))]

    def _distinguishable(self, pair: Set[int], found: openapi.Candidate) -> bool:
        """Whether the outcome of the reply identifies which of the two checks refused."""
        one, two = ({row.outcome for row in self.checks[at].rows if row in found.seen.rules} for at in pair)
        return one.isdisjoint(two)

    def _breaking(self, one: int, other: int) -> list[dict[str, Any]]:
        found = sorted((held for held in self._known if one in held and other not in held), key=len)
        return [each.raw for held in found[:MOST_ALIKE] for each in self._known[held][:2]]

    def _now(self) -> int:
        return self.oracle.clock.now(self._ours())

    def _ours(self) -> int:
        return time.time_ns() // 1_000_000


def _crossings(one: Raw, two: Raw) -> Iterator[dict[str, Any]]:
    """All combinations of the values of two requests, each value from one of the two."""
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    for sources in islice(product((one, two), repeat=len(names)), 1, None):
        chosen = {name: source.get(name) for name, source in zip(names, sources, strict=True)}
        yield {name: value for name, value in {**one, **chosen}.items() if value is not None}


def _excluded(operation: openapi.Operation, one: openapi.Rule, two: openapi.Rule) -> bool:
    """Whether one rule requires names to be missing, malformed or unreadable that the other rule needs a value of."""
    for absent, other in ((one, two), (two, one)):
        present = _present(operation, other)
        if any(names and present.issuperset(names) for names in (absent.missing, absent.malformed, absent.unreadable)):
            return True
        if len(absent.missing) == 1 and absent.missing in (other.malformed, other.unreadable):
            return True
    return False


def _present(operation: openapi.Operation, rule: openapi.Rule) -> set[str]:
    """The names that must have a value so that a rule can hold."""
    wanted = [each.name for each in rule.when.references] if rule.when else []
    for let in map(operation.lets.get, rule.missing if len(rule.missing) == 1 else ()):
        wanted += _names_needed(let) if let and let.lookup else ()
    present: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in present:
            present.add(name)
            wanted += _names_needed(operation.lets.get(name))
    return present


def _names_needed(let: Any) -> list[str]:
    """The names that must have a value so that a let has one."""
    if let is None:
        return []
    expressions = [value for _, value in let.lookup.where] if let.lookup else let.choices[:1] if len(let.choices) == 1 else []
    return [each.name for expression in expressions for each in expression.references]

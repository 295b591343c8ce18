"""The oracle: whether a reply is one that the contract permits, and which sentence of it is broken where it is not.

What a server has done is not always sure: it may have taken the first or the last of a repeated parameter, looked at its
clock before or after a boundary, or carried out a request whose reply was lost. The oracle then holds several states to
be possible, and each reply leaves those that explain it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.clock import Clock
from contracts.judge.reply import ReplyReader, WrongReply, decoded, label
from contracts.judge.views import readings

VERIFIED, VIOLATION, NOTE, UNEXPLAINED = "verified", "violation", "note", "unexplained"
_KINDS = (VERIFIED, NOTE, UNEXPLAINED, VIOLATION)
_VALUE = re.compile(r"\{.*|'[^']*'|\"[^\"]*\"|\d+", re.DOTALL)
MOST_STATES = 6
"""More possible states than these are not held; the likeliest come first."""


def alike(text: str) -> str:
    """A text without the values in it."""
    return _VALUE.sub("…", text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the oracle says of one reply."""

    kind: str
    outcome: str
    """The outcome that the mock would have answered."""
    got: str
    """The outcome that the reply carries, or what is wrong with it."""
    rule: str = ""
    """The sentence of the contract that is broken, or assumed."""
    detail: str = ""
    """What exactly differs."""
    reason: str = ""
    """Why that row applies: the values that it sees."""
    permitted: tuple[str, ...] = ()
    """Every outcome that a server may give here."""

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for verdicts that say the same, whatever the values."""
        return self.kind, self.rule, self.got, alike(self.detail)[:200]

    @property
    def sentence(self) -> str:
        """The broken sentence and what differs, for a person."""
        return f"{self.rule} - {self.detail}" if self.detail else self.rule


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what the oracle learnt from the reply."""

    verdict: Verdict
    row: int = 0
    """The row of the table that the mock would have answered with."""
    minted: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[openapi.Change, ...] = ()
    seen: openapi.Permitted | None = None
    """What the server may have seen; None where nothing was judged."""


@dataclass(frozen=True, slots=True)
class _Explanation:
    """One way to explain a reply: what the server saw, which rule it followed, and what became of its state."""

    seen: openapi.Permitted
    rule: openapi.Rule
    state: openapi.State
    minted: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[openapi.Change, ...] = ()

    @property
    def kind(self) -> str:
        if self.rule.outcome == self.seen.answer.outcome:
            return VERIFIED
        return UNEXPLAINED if self.rule.kind == "permitted" and self.rule.always else NOTE

    @property
    def origin(self) -> tuple[Any, ...]:
        """Equal for explanations that leave the same state."""
        return id(self.seen.scope.state), tuple((each.columns.table, each.before, each.after) for each in self.changes)


class Oracle:
    """Judges replies, and follows the server with states of its own."""

    def __init__(
        self, contract: openapi.Contract, world: openapi.World, clock: Clock | None = None, *, strict_order: bool = False
    ) -> None:
        self.contract, self.clock, self.strict_order = contract, clock or Clock(world, world.now, tolerance=0), strict_order
        self._begin = world.state
        self.states: tuple[openapi.State, ...] = (world.state,)
        self._reader = ReplyReader(contract)

    @property
    def state(self) -> openapi.State:
        """The likeliest state of the server."""
        return self.states[0]

    def restart(self) -> None:
        """Follows a server that begins anew."""
        self.states = (self._begin,)

    def judge(self, request: Request, reply: Reply) -> Judgement:
        """The verdict on a reply; the oracle's states follow what the reply says."""
        operation = self.contract.operations[request.operation]
        self.clock.read(reply)
        views = list(self.views(request, reply.sent, reply.received))
        try:
            code, data = self._reader.read(operation, reply, views[0].answer)
        except WrongReply as error:
            self._suspect(views)
            return _violated(views[0], error.got, error.rule, error.detail)
        got = f"{operation.name}/{label(reply.status, code)}"
        explanations, complaints = self._explain(views, got, reply.status, data)
        if not explanations:
            self._suspect(views, got)
            return _violated(views[0], got, *next(iter(complaints), (str(views[0].answer), "")))
        explanations.sort(key=lambda each: _KINDS.index(each.kind))
        self.states = _distinct(explanations)
        return _explained_by(explanations[0], got)

    def lost(self, request: Request, sent: int, received: int, why: str) -> Judgement:
        """The verdict where no reply came. The server may have carried the request out, or not."""
        views = list(self.views(request, sent, received))
        self._suspect(views)
        return _violated(views[0], why, f"{request.operation}: every request gets a reply")

    def turned_away(self, request: Request, reply: Reply) -> Verdict | None:
        """The violation of a server that answers with success to a request beside the contract; None where it does not."""
        operation = self.contract.operations[request.operation]
        try:
            got = f"{operation.name}/{label(reply.status, self.contract.envelope.code_of(decoded(reply.body)))}"
        except WrongReply:
            return None
        if got != operation.success.outcome:
            return None
        self._suspect(self.views(request, reply.sent, reply.received), got)
        rule = f"{operation.method} {operation.path}: the contract has no {request.method} {request.path}"
        return Verdict(VIOLATION, got, got, rule)

    def supposed(self, request: Request, verdict: Verdict, ours: int) -> tuple[openapi.Change, ...]:
        """What a server may have changed that answered with this verdict at `ours`, epoch ms of our clock, and did not say so.

        A refusal that is permitted at any time may come half-way, and of a wrong reply nobody knows what was done before it.
        """
        if verdict.kind not in (VIOLATION, UNEXPLAINED):
            return ()
        seen = self.expect(request, ours)
        changes: list[openapi.Change] = []
        for rule in seen.scope.operation.rules:
            if rule.effects and (rule in seen.rules or rule.outcome == verdict.got):
                with suppress(openapi.ExecutionError):
                    seen.suppose(rule, changes)
        return tuple(changes)

    def expect(self, request: Request, ours: int) -> openapi.Permitted:
        """What the likeliest state says to a request that would be sent at `ours`, epoch ms of our clock."""
        operation = self.contract.operations[request.operation]
        return openapi.permitted(operation, next(readings(operation, request)), self.state, self.clock.now(ours))

    def views(self, request: Request, sent: int, received: int) -> Iterator[openapi.Permitted]:
        """What the server may have seen of a request between two times of our clock."""
        operation = self.contract.operations[request.operation]
        times = self.clock.window(sent, received)
        raws = list(readings(operation, request))
        for state in self.states:
            for raw in raws:
                for now in times:
                    yield openapi.permitted(operation, raw, state, now)

    def _explain(
        self, views: Iterable[openapi.Permitted], got: str, status: int, data: Any
    ) -> tuple[list[_Explanation], list[tuple[str, str]]]:
        """The ways to explain an outcome, and what speaks against the others."""
        found, complaints = [], []
        for seen in views:
            rule = seen.rule(got)
            if rule is None or rule.status != status:
                continue
            if self.strict_order and (rule := seen.in_order().rule(got)) is None:
                complaints.append((str(seen.refusals[0]), f"comes before {got} in the table"))
                continue
            if not rule.effects and rule.data is None:
                found.append(_Explanation(seen, rule, seen.scope.state))
                continue
            try:
                accepted = seen.accept(rule, data)
            except openapi.ExecutionError as error:
                complaints.append((str(rule), str(error)))
                continue
            if accepted.differences:
                complaints.append((str(rule), "; ".join(accepted.differences)))
            else:
                found.append(_Explanation(seen, rule, accepted.state, accepted.minted, tuple(accepted.changes)))
        return found, complaints

    def _suspect(self, views: Iterable[openapi.Permitted], got: str | None = None) -> None:
        """After a reply that says nothing sure: the server may have done what it says, or anything that it was permitted."""
        found = list(self.states)
        for seen in views:
            for rule in seen.rules if got is None else (rule for rule in seen.scope.operation.rules if rule.outcome == got):
                if rule.effects:
                    try:
                        found.append(seen.suppose(rule))
                    except openapi.ExecutionError:
                        continue
        self.states = tuple(found[:MOST_STATES])


def _distinct(explanations: list[_Explanation]) -> tuple[openapi.State, ...]:
    return tuple({each.origin: each.state for each in reversed(explanations)}.values())[::-1][:MOST_STATES]


def _explained_by(found: _Explanation, got: str) -> Judgement:
    seen, answer = found.seen, found.seen.answer
    if found.kind == VERIFIED:
        verdict = Verdict(VERIFIED, answer.outcome, got)
    else:
        broken = found.rule if found.kind == UNEXPLAINED else answer
        verdict = Verdict(
            found.kind, answer.outcome, got, str(broken), reason=seen.reason(broken), permitted=tuple(sorted(seen.outcomes))
        )
    return Judgement(verdict, answer.number, found.minted, found.changes, seen)


def _violated(seen: openapi.Permitted, got: str, rule: str, detail: str = "") -> Judgement:
    answer = seen.answer
    verdict = Verdict(VIOLATION, answer.outcome, got, rule, detail, seen.reason(answer), tuple(sorted(seen.outcomes)))
    return Judgement(verdict, answer.number, seen=seen)

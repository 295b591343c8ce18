"""The oracle: decides whether the contract permits a reply, and names the violated rule where it does not.

The state of the server is not always certain: it may have used the first or the last value of a repeated parameter, read its
clock before or after a time that a rule compares with, or executed a request whose reply was lost. The oracle then keeps
several possible states. Each reply removes the states that do not explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.clock import Clock
from contracts.judge.doubt import RULE, Doubt, without_lost
from contracts.judge.expectations import Expectations, Seen, permitted_by
from contracts.judge.explanation import Explanation, as_unexplained, by_simplicity, explain, grouped, judgement, violated
from contracts.judge.possible import Possible
from contracts.judge.readings import TAKES, Readings
from contracts.judge.relative_times import RelativeTimes
from contracts.judge.reply import BODILESS, InvalidReply, ReplyReader, Said, decoded, outcome
from contracts.judge.verdict import NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Verdict
from contracts.judge.views import Choice

MOST_STATES = 6
"""The most possible states that are kept; the most likely come first."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a server may have handled a request: its state afterwards, and the judgement on its reply."""

    after: Possible
    judgement: Judgement


class Oracle:
    """Judges replies, and tracks the possible states of the server."""

    def __init__(
        self, contract: openapi.Contract, world: openapi.World, clock: Clock | None = None, *, strict_order: bool = False
    ) -> None:
        self.contract, self.clock, self.strict_order = contract, clock or Clock(world, world.now, tolerance=0), strict_order
        self.expectations = Expectations(contract, self.clock)
        self.initial = world.state
        self.possible: tuple[Possible, ...] = (Possible(world.state),)
        self._most_states = MOST_STATES
        self._doubt = Doubt()
        self._relative_times = RelativeTimes(world.state)
        self._reader = ReplyReader(contract)

    @property
    def readings(self) -> Readings:
        """How the server reads requests, as far as its replies have told."""
        return self.expectations.readings

    @property
    def state(self) -> openapi.State:
        """The most likely state of the server."""
        return self.possible[0].state

    @property
    def states(self) -> tuple[openapi.State, ...]:
        """The states in which the server may be, the most likely first."""
        return tuple(each.state for each in self.possible)

    @property
    def unsure(self) -> bool:
        """Whether nobody knows of some rows what the server holds."""
        return bool(self._doubt)

    def restart(self, ours: int | None = None) -> None:
        """Returns to the state of the world, after a reset of the server at `ours`, epoch ms of our clock."""
        self.possible = (Possible(self.initial),)
        self._relative_times.later = 0 if ours is None or self.clock.frozen is not None else max(0, ours - self.clock.began)
        self._doubt.clear()
        self.expectations.stored_times.clear()

    def judge(self, request: Request, reply: Reply) -> Judgement:
        """Judges a reply, and updates the possible states and readings by it."""
        operation = self.contract.operations[request.operation]
        self.clock.read(reply)
        self.expectations.request += 1
        seen = self._views_of(request, reply)
        first = seen[0][0]
        try:
            said = self._reader.read(operation, reply)
        except InvalidReply as error:
            if kind := self._refused_body(request, reply):
                return self._without_body(kind, first, operation, error.got)
            self._add_possible_states(each for each, _ in seen)
            judged = violated(first, error.got, error.rule, error.detail)
            return as_unexplained(judged) if first.unsure else judged
        got = said.outcome
        explanations, complaints = self._explain(seen, said)
        broken = None
        if not explanations:
            explanations = self._explain_anew(request, said)
        if not explanations:
            explanations, broken = self._explain_otherwise(request, said)
        if broken is not None:
            self._keep(self._distinct(explanations))
            return violated(first, got, *broken)
        if explanations:
            return self._explained(explanations, got)
        window = self.clock.window(reply.sent, reply.received)
        unsure = self._is_unsure(seen, said) or self.expectations.stored_times.are_unsure(operation.name, window)
        unsure = unsure or any(each.unsure for each, _ in seen)
        self._doubt_hidden(seen, got)
        self._add_possible_states((each for each, _ in seen), got)
        judged = violated(first, got, *next(iter(complaints), (str(first.answer), "")))
        return as_unexplained(judged) if unsure else judged

    def possible_anew(self) -> list[Possible]:
        """The possible states if the last reset has counted the relative times of the world anew; none where it cannot have."""
        anew, tolerance = self._relative_times.anew, self.clock.tolerance
        return [replace(each, state=state) for each in self.possible for state in anew(each.state, tolerance)]

    def is_unsure_of(self, request: Request, ours: int) -> bool:
        """Whether a request sent at `ours`, epoch ms of our clock, looks up rows of which nobody knows what the server holds."""
        return self.expectations.stored_times.are_unsure(request.operation, self.clock.window(ours, ours)) or (
            bool(self._doubt) and bool(self._doubt.touched(self.expect(request, ours)))
        )

    def outcome(self, request: Request, reply: Reply) -> str:
        """The outcome that a reply states: operation and code, or what makes it unreadable."""
        empty = reply.status in BODILESS and not reply.body
        try:
            code = None if empty else self.contract.envelope.code_of(decoded(reply.body))
            return outcome(self.contract.operations[request.operation], reply.status, code)
        except InvalidReply as error:
            return error.got

    def expect_requests(self, number: int) -> None:
        """So many requests at the same time are judged next, each under its own number."""
        self.expectations.request += number

    def ways(self, before: Possible, request: Request, reply: Reply, number: int = 0) -> list[Way]:
        """The ways in which a server in this state may have handled a request that got this reply. Raises InvalidReply.

        `number` is its position among requests at the same time.
        """
        seen, said = self._seen_from(before, request, reply, number)
        explanations, _ = self._explain(seen, said)
        groups = grouped(sorted(explanations, key=by_simplicity))
        return [Way(Possible(found[0].state, self._common(found)), judgement(found[0], said.outcome)) for found in groups]

    def objection(self, before: Possible, request: Request, reply: Reply) -> Verdict:
        """The violation of a server in this state that gave this reply to a request. Raises InvalidReply."""
        seen, said = self._seen_from(before, request, reply)
        first, (_, complaints) = seen[0][0], self._explain(seen, said)
        return violated(first, said.outcome, *next(iter(complaints), (str(first.answer), ""))).verdict

    def _seen_from(self, before: Possible, request: Request, reply: Reply, number: int = 0) -> tuple[list[Seen], Said]:
        """What a server in this state may have seen of a request, and what its reply says. Raises InvalidReply."""
        seen = self.expectations.between((before,), request, reply.sent, reply.received, number=number)
        return list(seen), self._reader.read(self.contract.operations[request.operation], reply)

    def ways_without_reply(self, before: Possible, request: Request, sent: int, received: int, number: int = 0) -> list[Way]:
        """The ways in which a server in this state may have handled a request whose reply was lost: also not at all.

        `number` is its position among requests at the same time.
        """
        seen = list(self.expectations.between((before,), request, sent, received, number=number))
        found: dict[tuple[Any, ...], Way] = {}
        lost = Verdict(UNEXPLAINED, seen[0][0].answer.outcome, f"{request.operation}: no reply", RULE)
        for each, _ in seen:
            for rule in (None, *(rule for rule in each.rules if rule.effects)):
                changes: list[openapi.Change] = []
                with suppress(openapi.ExecutionError):
                    state = before.state if rule is None else each.suppose(rule, changes)
                    judged = Judgement(lost, each.answer.number, changes=tuple(changes))
                    found.setdefault(tuple(map(without_lost, changes)), Way(Possible(state, before.choices), judged))
        return list(found.values())

    def doubtful_lets(self, seen: openapi.Permitted) -> dict[str, str]:
        """The lets of a request that look up rows of which nobody knows what the server holds, each with its `how`."""
        return self._doubt.touched(seen)

    def suppose_rows(self, add: Callable[[openapi.State], openapi.State]) -> None:
        """The server has rows that nobody knew: `add` puts them into a state. A state that has them already stays."""
        found = []
        for each in self.possible:
            with suppress(openapi.ExecutionError):
                found.append(replace(each, state=add(each.state)))
        self.possible = tuple(found) or self.possible

    def doubt_tables(self, tables: Iterable[str]) -> None:
        """Nobody knows the rows of these tables any more."""
        self._doubt.suspect_tables(tables)

    def keep_states(self, now: int, later: int) -> None:
        """Keeps at most so many of the possible states, and from now on at most `later` ones."""
        self._most_states = now
        self._keep(self.possible)
        self._most_states = later

    def become(self, possible: Iterable[Possible], changes: Iterable[openapi.Change] = ()) -> None:
        """The server is in one of these states, the most likely first; nobody knows whether it has made these `changes`."""
        self._doubt.suspect(changes)
        self._keep(tuple(possible))

    def _views_of(self, request: Request, reply: Reply) -> list[Seen]:
        """What the server may have seen of a request; more where it was sent again, and may have been carried out before."""
        seen = list(self.expectations.between(self.possible, request, reply.sent, reply.received))
        if reply.tries == 1:
            return seen
        self._add_possible_states(each for each, _ in seen)
        return list(self.expectations.between(self.possible, request, reply.sent, reply.received))

    def _explained(self, explanations: list[Explanation], got: str) -> Judgement:
        """The judgement by the best explanation; all of them tell the possible states and readings."""
        explanations.sort(key=by_simplicity)
        best = explanations[0]
        unsure = bool(self._doubt.touched(best.seen))
        self._doubt.follow(best.seen, best.rule, best.changes)
        # Where the state is unsure, another state may explain the reply by another reading.
        certain = [] if unsure else self.readings.learn(each.view.choices for each in explanations)
        self._keep(self._distinct(explanations))
        self._doubt.keep(each.state for each in self.possible)
        self._doubt.hide(best.changes)
        if best.kind == VERIFIED and best.rule is not best.seen.success:
            self.expectations.learn_exact_keys(self.contract.operations[best.seen.scope.operation.name], best)
        judged = replace(judgement(best, got), readings=tuple(certain))
        return replace(judged, seen=None) if unsure and best.kind == UNEXPLAINED else judged

    def _explain_anew(self, request: Request, said: Said) -> list[Explanation]:
        """The explanations if the last reset has counted the relative times of the world anew."""
        states = self.possible_anew()
        seen = self.expectations.between(states, request, said.reply.sent, said.reply.received)
        return self._explain(list(seen), said)[0] if states else []

    def _explain_otherwise(self, request: Request, said: Said) -> tuple[list[Explanation], tuple[str, str] | None]:
        """The explanations by readings that are excluded, and the rule that the simplest of them violates, if any."""
        seen = self.expectations.between(
            self.possible, request, said.reply.sent, said.reply.received, self.readings.possible, folding=True
        )
        found, _ = self._explain(seen, said)
        found = [each for each in found if each.kind == VERIFIED]
        if not found:
            return [], None
        simplest = min(found, key=lambda each: each.view.strange)
        return [simplest], self.readings.conflict(simplest.view.choices)

    def _refused_body(self, request: Request, reply: Reply) -> str:
        """The kind of body, `form` or `json`, that a server may have refused whole by the status of its reply; empty if none."""
        operation = self.contract.operations[request.operation]
        kind = "form" if request.form else "json" if request.body is not None and not operation.accepts_json else ""
        refuses = bool(kind) and 400 <= reply.status < 500 and reply.status != 429
        return kind if refuses and "refused" in self.readings.allowed(kind, operation.name, "", openapi.KINDS[kind]) else ""

    def _without_body(self, kind: str, seen: openapi.Permitted, operation: openapi.Operation, got: str) -> Judgement:
        certain = self.readings.learn([((kind, operation.name, "", "refused"),)])
        verdict = Verdict(NOTE, seen.answer.outcome, got, f"{operation.name}: this server {TAKES[kind, 'refused']}")
        return Judgement(verdict, seen.answer.number, readings=tuple(certain))

    def judge_lost_reply(self, request: Request, sent: int, received: int, why: str) -> Judgement:
        """Judges a request without a reply. The server may have executed it or not, so both states are kept."""
        self.expectations.request += 1
        views = list(self.views(request, sent, received))
        self._add_possible_states(views)
        return violated(views[0], why, f"{request.operation}: every request gets a reply")

    def judge_undocumented(self, request: Request, reply: Reply) -> Verdict | None:
        """The violation of a server that answers an undocumented request with success; None where it does not."""
        operation, got = self.contract.operations[request.operation], self.outcome(request, reply)
        if got != operation.success.outcome:
            return None
        self._add_possible_states(self.views(request, reply.sent, reply.received), got)
        rule = f"{operation.method} {operation.path}: the contract has no {request.method} {request.path}"
        return Verdict(VIOLATION, got, got, rule)

    def tells(self, request: Request, kind: str, ours: int) -> bool:
        """Whether a reply to a request sent at `ours` tells the readings of a kind apart, whatever else it depends on."""
        return self.expectations.tells(self.possible, request, kind, ours)

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

    def conceivable(self, request: Request, got: str, sent: int, received: int) -> list[openapi.Change]:
        """What a server may have changed that answered so, or not at all, in any possible state and reading of the request."""
        changes: list[openapi.Change] = []
        for seen in self.views(request, sent, received):
            for rule in seen.scope.operation.rules:
                if rule.effects and (rule in seen.rules or rule.outcome == got):
                    with suppress(openapi.ExecutionError):
                        seen.suppose(rule, changes)
        return changes

    def completed(self, request: Request, ours: int) -> Request:
        """A request to be sent at `ours`, epoch ms of our clock, with its computed values."""
        return self.expectations.completed(request, self.state, ours)

    def expect(self, request: Request, ours: int) -> openapi.Permitted:
        """What the contract permits in the most likely state for a request sent at `ours`, epoch ms of our clock."""
        return next(self.expect_in_each_state(request, ours))

    def expect_in_each_state(self, request: Request, ours: int) -> Iterator[openapi.Permitted]:
        """What the contract permits in each possible state for a request sent at `ours`, epoch ms of our clock."""
        return self.expectations.at(self.possible, request, ours)

    def views(self, request: Request, sent: int, received: int) -> Iterator[openapi.Permitted]:
        """What the contract permits, for each combination of a possible state, a reading of the request and a time.

        The server handles the request between `sent` and `received`, epoch ms of our clock. The most likely combination is first.
        """
        return (seen for seen, _ in self.expectations.between(self.possible, request, sent, received))

    def _explain(self, views: Iterable[Seen], said: Said) -> tuple[list[Explanation], list[tuple[str, str]]]:
        return explain(views, said, strict_order=self.strict_order)

    def _add_possible_states(self, views: Iterable[openapi.Permitted], got: str | None = None) -> None:
        """Adds the states that the server may be in after an invalid reply, or none.

        They are the results of all permitted rules or, where the reply has an outcome, of the rules with this outcome.
        """
        choices = {id(each.state): each.choices for each in self.possible}
        found: dict[tuple[Any, ...], Possible] = {(id(each.state), ()): each for each in self.possible}
        for seen in views:
            for rule in seen.rules if got is None else (rule for rule in seen.scope.operation.rules if rule.outcome == got):
                if rule.effects:
                    changes: list[openapi.Change] = []
                    try:
                        state = seen.suppose(rule, changes)
                    except openapi.ExecutionError:
                        continue
                    key = id(seen.scope.state), tuple(map(without_lost, changes))
                    if key not in found:
                        found[key] = Possible(state, choices[id(seen.scope.state)])
                        self._doubt.invent(changes)
                        self._doubt.follow(seen, rule, changes)
        self._keep(tuple(found.values()))

    def _keep(self, possible: tuple[Possible, ...]) -> None:
        """Keeps the most likely states. The rows in which the others differ from them become doubtful."""
        dropped = possible[self._most_states :]
        # How the server reads a request may also be otherwise than in the states that are kept.
        self.possible = tuple(each.without(choice for other in dropped for choice in other.choices) for each in possible)[
            : self._most_states
        ]
        self._doubt.drop(self.state, (each.state for each in dropped))

    def _distinct(self, explanations: list[Explanation]) -> tuple[Possible, ...]:
        """The states after these explanations, each with the uncertain readings that all explanations of it have in common."""
        return tuple(Possible(found[0].state, self._common(found)) for found in grouped(explanations))

    def _common(self, explanations: list[Explanation]) -> tuple[Choice, ...]:
        first, *others = (each.view.choices for each in explanations)
        common = [choice for choice in first if all(choice in each for each in others)]
        return tuple(each for each in common if len(self.readings.allowed(*each[:3], openapi.KINDS[each[0]])) > 1)

    def _doubt_hidden(self, seen: list[Seen], got: str) -> None:
        """Where a request names a value that no reply has shown, nobody knows which rows it has changed."""
        if any(self._doubt.names_hidden(each) for each, _ in seen):
            rules = (rule for rule in seen[0][0].scope.operation.rules if rule.outcome == got)
            self._doubt.suspect_tables(effect.table for rule in rules for effect in rule.effects)

    def _is_unsure(self, seen: list[Seen], said: Said) -> bool:
        """Whether a reply that nothing explains may be due to doubtful rows. In a list these may be there or not."""
        hows = {how for each, _ in seen for how in self._doubt.touched(each).values()}
        if self._doubt and self._doubt.joins(rule for each, _ in seen for rule in each.rules if rule.outcome == said.outcome):
            return True
        if hows != {"all"}:
            return bool(hows)
        certain = self._doubt.certain(self.state)
        scopes = ((each.scope, view) for each, view in seen)
        views = ((permitted_by(one.operation, view, certain, one.moment, one["now"]), view) for one, view in scopes)
        explanations, complaints = self._explain(views, said)
        details = (detail.split("; ") for _, detail in complaints)
        return bool(explanations) or any(all(each.endswith(openapi.NOT_EXPECTED) for each in parts) for parts in details)

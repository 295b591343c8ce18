"""Judges traffic that other clients send: by the oracle where the world is known, and never an accusation where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import openapi
from contracts.http.wire import Reply, Request
from contracts.judge.clock import Clock
from contracts.judge.journal import LostReply
from contracts.judge.oracle import Oracle
from contracts.judge.record import MOST_FINDINGS, Finding, Record
from contracts.judge.reply import InvalidReply
from contracts.judge.serial import judge_together, unknown
from contracts.judge.situations import Situations
from contracts.judge.verdict import NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Verdict
from contracts.judge.views import own_view
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence
from contracts.sequence.steps import MOST_STEPS
from contracts.traffic.exchange import Exchange, NotJudged, Reader, credentials, reply
from contracts.traffic.groups import overlapping
from contracts.traffic.suppose import Row, Supposer, with_rows
from contracts.traffic.unknown import Knowledge, depends, possible

RULE = "not judged: the world file does not say enough"
SHORTEST_SECRET = 8
"""Characters. A shorter credential is no secret, and would be found in many texts."""
MOST_SKIPPED = 200
"""Reasons why exchanges were not judged that are kept with their paths."""
MOST_TOGETHER = 5
"""The most overlapping exchanges of which the orders are tried."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An exchange for an operation of the contract."""

    operation: openapi.Operation
    request: Request
    answer: Reply | LostReply

    @property
    def sent(self) -> int:
        """Epoch ms of this machine."""
        return self.answer.sent

    @property
    def received(self) -> int:
        """Epoch ms of this machine."""
        return self.answer.received


class Traffic:
    """Judges exchanges, and records what they show."""

    def __init__(
        self,
        contract: openapi.Contract,
        world: openapi.World,
        now: int,
        base: str,
        *,
        complete: Collection[str] = (),
        tolerance: int = 1000,
    ) -> None:
        """`now` is the time at which the world was read, epoch ms; `base` is the server, for reports.

        `complete` names the tables of which the world file has every row. `tolerance` is in ms.
        """
        self.contract, self.world = contract, world
        self.oracle = Oracle(contract, world, Clock(world, now, tolerance=tolerance))
        self.secrets = dict(world.secrets)
        self.record = Record(
            tuple(outcome for each in contract.operations.values() for outcome in each.outcomes),
            self.secrets,
            base,
            thorough=False,
            observed=True,
        )
        self.skipped: Counter[str] = Counter()
        """Why exchanges were not judged, and how many."""
        self.supposed: list[Row] = []
        """Rows that the world file does not have, and without which replies would not be possible."""
        self.sequence = Sequence(Placeholders(now, self.secrets))
        """The judged requests, for replay."""
        self._knowledge, self._supposer, self._reader = Knowledge(complete), Supposer(), Reader(contract)
        self._situations = Situations({})

    def judge(self, exchanges: Iterable[Exchange], *, late: bool = False) -> None:
        """Judges exchanges that overlap in time, or a single one.

        `late` says that exchanges were judged already that these overlap; then only what no order explains is a violation.
        """
        known = [found for each in exchanges if (found := self._known(each)) is not None]
        for related in self._related(known):
            for group in overlapping(sorted(related, key=lambda each: each.sent)):
                if len(group) == 1:
                    self._judged(group[0], late)
                else:
                    self._judged_together(sorted(group, key=lambda each: each.received), late)

    def _related(self, known: list[_Known]) -> list[list[_Known]]:
        """The exchanges in groups that may affect one another, whenever they were."""
        if len(known) == 1:
            return [known]
        groups: list[list[tuple[_Known, openapi.Footprint]]] = []
        for each in known:
            found = openapi.footprint(self.oracle.views(each.request, each.sent, each.received))
            own = each, found
            met = [group for group in groups if any(_meet(own, other) for other in group)]
            groups = [group for group in groups if group not in met]
            groups.append([*(one for group in met for one in group), own])
        return [[each for each, _ in group] for group in groups]

    def _known(self, exchange: Exchange) -> _Known | None:
        try:
            operation = self._reader.operation(exchange)
            request = self._reader.request(operation, exchange)
            self._hide(operation, request)
            if exchange.status == 0:
                return _Known(operation, request, LostReply(exchange.why, exchange.sent, exchange.received))
            return _Known(operation, request, reply(exchange))
        except NotJudged as error:
            what = f"{exchange.method} {exchange.path}: {error}"
            self.skipped[what if what in self.skipped or len(self.skipped) < MOST_SKIPPED else str(error)] += 1
            return None

    def _hide(self, operation: openapi.Operation, request: Request) -> None:
        """Gives the credentials of a request other names, which stand in reports and recordings in their place."""
        for each in credentials(operation, own_view(operation, request).raw):
            if len(each) >= SHORTEST_SECRET and each not in self.secrets:
                self.secrets[each] = f"recorded-token-{len(self.secrets) + 1}"

    def _judged(self, known: _Known, late: bool) -> None:
        request, answer = known.request, known.answer
        if isinstance(answer, LostReply):
            judged = self.oracle.judge_lost_reply(request, answer.sent, answer.received, answer.why)
            judged = replace(judged, verdict=replace(judged.verdict, kind=UNEXPLAINED))
        else:
            seen = self.oracle.expect(request, answer.sent)
            got = self.oracle.outcome(request, answer)
            unsure = self._unsure(seen)
            if unsure and got not in seen.outcomes:
                self._suppose(seen, got, unsure)
            if late:
                unsure = {**unsure, **dict.fromkeys(seen.scope.operation.lets, "exchanges at the same time are judged already")}
            judged = self._softened(known, seen, self.oracle.judge(request, answer), unsure)
            if not unsure:
                judged = self._situations.judged(request, judged)
            if any(known.operation.lets[each].how not in ("all", "last") for each in unsure):
                self._knowledge.depend((each.columns.table, each.key) for each in judged.changes)
        self._note(known, judged)

    def _unsure(self, seen: openapi.Permitted) -> dict[str, str]:
        """The lets of which nobody knows what they find: because of the world file, or of earlier replies."""
        doubtful = self.oracle.doubtful_lets(seen)
        return {**dict.fromkeys(doubtful, "an earlier reply left this open"), **self._knowledge.open_lets(seen)}

    def _suppose(self, seen: openapi.Permitted, got: str, unsure: Collection[str]) -> None:
        """Adds rows without which the reply would not be possible."""
        if not possible(seen, got, unsure):
            return
        rows = self._supposer.rows(seen, got, unsure)
        if rows:
            self.oracle.suppose_rows(lambda state: with_rows(state, rows))
            self.supposed += rows
            self._knowledge.suppose(seen.scope.state, rows)

    def _softened(self, known: _Known, seen: openapi.Permitted, judged: Judgement, unsure: Mapping[str, str]) -> Judgement:
        """A judgement without an accusation that the unknown rows may explain."""
        verdict = judged.verdict
        if verdict.kind not in (VIOLATION, NOTE) or not unsure:
            return judged
        rules = possible(seen, verdict.got, unsure)
        if not rules:
            return judged  # also for a status, a code or a body that is not documented at all
        permitted = {rule.number for rule in seen.rules}
        if verdict.kind == VIOLATION and all(rule.number in permitted and not depends(rule, seen, unsure) for rule in rules):
            return judged  # the data are wrong, whatever the unknown rows are
        self._lose(rules, verdict.got)
        soft = Verdict(
            UNEXPLAINED, verdict.outcome, verdict.got, f"{known.operation.name}: {RULE}", reason="; ".join(unsure.values())
        )
        return Judgement(soft, judged.row)

    def _judged_together(self, known: list[_Known], late: bool) -> None:
        """Judges exchanges of which the order is unknown: by every order, if they are few."""
        sent = [(each.request, each.answer) for each in known]
        unsure: dict[str, str] = {}
        for each in known:
            seen = self.oracle.expect(each.request, each.answer.sent)
            found = self._unsure(seen)
            if found and isinstance(each.answer, Reply):
                self._suppose(seen, self.oracle.outcome(each.request, each.answer), found)
            unsure |= found
        try:
            few = len(known) <= MOST_TOGETHER and not late
            together = judge_together(self.oracle, sent) if few else unknown(self.oracle, sent)
        except InvalidReply:  # which is wrong in every order
            for each in known:
                self._judged(each, late=True)
            return
        wrong = together.verdict is not None and together.verdict.kind == VIOLATION
        if wrong and unsure:
            together = unknown(self.oracle, sent)
        for each, judged in zip(known, together.judgements, strict=True):
            if judged.verdict.kind in (VIOLATION, UNEXPLAINED):
                self._lose(each.operation.rules, judged.verdict.got)
            self._note(each, judged)
        if together.verdict is not None and together.verdict.kind == VIOLATION:
            self._find(known[-1], together.verdict, [each.request for each in known])

    def _lose(self, rules: Iterable[openapi.Rule], got: str) -> None:
        """Forgets what the tables have that these rules change: nobody knows what the server has done."""
        tables = {effect.table for rule in rules if rule.outcome == got for effect in rule.effects}
        self._knowledge.lose(tables)
        self.oracle.doubt_tables(tables)

    def _note(self, known: _Known, judged: Judgement) -> None:
        """Records a judged exchange."""
        answer, took = known.answer, known.answer.received - known.answer.sent
        text = answer.why if isinstance(answer, LostReply) else answer.text()
        self.record.count(known.operation.name, judged, text, took)
        self.record.requests += 1
        if len(self.sequence.steps) < MOST_STEPS:
            self.sequence.note(known.request, None if isinstance(answer, LostReply) else answer, judged.minted)
        if judged.verdict.kind != VERIFIED:
            self._find(known, judged.verdict, [known.request])
        for finding in self.record.findings.values():
            finding.often = f"{finding.count} of {self.record.requests} exchanges"

    def _find(self, known: _Known, verdict: Verdict, steps: list[Request]) -> None:
        found = self.record.findings.get(verdict.key)
        if found is not None:
            found.count += 1
            return
        if len(self.record.findings) >= MOST_FINDINGS:
            self.record.dropped += 1
            return
        answer = known.answer
        text = answer.why if isinstance(answer, LostReply) else answer.text()
        curls = [each.curl(self.record.base, self.secrets, {}) for each in steps]
        self.record.findings[verdict.key] = Finding(verdict, steps, curls, text, steps[-1].size())


def _meet(one: tuple[_Known, openapi.Footprint], other: tuple[_Known, openapi.Footprint]) -> bool:
    """Whether one of two exchanges may affect the other, or use a value that the server invented in its reply."""
    return one[1].meets(other[1]) or _uses(one, other) or _uses(other, one)


def _uses(later: tuple[_Known, openapi.Footprint], earlier: tuple[_Known, openapi.Footprint]) -> bool:
    invented = {table for table, key, _ in earlier[1].writes if key is None}
    return earlier[0].received <= later[0].sent and any(table in invented for table, _ in later[1].reads)

"""Explanations of a reply: what the server saw of the request, the rule that it followed, and its state afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import openapi
from contracts.judge.doubt import RULE
from contracts.judge.reply import Said
from contracts.judge.verdict import KINDS, NOTE, UNEXPLAINED, VERIFIED, VIOLATION, Judgement, Verdict
from contracts.judge.views import View


@dataclass(frozen=True, slots=True)
class Explanation:
    """One explanation of a reply: what the server saw, the rule that it followed, and its state afterwards."""

    seen: openapi.Permitted
    view: View
    rule: openapi.Rule
    state: openapi.State
    minted: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[openapi.Change, ...] = ()

    @property
    def kind(self) -> str:
        """VERIFIED, NOTE or UNEXPLAINED."""
        if self.rule.outcome == self.seen.answer.outcome:
            return VERIFIED
        return UNEXPLAINED if self.rule.kind == "permitted" and self.rule.always else NOTE

    @property
    def state_key(self) -> tuple[Any, ...]:
        """Equal for explanations that result in the same state."""
        return id(self.seen.scope.state), tuple((each.columns.table, each.before, each.after) for each in self.changes)


def explain(
    views: Iterable[tuple[openapi.Permitted, View]], said: Said, *, strict_order: bool
) -> tuple[list[Explanation], list[tuple[str, str]]]:
    """The explanations of a reply, and for each rejected one the rule and the differences.

    With `strict_order` a server checks in the order of the table.
    """
    found, complaints = [], []
    for seen, view in views:
        rules = [rule for rule in seen.rules_with(said.outcome) if rule.status == said.reply.status]
        if strict_order and rules:
            in_order = seen.in_order()
            if not (rules := [rule for rule in in_order.rules_with(said.outcome) if rule in rules]):
                complaints.append((str(seen.refusals[0]), f"comes before {said.outcome} in the table"))
        for rule in rules:
            if not (rule.effects or rule.shows):
                found.append(Explanation(seen, view, rule, seen.scope.state))
                continue
            try:
                accepted = seen.accept(rule, said.data, said.body, said.reply.headers)
            except openapi.ExecutionError as error:
                complaints.append((str(rule), str(error)))
                continue
            if accepted.differences:
                complaints.append((str(rule), "; ".join(accepted.differences)))
            else:
                found.append(Explanation(seen, view, rule, accepted.state, accepted.minted, tuple(accepted.changes)))
    return found, complaints


def by_simplicity(explanation: Explanation) -> tuple[int, int]:
    """The sort key of explanations; the best one comes first."""
    return KINDS.index(explanation.kind), explanation.view.strange


def grouped(explanations: Iterable[Explanation]) -> Iterable[list[Explanation]]:
    """The explanations of each state."""
    groups: dict[tuple[Any, ...], list[Explanation]] = {}
    for each in explanations:
        groups.setdefault(each.state_key, []).append(each)
    return groups.values()


def judgement(found: Explanation, got: str) -> Judgement:
    """The judgement on a reply with this explanation."""
    seen, answer = found.seen, found.seen.answer
    if found.kind == VERIFIED:
        verdict = Verdict(VERIFIED, answer.outcome, got)
    else:
        broken = found.rule if found.kind == UNEXPLAINED else answer
        verdict = Verdict(
            found.kind, answer.outcome, got, str(broken), reason=seen.reason(broken), permitted=tuple(sorted(seen.outcomes))
        )
    return Judgement(verdict, answer.number, found.minted, found.changes, seen=seen)


def violated(seen: openapi.Permitted, got: str, rule: str, detail: str = "") -> Judgement:
    """The judgement on a reply that violates a rule."""
    answer = seen.answer
    verdict = Verdict(VIOLATION, answer.outcome, got, rule, detail, seen.reason(answer), tuple(sorted(seen.outcomes)))
    return Judgement(verdict, answer.number, seen=seen)


def as_unexplained(judged: Judgement) -> Judgement:
    """A violation as something that nobody can explain, because the state is unsure."""
    broken = judged.verdict
    return Judgement(replace(broken, kind=UNEXPLAINED, rule=RULE, detail="", reason=broken.sentence), judged.row)

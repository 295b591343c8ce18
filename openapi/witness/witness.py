"""Candidate requests for a contract and a state, and the simplest request for each outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import prod
from random import Random
from typing import Any

from openapi.decision.contract import Operation
from openapi.decision.decision import DOCUMENTED, Permitted, Rule, permitted
from openapi.parameters.parameter import Parameter
from openapi.state.state import State
from openapi.witness.parameter_values import Raw, likely, near, respelled, sample, sources, values

MOST_BASES = 3000
MOST_ROWS_OF_AN_OPTION = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request and its permitted answers."""

    raw: Raw
    seen: Permitted

    @property
    def cost(self) -> tuple[int, int, int]:
        """Orders candidates by simplicity: the number of rules that hold, of parameters, and of characters."""
        return len(self.seen.rules), len(self.raw), sum(len(str(value)) for value in self.raw.values())


def classified(operation: Operation, state: State, now: int) -> Iterator[Candidate]:
    """Candidate requests: complete ones, then those with one deviation, then with two.

    `now` is epoch ms. The sequence is deterministic.
    """
    bases = []
    for raw in _bases(operation, state, now):
        bases.append(Candidate(raw, permitted(operation, raw, state, now)))
        yield bases[-1]
    for raw in _deviating(operation, _base_per_rule(bases), state, now):
        yield Candidate(raw, permitted(operation, raw, state, now))


def witnesses(operation: Operation, state: State, now: int) -> dict[str, Raw]:
    """The simplest request for each outcome that a request can get in this state. `now` is epoch ms."""
    return {outcome: each.raw for outcome, each in simplest(operation, classified(operation, state, now)).items()}


def simplest(operation: Operation, found: Iterable[Candidate]) -> dict[str, Candidate]:
    """The simplest candidate for each outcome, in the order of the decision table."""
    best: dict[str, Candidate] = {}
    for each in found:
        outcome = each.seen.answer.outcome
        if outcome not in best or each.cost < best[outcome].cost:
            best[outcome] = each
    return {outcome: best[outcome] for outcome in operation.outcomes if outcome in best}


def unreachable(operation: Operation, outcome: str) -> str:
    """Why no request gets this outcome in a world: what it would need, as a sentence."""
    rules = [rule for rule in operation.rules if rule.outcome == outcome]
    if all(rule.kind == "permitted" for rule in rules):
        return f"no request can force it: {rules[0].why}"
    return lacking(operation, next((rule for rule in rules if rule.kind == DOCUMENTED), rules[0]))


def lacking(operation: Operation, *rules: Rule) -> str:
    """The rows that a world needs so that one rule holds, or several hold at once, as a sentence."""
    names = [
        name for rule in rules for name in (*rule.missing, *(each.name for each in (rule.when.references if rule.when else ())))
    ]
    lets = [let for name in names if (let := operation.lets.get(name))]
    names += [each.name for let in lets for one in let.aggregated for each in one.references]
    tables = sorted({let.lookup.table for name in names if (let := operation.lets.get(name)) and let.lookup})
    where = f" in {', '.join(tables)}" if tables else ""
    conditions = "; and ".join(rule.condition for rule in rules)
    return f"needs rows{where} for which {'this holds' if len(rules) == 1 else 'these hold at once'}: {conditions}"


def _deviating(operation: Operation, bases: list[Raw], state: State, now: int) -> Iterator[Raw]:
    deviations = {each.name: list(_deviations(each, operation, state, now)) for each in operation.parameters}
    for base in bases:
        for name, candidates in deviations.items():
            for value in (*candidates, *near(base, name, operation)):
                yield _with(base, {name: value})
    for base in bases[:1]:
        for name in deviations:
            yield from (_with(base, {name: value}) for value in respelled(base, name, operation) if "/" not in value)
        for one, two in combinations(deviations, 2):
            for pair in islice(product(_few(deviations[one]), _few(deviations[two])), 81):
                yield _with(base, dict(zip((one, two), pair, strict=True)))


def _with(base: Raw, changes: Raw) -> Raw:
    return {name: value for name, value in (base | changes).items() if value is not None}


def _bases(operation: Operation, state: State, now: int) -> Iterator[Raw]:
    """Requests with every required parameter: the product of rows of the sources and likely values."""
    choices: list[list[Raw]] = []
    parameters = {each.name: each for each in operation.parameters}
    found = sources(operation)
    for source in found:
        optional = not any(parameters[name].required for name in source.columns)
        rows = islice(sample(state, source.table, now), MOST_ROWS_OF_AN_OPTION if optional else None)
        raws = [{name: str(row[column]) for name, column in source.columns.items() if row[column] is not None} for row in rows]
        choices.append([{}, *raws] if optional or not raws else raws)
    covered = {name for source in found for name in source.columns}
    for each in operation.parameters:
        if each.name not in covered:
            choices.append([{each.name: value} if value is not None else {} for value in likely(each, now)])
    for parts in _crossed(choices):
        yield {name: value for part in parts for name, value in part.items()}


def _crossed(choices: list[list[Raw]]) -> Iterator[tuple[Raw, ...]]:
    """The product of the choices; where that is too large, a uniform sample, always the same."""
    total = prod(map(len, choices))
    if total <= MOST_BASES:
        yield from product(*choices)
        return
    for number in sorted(Random(0).sample(range(total), MOST_BASES)):
        parts = []
        for each in reversed(choices):
            number, position = divmod(number, len(each))
            parts.append(each[position])
        yield tuple(reversed(parts))


def _base_per_rule(bases: list[Candidate]) -> list[Raw]:
    """One base for each rule that answers a base; the success comes first."""
    found: dict[int, Raw] = {}
    for each in bases:
        found.setdefault(each.seen.answer.number, each.raw)
    return [found[number] for number in sorted(found, reverse=True)] or [{}]


def _few(values: list[Any]) -> list[Any]:
    return [values[0], *values[1:][-8:]]


def _deviations(parameter: Parameter, operation: Operation, state: State, now: int) -> Iterator[Any]:
    """None, which leaves the parameter out, and all candidate values; in a path, only values that fit into one segment."""
    if parameter.location != "path":
        yield None
        yield from values(parameter, operation, state, now)
    else:
        yield from (each for each in values(parameter, operation, state, now) if each and "/" not in str(each))

"""Candidate requests for a contract and a state, and the simplest request for each outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from math import prod
from random import Random
from typing import Any

from openapi.decision.computed import completed
from openapi.decision.contract import Operation
from openapi.decision.permitted import Permitted, permitted
from openapi.decision.rule import DOCUMENTED, PERMITTED, Rule
from openapi.parameters.names import REQUEST
from openapi.parameters.parameter import Parameter
from openapi.state.state import State
from openapi.witness.clues import Clues, Source
from openapi.witness.limits import limits
from openapi.witness.parameter_values import Raw, compared_with, likely, near, respelled, texts, values

MOST_BASES = 3000
MOST_ROWS_OF_AN_OPTION = 4
MOST_TOGETHER = 64
"""The most combinations of values of parameters that one condition compares."""
MOST_SUCCESSES = 64
"""The most successes that are changed for a row that no request has reached."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request and its permitted answers."""

    raw: Raw
    """Its values, with COMPUTED for those that are computed when it is sent."""
    seen: Permitted

    @property
    def cost(self) -> tuple[int, int, int]:
        """Orders candidates by simplicity: the number of rules that hold, of parameters, and of characters."""
        return len(self.seen.rules), len(self.raw), sum(len(str(value)) for value in self.raw.values())


def classified(operation: Operation, state: State, now: int) -> Iterator[Candidate]:
    """Candidate requests, each once: complete ones, then those with one deviation, then with two; then for rows not reached yet.

    `now` is epoch ms. The sequence is deterministic.
    """
    search = _Search(operation, state, now)
    yield from search.complete()
    yield from search.deviating()
    yield from search.missed()


def witnesses(operation: Operation, state: State, now: int) -> dict[str, Raw]:
    """The simplest request for each outcome that a request can get in this state. `now` is epoch ms."""
    found = simplest(operation, classified(operation, state, now))
    return {outcome: sendable(operation, each.raw, state, now) for outcome, each in found.items()}


def sendable(operation: Operation, raw: Raw, state: State, now: int) -> Raw:
    """The raw values of a candidate, with those that a client computes."""
    return {name: value for name, value in completed(operation, raw, state, now).items() if name != REQUEST}


def simplest(operation: Operation, found: Iterable[Candidate]) -> dict[str, Candidate]:
    """The simplest candidate for each outcome, in the order of the decision table."""
    best: dict[str, Candidate] = {}
    for each in found:
        outcome = each.seen.answer.outcome
        if outcome not in best or each.cost < best[outcome].cost:
            best[outcome] = each
    return {outcome: best[outcome] for outcome in operation.outcomes if outcome in best}


def unreachable(operation: Operation, outcome: str, tried: Iterable[Candidate] = ()) -> str:
    """Why no request gets this outcome in a world, as a sentence: the row that refuses it, or the rows that it would need.

    `tried` are the candidates that did not get it.
    """
    rules = [rule for rule in operation.rules if rule.outcome == outcome]
    if all(rule.kind == PERMITTED for rule in rules):
        return f"no request can force it: {rules[0].why}"
    wanted = next((rule for rule in rules if rule.kind == DOCUMENTED), rules[0])
    answers = {each.seen.answer.number: each.seen.answer for each in tried}
    if not answers or max(answers) > wanted.number:
        return lacking(operation, wanted)
    earlier = " or an earlier row" if len(answers) > 1 else ""
    refused = f"every request that was tried got {_located(answers[max(answers)])}{earlier} first"
    return refused if wanted.always else f"{lacking(operation, wanted)}; {refused}"


def _located(rule: Rule) -> str:
    return f"{rule.outcome} ({rule.condition}, line {rule.line})"


def lacking(operation: Operation, *rules: Rule) -> str:
    """The rows that a world needs so that one rule holds, or several hold at once, as a sentence."""
    conditional = [rule for rule in rules if not rule.always]
    if not conditional:
        return "needs a request that no earlier row refuses"
    names = [
        name
        for rule in conditional
        for name in (*rule.missing, *(each.name for each in (rule.when.references if rule.when else ())))
    ]
    lets = [let for name in names if (let := operation.lets.get(name))]
    names += [each.name for let in lets for one in let.aggregated for each in one.references]
    tables = sorted({let.lookup.table for name in names if (let := operation.lets.get(name)) and let.lookup})
    where = f" in {', '.join(tables)}" if tables else ""
    conditions = "; and ".join(rule.condition for rule in conditional)
    return f"needs rows{where} for which {'this holds' if len(conditional) == 1 else 'these hold at once'}: {conditions}"


class _Search:
    """The candidates for one operation in one state, each once."""

    def __init__(self, operation: Operation, state: State, now: int) -> None:
        self.operation, self.state, self.now = operation, state, now
        self.clues = Clues(operation, state, now)
        self.parameters = self.clues.parameters
        self._texts_only = all(each.location != "body" for each in operation.parameters)
        self._seen: set[Any] = set()
        self._bases: dict[int, Raw] = {}
        """The first complete request that each rule answers, by the number of the rule."""
        self._successes: list[Raw] = []
        """The first complete requests that succeed."""
        self._reached: set[str] = set()
        """The outcomes of all candidates so far."""

    def complete(self) -> Iterator[Candidate]:
        """Requests with every required parameter."""
        for raw in _bases(self.clues):
            for each in self._judged(raw):
                self._bases.setdefault(each.seen.answer.number, raw)
                if each.seen.answer is each.seen.success and len(self._successes) < MOST_SUCCESSES:
                    self._successes.append(raw)
                yield each

    def deviating(self) -> Iterator[Candidate]:
        """Requests with one deviation from those, then with two.

        A request that gets past every rule that answered before is a base of further ones.
        """
        deviations = {name: list(_deviations(each, self.clues)) for name, each in self.parameters.items()}
        joint = [*_joint_deviations(self.clues), *_compared_together(self.clues)]
        bases = self._bases or {0: {}}
        waiting = sorted(bases)
        furthest = waiting[-1]
        while waiting:
            for raw in self._with_one(bases[waiting.pop()], deviations, joint):
                for each in self._judged(raw):
                    number = each.seen.answer.number
                    if number > furthest:
                        furthest = number
                        bases[number] = raw
                        waiting.append(number)
                    yield each
        for raw in self._with_more(bases[furthest], deviations):
            yield from self._judged(raw)

    def missed(self) -> Iterator[Candidate]:
        """For each outcome that no candidate has, every success with other values of one parameter in a condition of it.

        So a row is found that depends on what another parameter looks up, such as the account for which a password is wrong.
        """
        for rule in self.operation.rules:
            if rule.kind is PERMITTED or rule.when is None or rule.outcome in self._reached:
                continue
            for name in dict.fromkeys(each.name for each in rule.when.references if each.name in self.parameters):
                others = _few(list(_deviations(self.parameters[name], self.clues)))
                for raw, value in product(self._successes, others):
                    yield from self._judged(self.parameters[name].put(raw, value))

    def _judged(self, raw: Raw) -> Iterator[Candidate]:
        """The candidate with these raw values; none if there was one already."""
        key = frozenset(raw.items()) if self._texts_only else repr(sorted(raw.items()))  # 1 and true differ in JSON
        if key not in self._seen:
            self._seen.add(key)
            read = completed(self.operation, raw, self.state, self.now)
            seen = permitted(self.operation, read, self.state, self.now)
            if not seen.unsure:
                self._reached.add(seen.answer.outcome)
                yield Candidate(raw, seen)

    def _with_one(self, base: Raw, deviations: dict[str, list[Any]], joint: list[Raw]) -> Iterator[Raw]:
        """A base with other values of one parameter, or of those that are looked up together."""
        for together in joint:
            yield _put(self.parameters, base, together)
        for name, candidates in deviations.items():
            parameter = self.parameters[name]
            beside = texts(parameter, limits(base, parameter, self.clues))
            for value in (*candidates, *near(base, name, self.operation), *beside):
                yield parameter.put(base, value)

    def _with_more(self, base: Raw, deviations: dict[str, list[Any]]) -> Iterator[Raw]:
        """A base with other spellings, and with other values of two parameters."""
        for name, parameter in self.parameters.items():
            yield from (parameter.put(base, value) for value in respelled(base, name, self.operation) if "/" not in value)
        for one, two in combinations(deviations, 2):
            for pair in islice(product(_few(deviations[one]), _few(deviations[two])), 81):
                yield _put(self.parameters, base, dict(zip((one, two), pair, strict=True)))


def _put(parameters: dict[str, Parameter], raw: Raw, changes: Raw) -> Raw:
    """The raw values with these changes; None leaves a parameter out."""
    for name, value in changes.items():
        raw = parameters[name].put(raw, value)
    return raw


def _bases(clues: Clues) -> Iterator[Raw]:
    """Requests with every required parameter: the product of rows of the sources and likely values."""
    choices: list[list[Raw]] = []
    parameters = clues.parameters
    for source in clues.sources:
        optional = not any(parameters[name].required for name in source.columns)
        rows = islice(clues.rows(source.table), MOST_ROWS_OF_AN_OPTION if optional else None)
        raws = [_values_of(row, source, parameters) for row in rows]
        choices.append([{}, *raws] if optional or not raws else raws)
    covered = {name for source in clues.sources for name in source.columns}
    for name, parameter in parameters.items():
        if name not in covered:
            choices.append([{name: value} if value is not None else {} for value in likely(parameter, clues)])
    nested = any(each.inside is not None for each in parameters.values())
    for parts in _crossed(choices):
        chosen = {name: value for part in parts for name, value in part.items()}
        yield _nested(parameters, chosen) if nested else chosen


def _nested(parameters: dict[str, Parameter], chosen: Raw) -> Raw:
    """The raw values for these values, those of parts inside the objects. An optional object is not made for its parts."""
    raw: Raw = {}
    for name, parameter in parameters.items():
        if name in chosen and (parameter.required or parameter.inside is None or parameter.inside in raw):
            raw = parameter.put(raw, chosen[name])
    return raw


def _values_of(row: dict[str, Any], source: Source, parameters: dict[str, Parameter]) -> Raw:
    """The raw values of the parameters of a source that a row gives."""
    return {name: texts(parameters[name], [row[column]])[0] for name, column in source.columns.items() if row[column] is not None}


def _joint_deviations(clues: Clues) -> Iterator[Raw]:
    """The values that a row of another source than those of the bases gives: alone, and with those that agree elsewhere."""
    parameters = clues.parameters
    for source in clues.joint_sources:
        for row in clues.rows(source.table):
            found = _values_of(row, source, parameters)
            if all(_fits(parameters[name], value) for name, value in found.items()):
                yield _completed(found, clues, parameters)
                yield found


def _compared_together(clues: Clues) -> Iterator[Raw]:
    """The values of several parameters with which one condition seems to compare them."""
    for condition in clues.conditions:
        names = dict.fromkeys(each.name for each in condition.references if each.name in clues.parameters)
        choices = [[{name: value} for value in compared_with(clues.parameters[name], condition.source)] for name in names]
        if len(choices) > 1 and all(choices):
            for parts in islice(product(*choices), MOST_TOGETHER):
                yield {name: value for part in parts for name, value in part.items()}


def _completed(found: Raw, clues: Clues, parameters: dict[str, Parameter]) -> Raw:
    """The values with those of rows of other sources that share some of them, such as the secret of the same client."""
    for source in (*clues.sources, *clues.joint_sources):
        if source.columns.keys() & found.keys() and source.columns.keys() - found.keys():
            others = (_values_of(row, source, parameters) for row in clues.rows(source.table))
            shared = source.columns.keys() & found.keys()
            agreeing = next((each for each in others if all(each.get(name) == found[name] for name in shared)), {})
            found = {**agreeing, **found}
    return found


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


def _few(values: list[Any]) -> list[Any]:
    return [*values[:1], *values[1:][-8:]]


def _deviations(parameter: Parameter, clues: Clues) -> Iterator[Any]:
    """None, which leaves the parameter out, and all candidate values; in a path, only values that fit into one segment."""
    if parameter.location != "path":
        yield None
    yield from (each for each in values(parameter, clues) if _fits(parameter, each))


def _fits(parameter: Parameter, value: Any) -> bool:
    """Whether a value can stand where the parameter stands."""
    return parameter.location != "path" or (bool(value) and "/" not in str(value))

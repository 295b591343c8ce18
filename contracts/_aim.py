"""The aimed lane: requests chosen so that every row of every decision table gets its quota."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from random import Random
from typing import Any

import openapi
from contracts._wire import Request, UnsendableRequest, encode

QUOTA = 12
"""Cases of each row."""
MOST_RELEVANT = 40
"""Cases of each row that differ in a value which the row is about."""

Raw = dict[str, Any]
Examine = Callable[[Request], bool]


def aim(operation: openapi.Operation, state: openapi.State, now: int, seed: int, examine: Examine) -> None:
    """Sends each row's quota; stops when `examine` returns False. `now` is epoch ms."""
    random = Random(seed)
    for number, raw in enumerate(plan(operation, state, now, random)):
        for form, bearer in _spellings(operation, number):
            try:
                request = encode(operation, raw, form=form, bearer=bearer)
            except UnsendableRequest:
                continue
            if not examine(request):
                return


def plan(operation: openapi.Operation, state: openapi.State, now: int, random: Random) -> list[Raw]:
    """The raw values to send: a round over all rows with the clearest case of each, then the next round."""
    rows: dict[int, list[tuple[int, Raw]]] = {}
    for raw in openapi.candidates(operation, state, now):
        try:
            view = openapi.permitted(operation, raw, state, now)
        except openapi.ExecutionError:
            continue
        rows.setdefault(view.answer.number, []).append((len(view.refusals), raw))
    rules = {rule.number: rule for rule in operation.rules}
    chosen = [_quota(_relevant(operation, rules[number]), rows[number], random) for number in sorted(rows)]
    return [raw for turn in zip_longest(*chosen) for raw in turn if raw is not None]


def _spellings(operation: openapi.Operation, number: int) -> Iterator[tuple[bool, bool]]:
    """(form, bearer): each request in the query; every third one also as a form; `Bearer ` in every second."""
    yield False, number % 2 == 1
    if operation.accepts_form and number % 3 == 0:
        yield True, number % 2 == 0


def _quota(relevant: set[str], found: list[tuple[int, Raw]], random: Random) -> list[Raw]:
    """Cases of one row: those with a value not seen before, clear ones first, relevant values before others."""
    ranked = sorted(found, key=lambda each: each[0])
    telling: list[Raw] = []
    others: list[Raw] = []
    rest: list[Raw] = []
    seen: set[tuple[str, Any]] = set()
    for _, raw in ranked:
        values = {name: raw.get(name) for name in {*raw, *relevant}}
        new = {name for name, value in values.items() if (name, value) not in seen}
        (telling if new & relevant else others if new else rest).append(raw)
        seen.update(values.items())
    random.shuffle(rest)
    first = telling[:MOST_RELEVANT]
    return first + (others + rest)[: max(QUOTA - len(first), QUOTA // 3)]


def _relevant(operation: openapi.Operation, rule: openapi.Rule) -> set[str]:
    """The parameters that a rule is about, those that its lets are looked up by included."""
    names = [*rule.missing, *rule.malformed, *rule.unreadable]
    names += [each.name for each in rule.when.references] if rule.when else []
    parameters = {each.name for each in operation.parameters}
    found: set[str] = set()
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name in parameters:
            found.add(name)
        elif name in operation.lets and name not in seen:
            seen.add(name)
            lookup = operation.lets[name].lookup
            names += [each.name for expression in (lookup.expressions if lookup else ()) for each in expression.references]
    return found or parameters

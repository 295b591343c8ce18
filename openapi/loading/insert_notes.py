"""What an insert does not say: that its row may exist already, or that a part of its key may be null."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from openapi.decision.contract import Operation
from openapi.decision.effect import Effect
from openapi.decision.lookup import Lookup
from openapi.decision.rule import PERMITTED, Rule
from openapi.decision.table_plan import TablePlan
from openapi.document.errors import Problem
from openapi.expression.expression import Expression

RIGHT = "use upsert, or add a row for it"

Key = dict[str, str]
"""The source of the value of each column."""


def insert_notes(operation: Operation, plans: Mapping[str, TablePlan]) -> Iterator[Problem]:
    """The inserts of an operation that may fail although a row of its decision table holds."""
    for rule in operation.rules:
        for number, effect in enumerate(rule.effects):
            if effect.verb == "insert":
                yield from _notes(operation, rule, effect, rule.effects[:number], plans)


def _notes(
    operation: Operation, rule: Rule, effect: Effect, earlier: tuple[Effect, ...], plans: Mapping[str, TablePlan]
) -> Iterator[Problem]:
    values = dict(effect.assignments)
    key = {name: values[name] for name in plans[effect.table].key if name in values}
    sources = {name: each.source for name, each in key.items()}
    inserts = f"the insert into {effect.table}"
    if not (_is_fresh(rule, key.values()) or _is_guarded(operation, rule, effect, earlier, sources)):
        yield Problem(rule.file, rule.line, f"{inserts} fails where a row with its {', '.join(key)} exists", RIGHT)
    for name, expression in key.items():
        if absent := _may_be_null(operation, rule, effect, expression, plans):
            right = (
                "require the column, or give it a default" if "." in absent else f"add a row with missing: {absent}, or a default"
            )
            yield Problem(rule.file, rule.line, f"{inserts} has the key part {name}, and {absent} may be null", right)


def _is_fresh(rule: Rule, key: Iterable[Expression]) -> bool:
    """Whether a part of a key is invented by the server."""
    minted = {name for name, _ in rule.mint}
    return any(each.random or not minted.isdisjoint(_names([each])) for each in key)


def _is_guarded(operation: Operation, rule: Rule, effect: Effect, earlier: tuple[Effect, ...], key: Key) -> bool:
    """Whether something asks for the row with this key before it is inserted."""
    lets = (*operation.lets.values(), *(effect.each.lets if effect.each is not None else ()))
    found = {each.name for each in lets if each.lookup is not None and _asks(each.lookup, effect, key)}
    for let in lets:  # an aggregate of such a let, too
        if not found.isdisjoint(_names((*let.aggregated, *let.choices))):
            found.add(let.name)
    refusals = [each.when for each in operation.rules[: rule.number - 1] if each.kind != PERMITTED]
    conditions = [each for each in (*refusals, rule.when, effect.when, effect.unless) if each is not None]
    deleted = any(each.verb == "delete" and each.lookup is not None and _asks(each.lookup, effect, key) for each in earlier)
    return deleted or not found.isdisjoint(_names(conditions))


def _asks(lookup: Lookup, effect: Effect, key: Key) -> bool:
    """Whether a lookup finds the row that an insert would meet."""
    return lookup.table == effect.table and all(key.get(name) == each.source for name, each in lookup.where)


def _may_be_null(
    operation: Operation, rule: Rule, effect: Effect, expression: Expression, plans: Mapping[str, TablePlan]
) -> str | None:
    """A name in an expression that is absent or null in some requests, and that no earlier row refuses."""
    refused = {name for each in operation.rules[: rule.number - 1] if each.kind != PERMITTED for name in each.missing}
    optional = {each.name for each in operation.parameters if not each.required and each.default is None} - refused
    lets = {**operation.lets, **({each.name: each for each in effect.each.lets} if effect.each is not None else {})}
    for each in expression.references:
        let = lets.get(each.name)
        table = let.lookup.table if let is not None and let.lookup is not None else None
        if each.name in optional or (table is not None and _is_nullable(plans[table], each.column)):
            return str(each)
    return None


def _is_nullable(plan: TablePlan, column: str | None) -> bool:
    known = column in plan.properties and column not in plan.required
    return known and plan.properties[column or ""].get("default") is None


def _names(expressions: Iterable[Expression]) -> set[str]:
    return {each.name for expression in expressions for each in expression.references}

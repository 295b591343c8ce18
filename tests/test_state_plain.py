"""States as plain data: what is read again is the same state, and changes lead from one to the other."""

from __future__ import annotations

import json
from random import Random

import pytest

import openapi
from openapi.state.index import Index

NOW = 1_760_000_000_000
LINKS = openapi.Columns(
    table="links",
    names=("id", "kind", "more"),
    key=("id",),
    types={"id": "string", "kind": "string", "more": "array"},
    defaults={"id": None, "kind": None, "more": None},
    required=frozenset({"id"}),
    schema={"type": "object"},
    indexes=(Index(("kind",)),),
    bounds=(None,),
)
TABLES = {"links": LINKS}


def again(data):
    return json.loads(json.dumps(data))


def found(state):
    return [row[0] for row in state.matching("links", 0, ("x",))]


def links(*rows):
    state = openapi.State.empty([LINKS])
    for row in rows:
        state = state.insert("links", row)
    return state


def moved(state, key, kind):
    row = state.table("links")[(key,)]
    return state.replace("links", row, (row[0], kind, row[2]))


def test_the_order_in_which_rows_began_to_match_is_kept():
    state = links(("a", "x", None), ("b", "x", None), ("c", "x", None))
    state = moved(moved(state, "a", "y"), "a", "x")
    assert found(state) == ["a", "c", "b"]
    read = openapi.read_state(again(openapi.plain_state(state)), TABLES)
    assert found(read) == found(state)
    assert list(read.table("links")) == list(state.table("links"))
    assert openapi.plain_state(read) == openapi.plain_state(state)


def test_lists_tuples_and_objects_stay_what_they_are():
    value = ([1, (2, "()")], {"{}": {"()": [None]}}, "\ud800\0")
    read = openapi.read_state(again(openapi.plain_state(links(("a", "x", value)))), TABLES)
    assert read.table("links")[("a",)] == ("a", "x", value)


def test_changes_lead_to_the_same_state_in_the_same_order():
    before = links(("a", "x", None), ("b", "x", None))
    other = openapi.read_state(again(openapi.plain_state(before)), TABLES)
    after = moved(moved(before, "a", "y"), "a", "x").delete("links", ("b", "x", None)).insert("links", ("c", "x", None))
    changes = openapi.changes_between(before, after)
    assert len(changes) == 4
    other = openapi.changed(other, openapi.read_changes(again(openapi.plain_changes(changes, TABLES)), TABLES))
    assert (found(other), other.snapshot()) == (found(after), after.snapshot())


def test_changes_are_not_known_between_states_of_which_none_follows():
    before = links(("a", "x", None))
    after = moved(before, "a", "y")
    assert openapi.changes_between(after, before) is None
    assert openapi.changes_between(before, links(("a", "y", None))) is None
    assert openapi.changes_between(before, before) == []


def test_changes_that_do_not_fit_change_nothing():
    state = links(("a", "x", None))
    wrong = [openapi.RowChange("links", None, ("b", "x", None)), openapi.RowChange("links", ("a", "y", None), None)]
    with pytest.raises(openapi.ExecutionError, match="links has no such row with id"):
        openapi.changed(state, wrong)
    assert found(state) == ["a"]


def test_any_requests_can_be_followed_by_their_changes():
    contract, random = openapi.load(), Random(3)
    state = other = openapi.load_world(openapi.demo_world(), contract, NOW, {}).state
    operations = list(contract.operations.values())
    raws = {each.name: list(openapi.witnesses(each, state, NOW).values()) for each in operations}
    for number in range(300):
        operation = random.choice(operations)
        after = openapi.decide(operation, random.choice(raws[operation.name]), state, NOW + number, random).state
        changes = again(openapi.plain_changes(openapi.changes_between(state, after), contract.tables))
        other = openapi.changed(other, openapi.read_changes(changes, contract.tables))
        if number % 50 == 0:
            other = openapi.read_state(again(openapi.plain_state(other)), contract.tables)
        state = after
    assert openapi.plain_state(other) == openapi.plain_state(state)

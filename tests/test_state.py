"""Tables and their indexes, compared with a list of rows that is searched completely."""

from __future__ import annotations

import random
from itertools import count

import pytest

from bench._cost import instructions
from openapi import ExecutionError
from openapi.state.index import Index
from openapi.state.state import Columns, State

COLUMNS = Columns(
    table="loans",
    names=("id", "person", "until", "over"),
    key=("id",),
    types={"id": "integer", "person": "string", "until": "integer", "over": "boolean"},
    defaults={"until": None, "over": False},
    required=frozenset(("id", "person")),
    schema={},
    indexes=(Index(("person",), (("over", False),)), Index(("until", "person"))),
    bounds=("until", None),
)


def found(state, person, after):
    return [row for row in state.matching("loans", 0, (person,), after) if row[2] is not None and row[2] > after]


def expected(rows, person, after):
    """The same result from a search of all rows; those that began to match last come first."""
    return [row for row in reversed(rows.values()) if row[1] == person and row[2] is not None and row[2] > after and not row[3]]


def changed(chance, row):
    """The row after one of the changes that affect an index: the person, the end, whether it is over."""
    who, until, over = row[1:]
    kind = chance.randrange(4)
    who = chance.choice("ab") if kind == 0 else who
    until = chance.choice((None, *range(20))) if kind == 1 else until
    return (row[0], who, until, kind == 2 if kind > 1 else over)


@pytest.mark.parametrize("seed", range(20))
def test_an_index_finds_what_a_search_finds_in_the_order_in_which_it_came(seed):
    chance, numbers = random.Random(seed), count()
    state, rows = State.empty([COLUMNS]), {}
    kept = []
    for _ in range(400):
        step = chance.random()
        if step < 0.4 or not rows:
            row = (next(numbers), chance.choice("ab"), chance.choice((None, *range(20))), chance.random() < 0.2)
            state, rows = state.insert("loans", row), {**rows, row[0]: row}
        elif step < 0.5:
            gone = chance.choice([*rows.values()])
            state, rows = state.delete("loans", gone), {key: row for key, row in rows.items() if key != gone[0]}
        elif step < 0.7:
            person, after = chance.choice("ab"), chance.randrange(20)
            pairs = [(row, (*row[:3], True)) for row in found(state, person, after)]
            state = state.change("loans", pairs, {"over"}, 0) if pairs else state
            rows = rows | {after[0]: after for _, after in pairs}
        else:
            before = chance.choice([*rows.values()])
            after = changed(chance, before)
            state = state.replace("loans", before, after)
            if (before[1], before[3]) != (after[1], after[3]):  # it enters the index again
                rows = {key: row for key, row in rows.items() if key != before[0]}
            rows = rows | {after[0]: after}
        kept.append((state, rows))
        for person in "ab":
            for after in (-1, chance.randrange(20), 20):
                assert found(state, person, after) == expected(rows, person, after)
    for state, rows in chance.sample(kept, 40):
        assert sorted(state.table("loans").values(), key=repr) == sorted(rows.values(), key=repr)
        assert found(state, "a", 5) == expected(rows, "a", 5)


def after_a_walk(below):
    """A state with so many expired rows, after a scan over them that ended the only valid row, and with one new valid row."""
    state = State.empty([COLUMNS]).insert("loans", (-1, "a", 99, False))
    for number in range(below):
        state = state.insert("loans", (number, "a", 5, False))
    pairs = [(row, (*row[:3], True)) for row in found(state, "a", 10)]
    assert [before[0] for before, _ in pairs] == [-1]
    return state.change("loans", pairs, {"over"}, 0).insert("loans", (-2, "a", 99, False))


def test_a_walk_is_short_again_after_one_that_had_to_be_long():
    few, many = (after_a_walk(number) for number in (10, 5000))
    assert [row[0] for row in found(many, "a", 10)] == [-2]
    assert instructions(lambda: found(few, "a", 10)) == instructions(lambda: found(many, "a", 10))


def test_a_draft_that_fails_half_way_leaves_the_state_as_it_was():
    state = State.empty([COLUMNS]).insert("loans", (1, "a", 9, False)).insert("loans", (2, "a", 9, False))
    before = state.snapshot()
    draft = state.draft()
    draft.change("loans", [((1, "a", 9, False), (1, "b", 9, False)), ((2, "a", 9, False), None)], {"person"})
    draft.insert("loans", (3, "a", 9, False))
    with pytest.raises(ExecutionError, match="already has a row with id"):
        draft.insert("loans", (1, "a", 9, False))
    assert found(state, "a", 0) == [(2, "a", 9, False), (1, "a", 9, False)]
    draft.undo()
    assert state.snapshot() == before and found(state, "b", 0) == []
    assert found(state.insert("loans", (3, "b", 9, False)), "b", 0) == [(3, "b", 9, False)]


def test_a_row_whose_time_is_put_off_is_found_below_rows_that_are_over():
    state = State.empty([COLUMNS])
    for number in range(50):
        state = state.insert("loans", (number, "a", 5, False))
    state = state.replace("loans", (7, "a", 5, False), (7, "a", 50, False))
    assert found(state, "a", 10) == [(7, "a", 50, False)]

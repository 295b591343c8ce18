"""Lets without `where`, aggregates, ordered lists and pages."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

import openapi
from openapi.decision.order import certainly_less

HEAD = """openapi: 3.1.0
info: {title: Shop, version: '1'}
x-envelope: {code: /code, data: /data, body: {}}
x-state:
  things:
    key: [id]
    row:
      required: [price]
      properties: {id: {type: integer}, price: {type: [integer, 'null']}, name: {type: string}, weight: {type: number}}
"""
PATH = """paths:
  /things:
    get:
      operationId: list
      parameters:
        - {name: sort, in: query, schema: {type: string}}
        - {name: skip, in: query, schema: {type: integer}}
        - {name: take, in: query, schema: {type: integer}}
      x-let:
%s
      x-outcomes:
        - {code: 1, malformed: [skip, take]}
%s
"""
THINGS = [(1, 30, "a"), (2, 10, "b"), (3, 20, "c"), (4, 20, "d"), (5, 20, "e"), (6, 5, "f")]


def load(tmp_path, lets, rows, head=HEAD):
    text = head + PATH % ("\n".join(f"        {each}" for each in lets), "\n".join(f"        - {each}" for each in rows))
    file = tmp_path / "shop.yaml"
    file.write_text(text)
    return openapi.load(file)


def state_of(contract, things=THINGS):
    rows = "\n".join(
        f"  - {{id: {key}, price: {'null' if price is None else price}, name: {name}, weight: 0.1}}"
        for key, price, name in things
    )
    world = f"things:\n{rows}\n" if things else "{}\n"
    return openapi.read_world(openapi.parse_document(world, "world.yaml"), contract, 10**12)


def answer(contract, things=THINGS, **raw):
    world = state_of(contract, things)
    return openapi.decide(contract.operations["list"], raw, world.state, world.now, random.Random(0))


def differences(contract, data, things=THINGS, **raw):
    world = state_of(contract, things)
    operation = contract.operations["list"]
    return openapi.permitted(operation, raw, world.state, world.now).accept(operation.success, data).differences


def problems(tmp_path, lets, rows, head=HEAD):
    with pytest.raises(openapi.ContractError) as found:
        load(tmp_path, lets, rows, head)
    return "\n".join(map(str, found.value.problems))


def test_all_and_last_without_where_have_every_row(tmp_path):
    lets = ["every: {all: things}", "again: {all: things, where: {}}", "newest: {last: things}"]
    contract = load(tmp_path, lets, ["{code: 0, data: {n: size(every), m: size(again), newest: newest.id}}"])
    assert answer(contract).data == {"n": 6, "m": 6, "newest": 6}
    assert answer(contract, things=[]).data == {"n": 0, "m": 0, "newest": None}


def test_find_wants_a_where(tmp_path):
    assert "shop.yaml:19: where is missing" in problems(tmp_path, ["it: {find: things, where: {}}"], ["{code: 0}"])


def test_a_let_of_every_row_meets_every_change_of_the_table(tmp_path):
    contract = load(tmp_path, ["every: {all: things}", "total: {sum: row.price, of: every}"], ["{code: 0, data: total}"])
    world = state_of(contract)
    seen = openapi.permitted(contract.operations["list"], {}, world.state, world.now)
    assert openapi.footprint([seen]).reads == [("things", {})]


AGGREGATES = [
    "every: {all: things}",
    "dear: {all: things, if: row.price >= 20}",
    "total: {sum: row.price, of: every}",
    "least: {min: row.price, of: every}",
    "most: {max: row.price, of: every}",
    "some: {exists: row.price > 25, of: every}",
    "ids: {list: row.id, of: every, if: row.price == 20}",
    "two: {sum: row.price * 2, of: dear}",
    "chosen: {all: things, if: row.price < most && row.price > least}",
]
TOTALS = "{code: 0, data: {total: total, least: least, most: most, some: some, ids: ids, two: two, chosen: size(chosen)}}"


def test_aggregates_over_rows(tmp_path):
    contract = load(tmp_path, AGGREGATES, [TOTALS])
    found = answer(contract).data
    assert {**found, "ids": sorted(found["ids"])} == {
        **{"total": 105, "least": 5, "most": 30, "some": True, "ids": [3, 4, 5], "two": 180, "chosen": 4},
    }
    assert answer(contract, things=[]).data == {
        **{"total": 0, "least": None, "most": None, "some": False, "ids": [], "two": 0, "chosen": 0},
    }


def test_the_suite_compares_aggregates_but_not_the_order_of_their_lists(tmp_path):
    contract = load(tmp_path, AGGREGATES, [TOTALS])
    right = answer(contract).data
    for ids in permutations(right["ids"]):
        assert differences(contract, {**right, "ids": list(ids)}) == []
    for name, wrong in {"total": 104, "least": 6, "most": 29, "some": False, "ids": [3, 4, 4], "two": 0}.items():
        assert len(differences(contract, {**right, name: wrong})) == 1


def test_the_sum_of_fractions_may_be_added_up_in_any_order(tmp_path):
    contract = load(tmp_path, ["every: {all: things}", "all: {sum: row.weight, of: every}"], ["{code: 0, data: all}"])
    assert differences(contract, 0.6) == differences(contract, 0.1 * 6) == []
    assert differences(contract, 0.7) != []


def test_a_rule_depends_on_the_rows_of_an_aggregate(tmp_path):
    lets = ["every: {all: things}", "total: {sum: row.price, of: every}", "least: {min: row.price, of: every}"]
    contract = load(tmp_path, lets, ["{code: 2, missing: least}", "{code: 3, when: total > 100}", "{code: 0}"])
    assert [answer(contract, things=each).outcome for each in ([], THINGS, THINGS[:1])] == ["list/2", "list/3", "list/0"]
    assert "total is 105" in answer(contract).reasons()[-1]


def test_an_aggregate_of_an_aggregate_leaves_the_row_of_the_outer_one_alone(tmp_path):
    lets = ["every: {all: things}", "total: {sum: row.price, of: every}", "some: {list: '[total, row.price]', of: every}"]
    contract = load(tmp_path, lets, ["{code: 0, data: some}"])
    assert sorted(answer(contract).data) == [[105, 5], [105, 10], [105, 20], [105, 20], [105, 20], [105, 30]]


@pytest.mark.parametrize(
    ("let", "said"),
    [
        ("{sum: row.name, of: every}", "a sum is of numbers"),
        ("{sum: row.price, of: evry}", "did you mean every?"),
        ("{sum: row.price, of: sort}", "sort is not a let of all rows, and no array"),
        ("{exists: row.price, of: every}", "not true or false"),
        ("{sum: row.cost, of: every}", "row has no column cost"),
        ("{sum: row.price}", "x-let"),
        ("{sum: row.price, of: every, where: {id: 1}}", "x-let"),
    ],
)
def test_an_aggregate_is_checked_when_the_contract_is_loaded(tmp_path, let, said):
    assert said in problems(tmp_path, ["every: {all: things}", f"total: {let}"], ["{code: 0, data: total}"])


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("every.map(r, r.id)", "{list: row.id, of: every}"),
        ("every.exists(r, r.n > 1)", "{exists: row.n > 1, of: every}"),
        ("every[0].id", "{list: row.id, of: every}"),
    ],
)
def test_a_macro_over_columns_of_rows_says_what_to_write(tmp_path, expression, hint):
    assert hint in problems(tmp_path, ["every: {all: things}"], [f"{{code: 0, data: '{expression}'}}"])
    assert load(tmp_path, ["every: {all: things}"], ["{code: 0, data: 'size(every) > 0 || every.exists(r, r == sort)'}"])


def test_rows_times_a_long_list_are_too_much_work(tmp_path):
    lets = ["every: {all: things}", "ids: {list: row.id, of: every}", "both: {exists: row.id in ids, of: every}"]
    contract = load(tmp_path, lets, ["{code: 0, data: both}"])
    assert answer(contract).data is True
    with pytest.raises(openapi.ExecutionError, match=r"shop.yaml:21: it may take .* steps"):
        answer(contract, things=[(number, 1, "x") for number in range(1500)])

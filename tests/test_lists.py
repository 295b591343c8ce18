"""Lets without `where`, aggregates, ordered lists and pages."""

from __future__ import annotations

import json
import random
from itertools import permutations

import pytest

import openapi
from contracts import Reply
from contracts.http.wire import Request
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import UNEXPLAINED, VERIFIED, VIOLATION
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


def test_numbers_in_a_list_are_no_booleans(tmp_path):
    contract = load(tmp_path, ["every: {all: things}", "found: {list: row.price > 25, of: every}"], ["{code: 0, data: found}"])
    assert differences(contract, [True], THINGS[:1]) == []
    assert len(differences(contract, [1], THINGS[:1])) == 1


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


PAGE = [
    "every: {all: things}",
    "page: {all: things, order: [-price, name], skip: skip, take: take}",
]
ROW = "{code: 0, data: {total: size(every), list: {each: page, item: {id: row.id, price: row.price}}}}"
ONLY_PRICE = ["every: {all: things}", "page: {all: things, order: -price, skip: skip, take: take}"]


def reply(*ids, total=6, things=THINGS):
    prices = {key: price for key, price, _ in things}
    return {"total": total, "list": [{"id": each, "price": prices[each]} for each in ids]}


def shown(contract, things=THINGS, **raw):
    return [each["id"] for each in answer(contract, things, **raw).data["list"]]


def test_the_mock_orders_and_cuts(tmp_path):
    contract = load(tmp_path, PAGE, [ROW])
    assert shown(contract) == [1, 3, 4, 5, 2, 6]
    assert shown(contract, skip="1", take="2") == [3, 4]
    assert shown(contract, skip="5", take="2") == [6]
    assert shown(contract, skip="6", take="2") == shown(contract, take="0") == []


def test_the_mock_breaks_ties_by_key(tmp_path):
    contract = load(tmp_path, ONLY_PRICE, [ROW])
    assert shown(contract, things=[*reversed(THINGS)], take="4") == [1, 3, 4, 5]


def test_servers_that_break_ties_otherwise_are_not_accused(tmp_path):
    contract = load(tmp_path, ONLY_PRICE, [ROW])
    for ties in permutations([3, 4, 5]):
        whole = [1, *ties, 2, 6]
        assert differences(contract, reply(*whole)) == []
        for skip in range(7):
            for take in range(1, 7):
                page = whole[skip : skip + take]
                assert differences(contract, reply(*page), skip=str(skip), take=str(take)) == [], (page, skip, take)


WRONG = {
    "another direction": [6, 2, 3, 4, 5, 1],
    "no page": [1, 3, 4, 5, 2, 6],
    "the page after it": [4, 5],
    "the page before it": [1, 3],
    "another page": [2, 6],
    "a row too many": [3, 4, 5],
    "a row too few": [3],
    "no row": [],
    "a row twice": [3, 3],
}


@pytest.mark.parametrize("ids", WRONG.values(), ids=WRONG.keys())
def test_a_server_with_another_page_is_wrong(tmp_path, ids):
    contract = load(tmp_path, PAGE, [ROW])
    assert differences(contract, reply(3, 4), skip="1", take="2") == []
    assert len(differences(contract, reply(*ids), skip="1", take="2")) == 1


@pytest.mark.parametrize("ids", [[1], [2], [6], [1, 3], [5, 2], [3, 1], [2, 6]])
def test_a_page_of_ties_has_no_row_from_before_or_after_them(tmp_path, ids):
    contract = load(tmp_path, ONLY_PRICE, [ROW])
    for pair in permutations([3, 4, 5], 2):
        assert differences(contract, reply(*pair), skip="1", take="2") == []
    assert len(differences(contract, reply(*ids), skip="1", take=str(len(ids)))) == 1


def test_an_order_is_wrong_by_itself(tmp_path):
    contract = load(tmp_path, ONLY_PRICE, [ROW])
    (said,) = differences(contract, reply(3, 1, 4, 5, 2, 6))
    assert "data/list/1 is" in said and "which comes before data/list/0 (order -price" in said


def test_the_total_is_compared(tmp_path):
    contract = load(tmp_path, PAGE, [ROW])
    assert differences(contract, reply(1, 3, total=2), take="2") == ["data/total is 2, not 6"]


def test_a_row_with_a_wrong_value_is_wrong(tmp_path):
    contract = load(tmp_path, PAGE, [ROW])
    data = reply(1, 3)
    data["list"][1]["price"] = 21
    assert "data/list/1 is no row of the list" in differences(contract, data, take="2")[0]


def test_a_page_without_an_order_has_any_rows_but_the_right_number(tmp_path):
    contract = load(tmp_path, ["every: {all: things}", "page: {all: things, take: 2}"], [ROW])
    for ids in permutations(range(1, 7), 2):
        assert differences(contract, reply(*ids)) == []
    for ids in ([1], [1, 2, 3], [1, 1]):
        assert len(differences(contract, reply(*ids))) == 1


def test_a_row_without_a_value_may_be_anywhere(tmp_path):
    things = [(1, 30, "a"), (2, None, "b"), (3, 20, "c")]
    contract = load(tmp_path, ONLY_PRICE, [ROW])
    for ids in ([1, 2, 3], [2, 1, 3], [1, 3, 2]):
        assert differences(contract, reply(*ids, total=3, things=things), things) == []
        assert differences(contract, reply(*ids[:2], total=3, things=things), things, take="2") == []
    for ids in ([3, 2, 1], [2, 3, 1]):
        assert len(differences(contract, reply(*ids, total=3, things=things), things)) == 1
    assert len(differences(contract, reply(2, 3, total=3, things=things), things, take="2")) == 1


def test_rows_without_a_value_have_no_order_among_themselves(tmp_path):
    things = [(1, None, "a"), (2, None, "b")]
    contract = load(tmp_path, PAGE, [ROW])
    for ids in ([1, 2], [2, 1]):
        assert differences(contract, reply(*ids, total=2, things=things), things) == []


def test_a_time_that_nobody_knows_exactly_may_be_anywhere(tmp_path):
    contract = load(tmp_path, ONLY_PRICE, ["{code: 0, data: {list: {each: page, item: {id: row.id}}}}"])
    world = state_of(contract, [(1, 30, "a"), (2, 20, "b")])
    state = world.state.insert("things", (3, openapi.Approximate(40), "c", 0.1))
    for ids, right in {(3, 1, 2): True, (1, 3, 2): True, (1, 2, 3): True, (3, 2, 1): False}.items():
        seen = openapi.permitted(contract.operations["list"], {}, state, world.now)
        assert (seen.accept(seen.success, {"list": [{"id": each} for each in ids]}).differences == []) is right


def test_an_order_that_the_request_names(tmp_path):
    contract = load(tmp_path, ["every: {all: things}", "page: {all: things, order: [sort, id]}"], [ROW])
    assert shown(contract, sort="-price") == [1, 3, 4, 5, 2, 6]
    assert shown(contract, sort="name") == shown(contract) == [1, 2, 3, 4, 5, 6]
    assert differences(contract, reply(1, 3, 4, 5, 2, 6), sort="name") != []
    assert differences(contract, reply(1, 3, 4, 5, 2, 6), sort="-price") == []
    assert differences(contract, reply(6, 5, 4, 3, 2, 1), sort="beauty") == [], "nobody knows how to order by beauty"


def test_items_that_look_alike_are_any_of_their_rows(tmp_path):
    row = "{code: 0, data: {list: {each: page, item: {name: row.name}}}}"
    contract = load(tmp_path, ONLY_PRICE, [row])
    things = [(1, 1, "x"), (2, 2, "x"), (3, 2, "y"), (4, 3, "x"), (5, 4, "y")]  # y x {x y} x
    for names in ("yxxyx", "yxyxx"):
        assert differences(contract, {"list": [{"name": each} for each in names]}, things) == []
        for skip in range(5):
            page = {"list": [{"name": each} for each in names[skip : skip + 2]]}
            assert differences(contract, page, things, skip=str(skip), take="2") == []
    for names in ("xyxyx", "yxxxy", "yyxxx"):
        assert len(differences(contract, {"list": [{"name": each} for each in names]}, things)) == 1


@pytest.mark.parametrize(
    ("one", "other", "certain"),
    [
        ("a", "b", True),
        ("a", "B", False),
        ("B", "a", False),
        ("B", "c", True),
        ("ab", "a-c", False),
        ("a", "é", False),
        ("2024-1", "2024-2", True),
    ],
)
def test_texts_are_ordered_where_every_server_orders_them_so(one, other, certain):
    assert certainly_less(one, other) is certain


def test_what_is_made_of_a_page_is_known_where_its_rows_are(tmp_path):
    lets = [*ONLY_PRICE, "last: {min: row.id, of: page}", "ids: {list: row.id, of: page}"]
    contract = load(tmp_path, lets, ["{code: 0, data: {last: last, ids: ids}}"])
    assert answer(contract, take="2").data == {"last": 1, "ids": [1, 3]}
    assert differences(contract, {"last": 1, "ids": [1, 4]}, take="2") == []
    assert differences(contract, {"last": 1, "ids": [1, 5, 3, 4]}, take="4") == []
    assert len(differences(contract, {"last": 2, "ids": [2]}, take="1")) == 2


@pytest.mark.parametrize(
    ("lets", "row", "said"),
    [
        (["page: {all: things, order: [prize]}"], ROW, "did you mean price?"),
        (["page: {all: things, order: [skip]}"], ROW, "skip is a integer"),
        (["page: {all: things, take: sort}"], ROW, "take is a number of rows"),
        (["page: {find: things, where: {id: 1}, take: 2}"], ROW, "x-let"),
        (
            ["page: {all: things, take: 2}", "more: {all: things}"],
            "{code: 0, data: {each: page, maybe: more, item: row.id}}",
            "maybe and order",
        ),
        (["page: {all: things, take: 2}"], "{code: 0, data: [{each: page, item: row.id}, 7]}", "a list of its own"),
    ],
)
def test_an_order_is_checked_when_the_contract_is_loaded(tmp_path, lets, row, said):
    assert said in problems(tmp_path, ["every: {all: things}", *lets], [row])


LOST = """openapi: 3.1.0
info: {title: Notes, version: '1'}
x-envelope: {code: /code, data: /data, body: {}}
x-state:
  notes:
    key: [id]
    row: {required: [rank], properties: {id: {type: string}, rank: {type: integer}}}
paths:
  /notes:
    post:
      operationId: add
      parameters: [{name: rank, in: query, required: true, schema: {type: integer}}]
      responses: {'200': {description: x, content: {application/json: {schema: {}}}}}
      x-outcomes:
        - {code: 1, missing: rank}
        - {code: 2, malformed: rank}
        - {code: 0, mint: {id: uuid()}, then: [{insert: notes, row: {id: id, rank: rank}}], data: {id: id}}
    get:
      operationId: list
      responses: {'200': {description: x, content: {application/json: {schema: {}}}}}
      x-let: {every: {all: notes}, top: {all: notes, order: -rank, take: 2}, sum: {sum: row.rank, of: every}}
      x-outcomes: [{code: 0, data: {total: size(every), sum: sum, list: {each: top, item: {id: row.id, rank: row.rank}}}}]
"""
NOTES = "notes: [{id: a, rank: 5}, {id: b, rank: 4}, {id: c, rank: 3}]"


def judged(tmp_path, data, rank=None):
    """The verdict on a list, after a request to add a note whose reply was lost."""
    (tmp_path / "notes.yaml").write_text(LOST)
    contract = openapi.load(tmp_path / "notes.yaml")
    oracle = Oracle(contract, openapi.read_world(openapi.parse_document(NOTES, "world.yaml"), contract, 10**12))
    if rank is not None:
        oracle.judge_lost_reply(Request("add", "POST", "/notes", query=[("rank", str(rank))]), 0, 1, "no reply")
    body = json.dumps({"code": 0, "data": data}).encode()
    return oracle.judge(Request("list", "GET", "/notes"), Reply(200, {"content-type": "application/json"}, body)).verdict.kind


def data_of(*notes, total, added):
    return {"total": total, "sum": added, "list": [{"id": name, "rank": rank} for name, rank in notes]}


def test_a_page_after_a_lost_reply_accuses_nobody(tmp_path):
    before, after = data_of(("a", 5), ("b", 4), total=3, added=12), data_of(("x1", 9), ("a", 5), total=4, added=21)
    assert judged(tmp_path, before) == judged(tmp_path, before, 9) == VERIFIED
    assert judged(tmp_path, after) == VIOLATION
    assert judged(tmp_path, after, 9) in (VERIFIED, UNEXPLAINED)


def test_a_wrong_page_is_a_violation(tmp_path):
    for wrong in (
        data_of(("b", 4), ("a", 5), total=3, added=12),
        data_of(("b", 4), ("c", 3), total=3, added=12),
        data_of(("a", 5), ("b", 4), ("c", 3), total=3, added=12),
        data_of(("a", 5), ("b", 4), total=2, added=12),
        data_of(("a", 5), ("b", 4), total=3, added=9),
    ):
        assert judged(tmp_path, wrong) == VIOLATION


def test_a_number_of_rows_of_which_some_are_doubtful_accuses_nobody(tmp_path):
    text = LOST.replace("size(every), sum: sum, list: {each: top, item: {id: row.id, rank: row.rank}}", "size(every)")
    text = text.replace(", top: {all: notes, order: -rank, take: 2}, sum: {sum: row.rank, of: every}", "")
    (tmp_path / "notes.yaml").write_text(text)
    contract = openapi.load(tmp_path / "notes.yaml")
    oracle = Oracle(contract, openapi.read_world(openapi.parse_document(NOTES, "world.yaml"), contract, 10**12))
    oracle.keep_states(1, 1)
    oracle.judge_lost_reply(Request("add", "POST", "/notes", query=[("rank", "9")]), 0, 1, "no reply")
    for total in (3, 4):
        body = json.dumps({"code": 0, "data": {"total": total}}).encode()
        judgement = oracle.judge(Request("list", "GET", "/notes"), Reply(200, {"content-type": "application/json"}, body))
        assert judgement.verdict.kind in (VERIFIED, UNEXPLAINED)

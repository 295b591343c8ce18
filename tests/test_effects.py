"""Effects once per item, upserts, the outcomes of items, and phases as columns."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

import openapi

SHOP = """openapi: 3.1.0
info: {title: Shop, version: '1'}
x-envelope: {code: /code, data: /data, body: {}}
x-state:
  products:
    key: [sku]
    row: {required: [price], properties: {sku: {type: string}, price: {type: integer}, stock: {type: integer, default: 9}}}
  lines:
    key: [cart, sku]
    row:
      required: [count]
      properties:
        {cart: {type: string}, sku: {type: string}, count: {type: integer}, price: {type: integer}, note: {type: string}}
paths:
  /cart:
    post:
      operationId: fill
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                cart: {type: string}
                items:
                  type: array
                  items: {$ref: '#/components/schemas/Item'}
                skus: {type: array, items: {type: string}}
      responses: {'200': {description: x}}
      x-let:
        every: {all: lines}
        wanted: {sum: item.count, of: items}
        names: {list: item.sku, of: items}
      x-outcomes:
        - {code: 1, malformed: [cart, items, skus]}
        - ROW
components:
  schemas:
    Item: {type: object, properties: {sku: {type: string}, count: {type: integer}, note: {type: string}}}
"""
WORLD = """
products:
  - {sku: a, price: 10}
  - {sku: b, price: 20}
lines:
  - {cart: old, sku: a, count: 1, price: 10, note: keep}
"""
EACH = "{each: items, let: {p: {find: products, where: {sku: item.sku}}}, %s}"
INSERT = EACH % "insert: lines, row: {cart: cart, sku: item.sku, count: item.count, price: p.price}"
UPSERT = "{each: items, upsert: lines, row: {cart: cart, sku: item.sku, count: item.count}}"


def load(tmp_path, row, text=SHOP):
    file = tmp_path / "shop.yaml"
    file.write_text(text.replace("ROW", row))
    return openapi.load(file)


def world_of(contract):
    return openapi.read_world(openapi.parse_document(WORLD, "world.yaml"), contract, 10**12)


def decided(contract, **raw):
    world = world_of(contract)
    return openapi.decide(contract.operations["fill"], raw, world.state, world.now, random.Random(0))


def lines(decision):
    return {(row["cart"], row["sku"]): (row["count"], row["price"], row["note"]) for row in decision.state.rows("lines")}


def suite(contract, **raw):
    world = world_of(contract)
    operation = contract.operations["fill"]
    return openapi.permitted(operation, raw, world.state, world.now)


def items(*pairs):
    return [{"sku": sku, "count": count} for sku, count in pairs]


def problems(tmp_path, row, text=SHOP):
    with pytest.raises(openapi.ContractError) as found:
        load(tmp_path, row, text)
    return "\n".join(map(str, found.value.problems))


def test_an_effect_once_per_item_with_a_let_of_the_item(tmp_path):
    contract = load(tmp_path, f"{{code: 0, then: [{INSERT}]}}")
    after = decided(contract, cart="c", items=items(("a", 2), ("b", 3), ("x", 4)))
    assert lines(after) == {
        **{("old", "a"): (1, 10, "keep"), ("c", "a"): (2, 10, None), ("c", "b"): (3, 20, None), ("c", "x"): (4, None, None)},
    }
    assert len(lines(decided(contract, cart="c", items=[]))) == len(lines(decided(contract, cart="c"))) == 1


def test_the_suite_applies_the_effects_of_each_item(tmp_path):
    contract = load(tmp_path, f"{{code: 0, then: [{INSERT}]}}")
    raw = {"cart": "c", "items": items(("a", 2), ("b", 3))}
    seen = suite(contract, **raw)
    state = seen.accept(seen.success, None).state
    assert state.snapshot() == decided(contract, **raw).state.snapshot()
    found = openapi.footprint([seen])
    assert {key for _, key, _ in found.writes} == {("c", "a"), ("c", "b")}
    assert ("products", {}) in found.reads


def test_an_effect_that_fails_for_one_item_changes_nothing(tmp_path):
    contract = load(tmp_path, f"{{code: 0, then: [{INSERT}]}}")
    world = world_of(contract)
    before = world.state.snapshot()
    with pytest.raises(openapi.ExecutionError, match="already has a row"):
        openapi.decide(
            contract.operations["fill"], {"cart": "c", "items": items(("a", 1), ("b", 1), ("a", 2))}, world.state, 0, None
        )
    assert world.state.snapshot() == before


def test_when_and_unless_see_the_item(tmp_path):
    effect = EACH % "when: item.count > 1, unless: p.price > 10, insert: lines, row: {cart: cart, sku: item.sku, count: 0}"
    contract = load(tmp_path, f"{{code: 0, then: [{effect}]}}")
    after = lines(decided(contract, cart="c", items=items(("a", 1), ("b", 2), ("x", 3))))
    assert after.keys() == {("old", "a"), ("c", "x")}


def test_an_absent_part_of_an_item_is_not_present(tmp_path):
    effect = "{each: items, when: item.count > 0, insert: lines, row: {cart: cart, sku: item.sku, count: 0, note: item.note}}"
    contract = load(tmp_path, f"{{code: 0, then: [{effect}]}}")
    after = lines(decided(contract, cart="c", items=[{"sku": "a"}, {"sku": "b", "count": 1}]))
    assert after == {("old", "a"): (1, 10, "keep"), ("c", "b"): (0, None, None)}


@pytest.mark.parametrize("each", ["skus", "names"])
def test_items_that_are_texts(tmp_path, each):
    effect = f"{{each: {each}, insert: lines, row: {{cart: cart, sku: item, count: 1}}}}"
    contract = load(tmp_path, f"{{code: 0, then: [{effect}]}}")
    after = lines(decided(contract, cart="c", skus=["a", "b"], items=items(("a", 1), ("b", 1))))
    assert after.keys() == {("old", "a"), ("c", "a"), ("c", "b")}


def test_aggregates_of_items(tmp_path):
    contract = load(tmp_path, "{code: 0, data: {n: wanted, names: names}}")
    assert decided(contract, items=items(("a", 2), ("b", 3))).data == {"n": 5, "names": ["a", "b"]}
    assert decided(contract).data == {"n": None, "names": None}


def test_an_effect_for_each_row_of_a_let(tmp_path):
    contract = load(tmp_path, "{code: 0, then: [{each: every, update: products, where: {sku: row.sku}, set: {stock: 0}}]}")
    assert {row["sku"]: row["stock"] for row in decided(contract).state.rows("products")} == {"a": 0, "b": 9}


def test_a_delete_of_every_row(tmp_path):
    contract = load(tmp_path, "{code: 0, then: [{delete: lines, where: {}}]}")
    assert lines(decided(contract)) == {}


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ("{each: items, insert: lines, row: {cart: cart, sku: item.skuu, count: 1}}", "did you mean sku?"),
        ("{each: items, insert: lines, row: {cart: cart, sku: item, count: 1}}", "item is a row, not a value"),
        ("{each: items, insert: lines, row: {cart: cart, sku: item.count, count: 1}}", "lines.sku is a string"),
        (
            "{each: cart, insert: lines, row: {cart: cart, sku: item.sku, count: 1}}",
            "cart is not a let of all rows, and no array",
        ),
        ("{let: {p: {find: lines, where: {sku: cart}}}, delete: lines, where: {}}", "let is for an effect with each"),
        ("{each: items, let: {every: {all: lines}}, delete: lines, where: {}}", "every is another name already"),
        ("{upsert: lines, row: {cart: cart, sku: cart}}", "the row has no count"),
    ],
)
def test_an_effect_is_checked_when_the_contract_is_loaded(tmp_path, effect, said):
    assert said in problems(tmp_path, f"{{code: 0, then: [{effect}]}}")


def test_an_upsert_inserts_or_sets_the_given_columns(tmp_path):
    contract = load(tmp_path, f"{{code: 0, then: [{UPSERT}]}}")
    raw = {"cart": "old", "items": items(("a", 5), ("b", 1), ("b", 2))}
    after = decided(contract, **raw)
    assert lines(after) == {("old", "a"): (5, 10, "keep"), ("old", "b"): (2, None, None)}
    assert [(each.before is None, each.after is None) for each in after.changes] == [
        (False, False),
        (True, False),
        (False, False),
    ]
    seen = suite(contract, **raw)
    assert seen.accept(seen.success, None).state.snapshot() == after.state.snapshot()


def test_an_upsert_without_a_part_of_its_key_fails(tmp_path):
    contract = load(tmp_path, f"{{code: 0, then: [{UPSERT}]}}")
    with pytest.raises(openapi.ExecutionError, match="lines: a row without sku cannot be upserted"):
        decided(contract, cart="c", items=[{"sku": "a", "count": 1}, {"count": 1}])


OUTCOMES = """code: 0
          data:
            each: items
            let: {p: {find: products, where: {sku: item.sku}}}
            outcomes:
              - {missing: item.sku, item: {error: 'no sku'}}
              - {missing: p, item: {sku: item.sku, error: unknown}}
              - {when: item.count > p.stock, item: {sku: item.sku, error: few}}
              - {item: {sku: item.sku, price: p.price * item.count}}"""
OUTCOMES = OUTCOMES.replace("'no sku'", "\"'nothing'\"").replace("unknown", "\"'unknown'\"").replace("few", "\"'few'\"")
SENT = [{"count": 1}, *items(("x", 1), ("a", 10), ("b", 2))]
GIVEN = [
    *({"error": "nothing"}, {"sku": "x", "error": "unknown"}),
    *({"sku": "a", "error": "few"}, {"sku": "b", "price": 40}),
]


def test_each_item_has_an_outcome_of_its_own(tmp_path):
    contract = load(tmp_path, OUTCOMES)
    assert decided(contract, items=SENT).data == GIVEN
    assert decided(contract).data == []


def test_the_suite_compares_the_outcomes_of_items_in_any_order(tmp_path):
    contract = load(tmp_path, OUTCOMES)
    seen = suite(contract, items=SENT)
    for data in permutations(GIVEN):
        assert seen.accept(seen.success, [*data]).differences == []
    for wrong in (
        GIVEN[:3],
        [*GIVEN, GIVEN[0]],
        [*GIVEN[:3], {"sku": "b", "price": 41}],
        [*GIVEN[:3], {"sku": "b", "error": "few"}],
    ):
        assert len(seen.accept(seen.success, wrong).differences) >= 1


def test_a_list_of_items_with_one_template(tmp_path):
    contract = load(tmp_path, "{code: 0, data: {list: {each: skus, item: {name: item}}}}")
    assert decided(contract, skus=["a", "b"]).data == {"list": [{"name": "a"}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{missing: p, ", "{missing: q, ", "unknown name q"),
        ("{missing: item.sku, ", "{missing: item.sk, ", "did you mean sku?"),
        ("{missing: p, ", "{", "only the last of these outcomes has no condition"),
    ],
)
def test_the_outcomes_of_items_are_checked_when_the_contract_is_loaded(tmp_path, old, new, said):
    assert said in problems(tmp_path, OUTCOMES.replace(old, new))

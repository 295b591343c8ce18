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


ORDERS = """openapi: 3.1.0
info: {title: Orders, version: '1'}
x-envelope: {code: /code, data: /data, body: {}}
x-state:
  orders:
    key: [id]
    row: {properties: {id: {type: string}, paid: {type: integer}, until: {type: integer}, sent: {type: boolean, default: false}}}
    phases: {shipped: row.sent, paid: row.paid > 0, expired: row.until <= now, created: 'true || now > 0'}
    moves: {created: [paid, cancelled], paid: [shipped], shipped: []}
paths:
  /orders/{id}/ship:
    post:
      operationId: ship
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      x-let: {order: {find: orders, where: {id: id}}, open: {all: orders, if: "row.phase == 'paid'"}}
      x-outcomes:
        - {code: 404, missing: order}
        - {code: 409, when: "!('shipped' in order.moves)"}
        - code: 0
          then: [{update: orders, where: {id: id}, if: "row.phase == 'paid'", set: {sent: true}}]
          data: {phase: order.phase, moves: order.moves, open: size(open), list: {each: open, item: row.phase}}
""".replace("moves: {created: [paid, cancelled]", "moves: {created: [paid]")
PHASES = """
orders:
  - {id: new}
  - {id: late, until: 5}
  - {id: paid, paid: 7}
  - {id: sent, paid: 7, sent: true}
"""


def ship(contract, **raw):
    world = openapi.read_world(openapi.parse_document(PHASES, "world.yaml"), contract, 10**12)
    return openapi.decide(contract.operations["ship"], raw, world.state, world.now, random.Random(0))


def test_expressions_read_the_phase_and_the_moves_of_a_row(tmp_path):
    contract = load(tmp_path, "", ORDERS)
    found = {each: ship(contract, id=each) for each in ("new", "late", "paid", "sent", "none")}
    assert {each: decision.rule.code for each, decision in found.items()} == {
        **{"new": 409, "late": 409, "paid": 0, "sent": 409, "none": 404},
    }
    assert found["paid"].data == {"phase": "paid", "moves": ["shipped"], "open": 1, "list": ["paid"]}
    assert found["paid"].changes[0].after[-1] is True


def test_a_column_of_its_own_comes_before_the_phase(tmp_path):
    text = ORDERS.replace("id: {type: string}, paid", "phase: {type: string, default: mine}, id: {type: string}, paid")
    contract = load(tmp_path, "", text.replace("\"row.phase == 'paid'\"", "\"row.phase == 'mine'\""))
    assert ship(contract, id="paid").data["phase"] == "mine"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("paid: [shipped]", "paid: [shiped]", "orders.yaml:9: unknown phase shiped (did you mean shipped?)"),
        ("created: [paid]", "crated: [paid]", "unknown phase crated"),
        ("'paid'\"}}", "'payed'\"}}", "'payed' is no phase of row (did you mean paid?)"),
        ("'shipped' in order", "'x' in order", "'x' is no phase of order"),
        ("'shipped' in order.moves", "order.phase in ['paid', 'y']", "'y' is no phase of order"),
        ("phases: {", "x-phases: {", "phases"),
        ("paid: row.paid > 0", "paid: row.pad > 0", "row has no column pad"),
        ("data: {phase", "data: {p: order.pase, phase", "order has no column pase"),
    ],
)
def test_phases_are_checked_when_the_contract_is_loaded(tmp_path, old, new, said):
    assert said.replace("orders.yaml", "shop.yaml") in problems(tmp_path, "", ORDERS.replace(old, new, 1))


def test_moves_are_between_phases(tmp_path):
    text = "\n".join(line for line in ORDERS.splitlines() if "phases:" not in line)
    assert "moves are between phases" in problems(tmp_path, "", text)


def test_the_diagram_of_phases_stays(tmp_path):
    contract = load(tmp_path, "", ORDERS)
    world = openapi.read_world(openapi.parse_document(PHASES, "world.yaml"), contract, 10**12)
    found = openapi.transitions(contract, "orders", world.state, world.now)
    assert [(each.before, each.after, each.cause) for each in found] == [("paid", "shipped", "ship")]


def notes(tmp_path, effect, lets="", rows=""):
    text = SHOP.replace("        every: {all: lines}\n", f"        every: {{all: lines}}\n{lets}").replace(
        "        - ROW", f"{rows}        - ROW"
    )
    return [
        each.partition(": ")[2] for each in load(tmp_path, f"{{code: 0, mint: {{new: uuid()}}, then: [{effect}]}}", text).notes
    ]


CART = "{insert: lines, row: {cart: cart, sku: %s, count: 1}}"
FOUND = "        line: {find: lines, where: {cart: cart, sku: '\"a\"'}}\n"
KEY = "'\"a\"'"
NO_CART = "        - {code: 2, missing: cart}\n"
EXISTS = "the insert into lines fails where a row with its cart, sku exists (use upsert, or add a row for it)"
MAY_BE_NULL = "the insert into lines has the key part cart, and cart may be null (add a row with missing: cart, or a default)"


def test_an_insert_that_may_fail_is_noted(tmp_path):
    assert notes(tmp_path, CART % KEY) == [EXISTS, MAY_BE_NULL]
    assert notes(tmp_path, CART % KEY, rows=NO_CART) == [EXISTS]
    assert notes(tmp_path, CART % "every2", "        every2: {max: row.sku, of: every}\n", NO_CART) == [EXISTS]


def test_an_insert_that_cannot_fail_is_not_noted(tmp_path):
    for fresh in ("new", "uuid()", "'\"x\" + uuid()'"):
        assert notes(tmp_path, CART % fresh, rows=NO_CART) == []
    refusal = NO_CART + "        - {code: 3, when: line.count >= 0}\n"
    assert notes(tmp_path, CART % KEY, FOUND, refusal) == []
    condition = "        mine: {all: lines, where: {cart: cart}}\n        has: {exists: row.sku == 'a', of: mine}\n"
    guarded = f"{{unless: has, insert: lines, row: {{cart: cart, sku: {KEY}, count: 1}}}}"
    assert notes(tmp_path, guarded, condition, NO_CART) == []
    assert notes(tmp_path, CART.replace("insert", "upsert") % KEY, rows=NO_CART) == []
    deleted = f"{{delete: lines, where: {{cart: cart}}}}, {CART % KEY}"
    assert notes(tmp_path, deleted, rows=NO_CART) == []


def test_a_nullable_column_in_a_key_is_noted(tmp_path):
    lets = "        newest: {last: lines}\n"
    effect = "{insert: lines, row: {cart: newest.note, sku: uuid(), count: 1}}"
    said = "the insert into lines has the key part cart, and newest.note may be null (require the column, or give it a default)"
    assert notes(tmp_path, effect, lets) == [said]
    assert notes(tmp_path, effect.replace("newest.note", "newest.cart"), lets) == []


def test_the_footprint_of_a_loop_is_not_that_of_its_last_item(tmp_path):
    refused = EACH % "when: p.price > 100 && wanted > 0, insert: lines, row: {cart: cart, sku: item.sku, count: 1}"
    contract = load(tmp_path, f"{{code: 5, when: size(names) > 5}}\n        - {{code: 0, then: [{refused}]}}")
    assert ("products", {}) in openapi.footprint([suite(contract, cart="c", items=items(("a", 1), ("b", 1)))]).reads


def test_the_footprint_of_a_body_has_the_tables_of_its_items(tmp_path):
    body = "{each: items, let: {p: {find: products, where: {sku: item.sku}}}, item: p.price}"
    contract = load(tmp_path, f"{{code: 0, body: {{prices: {body}}}}}")
    assert ("products", {}) in openapi.footprint([suite(contract, items=items(("a", 1)))]).reads


def test_a_let_of_every_row_has_no_deleted_ones(tmp_path):
    contract = load(tmp_path, "{code: 0, then: [{delete: lines, where: {cart: cart}}], data: size(every)}")
    after = decided(contract, cart="old").state
    assert openapi.decide(contract.operations["fill"], {"cart": "x"}, after, 0, random.Random(0)).data == 0
    assert [*after.rows("lines")] == []

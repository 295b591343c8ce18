"""Candidate requests: values in the form of their parameter, whole rows, examples, times near now, numbers that are compared."""

from __future__ import annotations

import json
import random

import pytest

import openapi
from contracts.generate.choices import Seeded
from contracts.generate.draw import Drawer, KnownRows
from contracts.judge.situations import branches

NOW = 1_800_000_000_000
SECRET = "A" * 64


def operation(tmp_path, *, rows, tables=None, parameters=(), body=None, lets=None, body_more=None):
    """The only operation of a contract."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "x-envelope": {"code": "/code"},
        "x-state": {
            name: {"key": key, "row": {"properties": {column: {"type": kind} for column, kind in columns.items()}}}
            for name, (key, columns) in (tables or {}).items()
        },
        "x-let": lets or {},
    }
    one = {"operationId": "a", "parameters": list(parameters), "responses": {"200": {"description": "ok"}}, "x-outcomes": rows}
    if body is not None:
        schema = {"type": "object", "required": list(body), "properties": body}
        one["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema, **(body_more or {})}}}
    document["paths"] = {"/a": {"post": one}}
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document))
    contract = openapi.load(file)

    def state(**world):
        found = openapi.parse_document(json.dumps(world), "world.json")
        return openapi.read_world(found, contract, NOW).state

    return contract.operations["a"], state


def query(name, kind="string", required=True, **more):
    return {"name": name, "in": "query", "required": required, "schema": {"type": kind}, **more}


def reached(operation, state):
    return {outcome.partition("/")[2] for outcome in openapi.witnesses(operation, state, NOW)}


STOCK = {"stock": (["id"], {"id": "integer", "count": "integer", "open": "boolean"})}


def test_values_of_rows_have_the_type_of_a_json_body_and_are_texts_elsewhere(tmp_path):
    rows = [{"code": 1, "missing": ["id", "open"]}, {"code": 2, "malformed": ["id", "open"]}, {"code": 3, "missing": "it"}]
    lets = {"it": {"find": "stock", "where": {"id": "id"}, "if": "row.open == open"}}
    world = {"stock": [{"id": 4321, "count": 1, "open": True}]}
    kinds = {"id": {"type": "integer"}, "open": {"type": "boolean"}}
    inside, state = operation(tmp_path, rows=[*rows, {"code": 0}], tables=STOCK, lets=lets, body=kinds)
    assert openapi.witnesses(inside, state(**world), NOW)["a/0"] == {"id": 4321, "open": True}
    parameters = [query("id", "integer"), query("open", "boolean")]
    outside, state = operation(tmp_path, rows=[*rows, {"code": 0}], tables=STOCK, lets=lets, parameters=parameters)
    assert openapi.witnesses(outside, state(**world), NOW)["a/0"] == {"id": "4321", "open": "true"}


SIGNED = {
    "clients": (["id"], {"id": "string", "secret": "string"}),
    "nonces": (["id", "nonce"], {"id": "string", "nonce": "string"}),
}
SIGNED_LETS = {
    "client": {"find": "clients", "where": {"id": "id"}},
    "signed": {"find": "clients", "where": {"id": "id", "secret": "sign"}},
    "used": {"find": "nonces", "where": {"id": "id", "nonce": "nonce"}},
}
SIGNED_ROWS = [
    {"code": 1, "missing": ["id", "sign"]},
    {"code": 2, "missing": "client"},
    {"code": 3, "missing": "signed"},
    {"code": 4, "when": "used.nonce == nonce"},
    {"code": 0},
]


def signed(tmp_path):
    parameters = [query("id"), query("sign"), query("nonce", required=False)]
    return operation(tmp_path, rows=SIGNED_ROWS, tables=SIGNED, lets=SIGNED_LETS, parameters=parameters)


SIGNED_WORLD = {
    "clients": [{"id": "one", "secret": "s1"}, {"id": "two", "secret": "s2"}],
    "nonces": [{"id": "two", "nonce": "n2"}],
}


def test_a_row_gives_all_the_values_of_a_look_up_that_shares_some_with_another(tmp_path):
    one, state = signed(tmp_path)
    found = openapi.witnesses(one, state(**SIGNED_WORLD), NOW)
    assert found["a/4"] == {"id": "two", "sign": "s2", "nonce": "n2"}
    assert "a/0" in found


def test_a_walk_draws_whole_rows_too(tmp_path):
    one, state = signed(tmp_path)
    world = state(**SIGNED_WORLD)
    drawer, known = Drawer(one, world, NOW), KnownRows.of(world, NOW)
    raws = [drawer.raw(known, NOW, Seeded(f"{number}")) for number in range(200)]
    answers = [openapi.decide(one, raw, world, NOW, random.Random(1)).outcome for raw in raws]
    assert answers.count("a/0") > 20
    assert "a/4" in answers


def test_candidates_are_different(tmp_path):
    one, state = signed(tmp_path)
    raws = [json.dumps(each.raw, sort_keys=True) for each in openapi.classified(one, state(**SIGNED_WORLD), NOW)]
    assert len(raws) == len(set(raws))


@pytest.mark.parametrize(
    "more",
    [
        {"example": SECRET},
        {"examples": {"good": {"value": SECRET}, "other": {"value": "B" * 64}}},
        {"example": SECRET, "schema": {"type": "string", "pattern": "^[A-Z]{64}$"}},
    ],
)
def test_the_example_of_a_parameter_is_tried_first(tmp_path, more):
    rows = [{"code": 1, "missing": "sign"}, {"code": 2, "malformed": "sign"}, {"code": 3, "when": f"sign != '{SECRET}'"}]
    parameter = query("sign", **{"schema": {"type": "string", "minLength": 1}, **more})
    one, state = operation(tmp_path, rows=[*rows, {"code": 0}], parameters=[parameter])
    assert next(openapi.classified(one, state(), NOW)).raw == {"sign": SECRET}


def test_the_example_of_a_schema_wins(tmp_path):
    parameter = query("sign", schema={"type": "string", "example": "mine"}, example="other")
    one, _ = operation(tmp_path, rows=[{"code": 1, "missing": "sign"}, {"code": 0}], parameters=[parameter])
    assert one.parameters[0].schema["example"] == "mine"


@pytest.mark.parametrize("more", [{"example": {"a": "x", "n": 5}}, {"examples": {"one": {"value": {"a": "x", "n": 5}}}}])
def test_the_example_of_a_body_is_spread_over_its_properties(tmp_path, more):
    rows = [{"code": 1, "missing": ["a", "n"]}, {"code": 2, "malformed": ["a", "n"]}, {"code": 0}]
    body = {"a": {"type": "string"}, "n": {"type": "integer"}}
    one, state = operation(tmp_path, rows=rows, body=body, body_more=more)
    assert next(openapi.classified(one, state(), NOW)).raw == {"a": "x", "n": 5}


@pytest.mark.parametrize(
    "rows",
    [
        [{"code": 3, "when": "t < now - 300000 || t > now + 300000"}],
        [{"code": 3, "when": "t < now / 1000 - 300"}, {"code": 4, "when": "t > now / 1000 + 300"}],
        [{"code": 3, "when": "t * 1000 < now - 300000"}, {"code": 4, "when": "t * 1000 > now + 300000"}],
        [{"code": 3, "when": "t > now"}, {"code": 4, "when": "t < now - 1000"}],
    ],
)
def test_a_narrow_window_around_now_is_met_and_missed(tmp_path, rows):
    table = [{"code": 1, "missing": "t"}, {"code": 2, "malformed": "t"}, *rows, {"code": 5, "missing": "it"}, {"code": 0}]
    tables, lets = {"things": (["id"], {"id": "string"})}, {"it": {"find": "things", "where": {"id": "id"}}}
    table.insert(0, {"code": 6, "missing": "id"})
    t = query("t", schema={"type": "integer", "minimum": 0, "maximum": 10 * NOW})
    one, state = operation(tmp_path, rows=table, tables=tables, lets=lets, parameters=[query("id"), t])
    assert reached(one, state(things=[{"id": "x"}])) == {str(row["code"]) for row in table}


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_a_number_is_compared_with_columns(tmp_path, kind):
    rows = [
        {"code": 1, "missing": ["id", "n"]},
        {"code": 2, "malformed": ["id", "n"]},
        {"code": 3, "missing": "it"},
        {"code": 4, "when": "n < 1" if kind == "integer" else "n < 1.0"},
        {"code": 5, "when": "it.count < n" if kind == "integer" else "double(it.count) < n"},
        {"code": 6, "when": "it.count == n" if kind == "integer" else "double(it.count) == n"},
        {"code": 0},
    ]
    lets = {"it": {"find": "stock", "where": {"id": "id"}}}
    body = {"id": {"type": "integer"}, "n": {"type": kind}}
    one, state = operation(tmp_path, rows=rows, tables=STOCK, lets=lets, body=body)
    world = state(stock=[{"id": 1, "count": 2_000_000_000_000_000, "open": True}])
    assert reached(one, world) == {"0", "1", "2", "3", "4", "5", "6"}


def test_what_refuses_every_request_is_named(tmp_path):
    one, state = signed(tmp_path)
    world = state()
    tried = list(openapi.classified(one, world, NOW))
    line = next(rule.line for rule in one.rules if rule.code == 2)
    sentence = openapi.unreachable(one, "a/0", tried)
    assert sentence == f"every request that was tried got a/2 (missing: client, line {line}) or an earlier row first"
    assert openapi.unreachable(one, "a/4", tried) == (
        f"needs rows in nonces for which this holds: when: used.nonce == nonce; {sentence}"
    )


def test_a_single_row_that_refuses_everything_is_named(tmp_path):
    rows = [{"code": 4, "when": "now > 0"}, {"code": 0}]
    one, state = operation(tmp_path, rows=rows)
    sentence = openapi.unreachable(one, "a/0", openapi.classified(one, state(), NOW))
    assert sentence == f"every request that was tried got a/4 (when: now > 0, line {one.rules[0].line}) first"


def test_parts_of_objects_are_looked_up_and_left_out(tmp_path):
    rows = [{"code": 1, "missing": "user.id"}, {"code": 2, "malformed": "user"}, {"code": 3, "missing": "it"}, {"code": 0}]
    rows.insert(0, {"code": 4, "missing": "user"})
    body = {"user": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    lets = {"it": {"find": "stock", "where": {"id": "user.id"}}}
    one, state = operation(tmp_path, rows=rows, tables=STOCK, lets=lets, body=body)
    found = openapi.witnesses(one, state(stock=[{"id": 7, "count": 1, "open": True}]), NOW)
    assert found["a/0"] == {"user": {"id": 7}}
    assert set(found) == {"a/0", "a/1", "a/2", "a/3", "a/4"}


def test_a_computed_value_is_sent_as_it_is_or_not_at_all(tmp_path):
    rows = [{"code": 1, "missing": ["x", "sign"]}, {"code": 2, "when": "sign != x + '!'"}, {"code": 0}]
    a, state = operation(tmp_path, rows=rows, parameters=[query("x"), query("sign", **{"x-computed": "x + '!'"})])
    signs = {each.raw.get("sign", "") for each in openapi.classified(a, state(), NOW)}
    assert openapi.COMPUTED in signs
    assert not [each for each in signs - {openapi.COMPUTED} if "omputed" in each or "ｃｏｍｐｕｔｅｄ" in each]


def test_a_text_that_must_equal_a_column_of_the_row_is_taken_from_that_row(tmp_path):
    tables = {"users": (["name"], {"name": "string", "password": "string"})}
    rows = [
        {"code": 1, "missing": ["name", "password"]},
        {"code": 2, "missing": "user"},
        {"code": 3, "when": "user.password != password"},
        {"code": 0},
    ]
    one, state = operation(
        tmp_path,
        rows=rows,
        tables=tables,
        lets={"user": {"find": "users", "where": {"name": "name"}}},
        parameters=[query("name"), query("password")],
    )
    world = state(users=[{"name": "ada", "password": "demo-a"}, {"name": "ben", "password": "demo-b"}])
    assert reached(one, world) == {"0", "1", "2", "3"}


def test_a_text_that_a_rule_compares_with_every_row_is_tried_as_it_is_in_a_row(tmp_path):
    one, state = operation(
        tmp_path,
        rows=[{"code": 1, "missing": "text"}, {"code": 2, "when": "refused"}, {"code": 0}],
        tables={"words": (["word"], {"word": "string"})},
        lets={"words": {"all": "words"}, "refused": {"exists": "text.contains(row.word)", "of": "words"}},
        parameters=[query("text")],
    )
    assert reached(one, state(words=[{"word": "lottery"}])) == {"0", "1", "2"}


def test_a_common_let_that_no_rule_uses_makes_no_situation(tmp_path):
    lets = {"it": {"find": "stock", "where": {"id": "id"}}, "every": {"all": "stock", "where": {"id": "id"}}}
    lets |= {"most": {"max": "row.count", "of": "counted"}, "counted": {"all": "stock"}}
    lets = dict(sorted(lets.items(), reverse=True, key=lambda each: each[0] == "counted"))
    rows = [
        {"code": 1, "missing": "id"},
        {"code": 2, "malformed": "id"},
        {"code": 3, "missing": "it"},
        {"code": 4, "when": "most > 5"},
        {"code": 0},
    ]
    one, state = operation(tmp_path, rows=rows, tables=STOCK, lets=lets, parameters=[query("id", "integer")])
    found = openapi.permitted(one, {"id": "1"}, state(stock=[{"id": 1, "count": 2, "open": True}]), NOW)
    assert branches(found) == ("a where counted finds a row", "a where it finds a row")


def test_a_value_that_must_equal_a_column_comes_from_the_same_row(tmp_path):
    tables = {"notes": (["id"], {"id": "string", "version": "integer", "owner": "string"})}
    rows = [
        {"code": 1, "missing": ["id", "version"]},
        {"code": 2, "malformed": "version"},
        {"code": 3, "missing": "note"},
        {"code": 4, "when": "version != note.version"},
        {"code": 5, "when": "text == note.owner"},
        {"code": 0},
    ]
    one, state = operation(
        tmp_path,
        rows=rows,
        tables=tables,
        lets={"note": {"find": "notes", "where": {"id": "id"}}},
        parameters=[query("id"), query("version", "integer"), query("text", required=False)],
    )
    world = state(notes=[{"id": f"n{number}", "version": 1000 + 37 * number, "owner": f"o{number}"} for number in range(9)])
    assert reached(one, world) == {"0", "1", "2", "3", "4", "5"}
    drawer, known = Drawer(one, world, NOW), KnownRows.of(world, NOW)
    drawn = [openapi.permitted(one, drawer.raw(known, NOW, Seeded(each)), world, NOW) for each in range(100)]
    assert sum(each.answer.outcome == "a/0" for each in drawn) > 20


ITEMS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["sku", "count"],
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    },
}


def test_items_of_an_array_are_those_of_rows_with_their_numbers(tmp_path):
    effect = {
        "each": "items",
        "let": {"it": {"find": "goods", "where": {"sku": "item.sku"}}},
        "update": "goods",
        "where": {"sku": "item.sku"},
        "set": {"stock": "it.stock - item.count"},
    }
    lets = {"short": {"all": "goods", "if": "items.exists(i, i.sku == row.sku && i.count > row.stock)"}}
    lets |= {
        "gone": {"all": "goods", "if": "items.exists(i, i.sku == row.sku && i.count == row.stock)"},
    }
    rows = [
        {"code": 1, "malformed": "items"},
        {"code": 2, "missing": "items"},
        {"code": 3, "when": "size(short) > 0"},
        {"code": 4, "when": "size(gone) > 0"},
        {"code": 0, "then": [effect]},
    ]
    tables = {"goods": (["sku"], {"sku": "string", "stock": "integer"})}
    one, state = operation(tmp_path, rows=rows, tables=tables, lets=lets, body={"items": ITEMS})
    world = state(goods=[{"sku": "a", "stock": 517}, {"sku": "b", "stock": 31}])
    assert reached(one, world) == {"0", "1", "2", "3", "4"}
    drawer, known = Drawer(one, world, NOW), KnownRows.of(world, NOW)
    drawn = [openapi.permitted(one, drawer.raw(known, NOW, Seeded(each)), world, NOW) for each in range(100)]
    assert {"a/0", "a/3", "a/4"} <= {each.answer.outcome for each in drawn}
    ordered = openapi.decide(one, {"items": [{"sku": "a", "count": 16}]}, world, NOW, random.Random(0))
    walk = known.focused(Seeded(1))
    known.note(ordered.changes)  # of another walk
    drawn = [openapi.permitted(one, drawer.raw(walk, NOW, Seeded(each)), ordered.state, NOW) for each in range(100)]
    assert any(each.scope.raw.get("items") == [{"sku": "a", "count": 501}] for each in drawn)


def test_a_body_that_is_no_object_may_be_left_out(tmp_path):
    one, _ = operation(
        tmp_path, rows=[{"code": 1, "missing": "items"}, {"code": 2, "malformed": "items"}, {"code": 0}], body={"items": ITEMS}
    )
    assert one.json_body({}) == {}
    document = json.loads((tmp_path / "a.json").read_text())
    document["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]["schema"] = ITEMS
    document["paths"]["/a"]["post"]["x-outcomes"] = [
        {"code": 1, "missing": "body"},
        {"code": 2, "malformed": "body"},
        {"code": 0},
    ]
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert openapi.load(tmp_path / "a.json").operations["a"].json_body({}) is None


def test_the_limit_of_a_sum_is_found_whatever_the_numbers_are(tmp_path):
    tables = {
        "orders": (["id"], {"id": "string", "amount": "integer"}),
        "refunds": (["id"], {"id": "string", "order": "string", "amount": "integer"}),
    }
    lets = {
        "order": {"find": "orders", "where": {"id": "id"}},
        "earlier": {"all": "refunds", "where": {"order": "id"}},
        "refunded": {"sum": "row.amount", "of": "earlier"},
    }
    rows = [
        {"code": 1, "missing": ["id", "amount"]},
        {"code": 2, "malformed": "amount"},
        {"code": 3, "missing": "order"},
        {"code": 4, "when": "refunded + amount > order.amount"},
        {"code": 5, "when": "refunded + amount == order.amount"},
        {"code": 0},
    ]
    amount = query("amount", "integer")
    one, state = operation(tmp_path, rows=rows, tables=tables, lets=lets, parameters=[query("id"), amount])
    refunds = [{"id": "r1", "order": "o1", "amount": 3_217}, {"id": "r2", "order": "o1", "amount": 41}]
    assert reached(one, state(orders=[{"id": "o1", "amount": 90_001}], refunds=refunds)) == {"0", "1", "2", "3", "4", "5"}

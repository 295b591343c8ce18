"""Names of the parts of a request, what rows show in a reply, rows with names, and computed parameters."""

from __future__ import annotations

import json
import random

import pytest

import openapi
from contracts import Reply
from contracts.http.wire import Request, request_for, request_from_data
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VERIFIED, VIOLATION

NOW = 1_800_000_000_000
HEAD = "openapi: 3.1.0\ninfo: {title: Boxes, version: '1'}\n"


@pytest.fixture
def load(tmp_path):
    def loaded(text):
        file = tmp_path / "boxes.yaml"
        file.write_text(HEAD + text)
        return openapi.load(file)

    return loaded


@pytest.fixture
def world():
    def read(contract, text="{}"):
        return openapi.read_world(openapi.parse_document(text, "world.yaml"), contract, NOW)

    return read


NESTED = """
x-envelope: {code: /code, data: /data, body: {code: 0}}
paths:
  /boxes/{box-id}:
    post:
      operationId: put
      parameters:
        - {name: box-id, in: path, required: true, schema: {type: string}}
        - {name: If-Match, in: header, schema: {type: string}}
        - {name: grant_type, in: header, schema: {type: string}}
        - {name: $top, in: query, schema: {type: integer}}
        - {name: id, in: query, schema: {type: string}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [user]
              properties:
                id: {type: integer}
                user:
                  type: object
                  required: [id]
                  properties:
                    id: {type: string, minLength: 3}
                    name: {type: object, properties: {first-name: {type: string}, size: {type: integer, maximum: 9}}}
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - {code: 1, missing: user}
        - {code: 2, missing: user.id}
        - {code: 3, malformed: user.id}
        - {code: 4, malformed: [user.name.size, top, body.id]}
        - {code: 5, malformed: user}
        - {code: 6, when: If_Match == grant_type}
        - {code: 7, when: body.id > 7 && id == 'b'}
        - {code: 0, data: {box: box_id, first: user.name.first_name, top: top}}
"""


@pytest.mark.parametrize(
    ("body", "headers", "query", "code", "data"),
    [
        ({}, {}, {}, 1, None),
        ({"user": {}}, {}, {}, 2, None),
        ({"user": {"id": None}}, {}, {}, 2, None),
        ({"user": {"id": "ab"}}, {}, {}, 3, None),
        ({"user": {"id": "abc", "name": {"size": 10}}}, {}, {}, 4, None),
        ({"user": {"id": "abc"}}, {}, {"$top": "x"}, 4, None),
        ({"user": {"id": "abc"}, "id": "7"}, {}, {}, 4, None),
        ({"user": "abc"}, {}, {}, 5, None),
        ({"user": {"id": "abc", "name": 7}}, {}, {}, 5, None),
        ({"user": {"id": "abc"}}, {"if-match": "x", "grant_type": "x"}, {}, 6, None),
        ({"user": {"id": "abc"}, "id": 8}, {}, {"id": "b"}, 7, None),
        (
            {"user": {"id": "abc", "name": {"first-name": "Ann"}}},
            {"if-match": "x"},
            {"$top": "3"},
            0,
            {"box": "b/1", "first": "Ann", "top": 3},
        ),
        ({"user": {"id": "abc"}}, {}, {}, 0, {"box": "b/1", "first": None, "top": None}),
    ],
)
def test_every_part_of_a_request_has_a_name(load, world, body, headers, query, code, data):
    contract = load(NESTED)
    operation, state = contract.operations["put"], world(contract).state
    raw = operation.gather(query=query, path={"box-id": "b/1"}, headers=headers, body=body)
    decision = openapi.decide(operation, raw, state, NOW)
    assert (decision.rule.code, decision.data) == (code, data)
    path = "/boxes/b%2F1"
    request = Request("put", "POST", path, tuple(query.items()), tuple((name.title(), each) for name, each in headers.items()))
    sent = request_for(operation, raw)
    assert (sent.path, dict(sent.query), sent.body) == (path, query, body)
    assert {name.lower(): value for name, value in sent.headers} == headers
    assert request.method == sent.method


def test_what_only_a_part_of_an_object_decides_is_reached_by_requests(load, world):
    contract = load(NESTED)
    operation = contract.operations["put"]
    assert openapi.witnesses(operation, world(contract).state, NOW).keys() == set(operation.outcomes)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("user.nam == 'a'", r"user has no part nam .*user.name"),
        ("user.id.x == 'a'", "user.id is a string, without a part x"),
        ("If-Match == 'a'", "If"),
        ("sha256(id) == id", "sha256.. gives bytes .write hex"),
        ("hex(hmac('crc', id, id)) == id", "crc"),
    ],
)
def test_a_part_that_does_not_exist_is_a_problem_of_the_contract(load, condition, message):
    with pytest.raises(openapi.ContractError, match=message):
        load(NESTED.replace("If_Match == grant_type", json.dumps(condition)))


OPEN = """
paths:
  /boxes:
    post:
      operationId: put
      requestBody:
        required: true
        content: {application/json: {schema: {BODY}}}
      responses: {'200': {description: Yes}, '422': {description: No}}
      x-outcomes:
        - {status: 422, missing: NAME}
        - {status: 422, malformed: NAME}
        - {status: 422, when: CONDITION}
        - {status: 200}
"""


def opened(load, body, name, condition):
    return load(OPEN.replace("{BODY}", body).replace("NAME", name).replace("CONDITION", condition)).operations["put"]


@pytest.mark.parametrize(("body", "status"), [(None, 422), ({}, 422), ([], 422), ([{"n": 1}], 200), ([1, 2, 3], 422)])
def test_a_body_that_is_no_object_has_a_name(load, world, body, status):
    operation = opened(load, "{type: array, items: {type: [object, integer]}}", "body", "size(body) != 1")
    raw = operation.gather(query={}, body=body)
    state = openapi.State.empty(())
    assert openapi.decide(operation, raw, state, NOW).rule.status == status
    assert request_for(operation, raw).body == body


@pytest.mark.parametrize(("more", "status"), [({}, 200), ({"id": 1}, 422), ({"id": {}}, 200), ([], 422)])
def test_a_key_that_an_object_does_not_have_makes_a_condition_undetermined(load, more, status):
    operation = opened(load, "{type: object, required: [more], properties: {more: {type: object}}}", "more", "more.id == 1")
    raw = operation.gather(query={}, body={"more": more})
    assert openapi.decide(operation, raw, openapi.State.empty(()), NOW).rule.status == status


SHOWN = """
x-envelope: {code: /code, data: /data, body: {success: true}, refusal: {success: false}}
x-state: {boxes: {key: [id], row: {properties: {id: {type: string}, size: {type: integer}}}}}
x-let: {box: {find: boxes, where: {id: id}}}
x-rows:
  known: {status: 404, code: 4, missing: box}
  checked: [{code: 1, missing: size}, {code: 2, malformed: size}]
paths:
  /boxes/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    put:
      operationId: put
      parameters: [{name: size, in: query, required: true, schema: {type: integer}}]
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - checked
        - known
        - {code: 5, when: size > 10, body: {error: {limit: 10, got: size}}, headers: {Retry-After: 3}}
        - code: 0
          mint: {revision: uuid()}
          then: [{update: boxes, where: {id: id}, set: {size: size}}]
          headers: {ETag: revision, X-Size: "'<' + string(size) + '>'"}
    get:
      operationId: get
      responses: {'200': {description: Every outcome}}
      x-outcomes: [known, {code: 0, data: box.size}]
"""
WORLD = "boxes: [{id: a, size: 1}]"


def judged(load, world, said, status=200, query=(("size", "7"),), headers=()):
    contract = load(SHOWN)
    reply = Reply(status, {"content-type": "application/json", **dict(headers)}, json.dumps(said).encode())
    judgement = Oracle(contract, world(contract, WORLD)).judge(Request("put", "PUT", "/boxes/a", query), reply)
    return judgement.verdict.kind, judgement.verdict.detail, dict(judgement.minted)


GOOD = {"etag": "e1", "x-size": "<7>"}
LARGE = (("size", "11"),)


@pytest.mark.parametrize(
    ("said", "headers", "query", "kind", "detail"),
    [
        ({"code": 0}, GOOD, (), VERIFIED, ""),
        ({"code": 0, "success": "another"}, {**GOOD, "x-more": "1"}, (), VERIFIED, ""),
        ({"code": 0}, {**GOOD, "x-size": "<8>"}, (), VIOLATION, "the header X-Size is <8>, not <7>"),
        ({"code": 0}, {"etag": "e1"}, (), VIOLATION, "the header X-Size is missing, not <7>"),
        ({"code": 5, "error": {"limit": 10, "got": 11, "unit": "cm"}}, {"retry-after": "3"}, LARGE, VERIFIED, ""),
        ({"code": 5, "error": {"limit": 9, "got": 11}}, {"retry-after": "3"}, LARGE, VIOLATION, "body/error/limit is 9, not 10"),
        ({"code": 5}, {"retry-after": "3"}, LARGE, VIOLATION, "body has no error"),
        ({"code": 5, "error": {"limit": 10, "got": 11}}, {"retry-after": "4"}, LARGE, VIOLATION, "Retry-After is 4, not 3"),
    ],
)
def test_the_suite_compares_headers_and_bodies(load, world, said, headers, query, kind, detail):
    found = judged(load, world, said, query=query or (("size", "7"),), headers=headers)
    assert found[0] == kind and detail in found[1], found
    if kind == VERIFIED and not query:
        assert found[2] == {"revision": "e1"}


def test_the_mock_shows_headers_bodies_and_refusals(load, world):
    contract = load(SHOWN)
    state, operation = world(contract, WORLD).state, contract.operations["put"]

    def body(**raw):
        decision = openapi.decide(operation, raw, state, NOW, random.Random(0))
        return contract.body(decision.rule, "", decision), dict(decision.headers)

    shown, headers = body(id="a", size="7")
    assert shown == {"success": True, "code": 0} and headers["X-Size"] == "<7>" and len(headers["ETag"]) == 32
    assert body(id="b", size="7") == ({"success": False, "code": 4}, {})
    assert body(id="a", size="11") == ({"success": False, "code": 5, "error": {"limit": 10, "got": 11}}, {"Retry-After": "3"})


def test_a_header_of_a_reply_is_one_line_of_ascii(load):
    contract = load(SHOWN.replace("'<' + string(size) + '>'", "id"))
    raw = {"id": "a\r\nSet-Cookie: x=é", "size": "1"}
    shown = openapi.force(
        contract.operations["put"],
        contract.operations["put"].success,
        raw,
        openapi.State.empty(contract.tables.values()),
        NOW,
        random.Random(0),
    )
    assert shown.headers["X-Size"] == "a%0D%0ASet-Cookie: x=%C3%A9"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- known", "- knwon", r"boxes.yaml:\d+: no rows are called knwon .did you mean known"),
        ("[known, {", "[{", None),
        ("x-outcomes: [known, {code: 0, data: box.size}]", "x-outcomes: [{code: 0}]", None),
        ("        - checked\n", "", r"no table has the rows checked"),
        ("missing: box}", "missing: bix}", r"boxes.yaml:\d+: unknown name bix"),
    ],
)
def test_rows_with_names(load, old, new, message):
    assert old in SHOWN
    if message is None:
        assert load(SHOWN.replace(old, new))
    else:
        with pytest.raises(openapi.ContractError, match=message):
            load(SHOWN.replace(old, new))


def test_two_rows_with_one_outcome_explain_a_reply_each(load, world):
    """The second one is a permitted reply too, with other data."""
    contract = load(
        SHOWN.replace(
            "{code: 0, data: box.size}",
            "{code: 0, when: box.size == 1, permitted: it may, data: box.id}, {code: 0, data: box.size}",
        )
    )
    for data in (1, "a"):
        reply = Reply(200, {"content-type": "application/json"}, json.dumps({"code": 0, "data": data}).encode())
        verdict = Oracle(contract, world(contract, WORLD)).judge(Request("get", "GET", "/boxes/a"), reply).verdict
        assert verdict.kind != VIOLATION, verdict


SIGNED = """
x-envelope: {code: /code, data: /data, body: {code: 0}}
x-state: {clients: {key: [key], row: {properties: {key: {type: string}, secret: {type: string, format: password}}}}}
x-let:
  client: {find: clients, where: {key: X_Key}}
  signed: {first: [string(t) + request.method + request.path + request.query + request.body]}
  expected: {first: ["hex(hmac('sha256', client.secret, signed))"]}
paths:
  /boxes/{id}:
    post:
      operationId: put
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: X-Key, in: header, required: true, schema: {type: string}}
        - {name: t, in: query, required: true, schema: {type: integer}}
        - {name: X-Sign, in: header, required: true, x-computed: expected, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {type: object, properties: {n: {type: integer}}}}}}
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - {code: 1, missing: [X_Key, t, X_Sign]}
        - {code: 2, malformed: [t, n]}
        - {code: 3, missing: client}
        - {code: 4, when: X_Sign != expected}
        - {code: 0}
"""
CLIENTS = "clients: [{key: k1, secret: first-secret}, {key: k2, secret: second-secret}]"


def test_a_computed_value_is_right_whatever_else_changes(load, world):
    contract = load(SIGNED)
    operation, it = contract.operations["put"], world(contract, CLIENTS)
    found = openapi.simplest(operation, openapi.classified(operation, it.state, NOW))
    assert {outcome.rpartition("/")[2] for outcome in found} == {"1", "2", "3", "4", "0"}
    oracle = Oracle(contract, it)
    request = request_for(operation, {**found["put/0"].raw, "n": 7})
    assert request.computed == ("X_Sign",)
    for query in ((("t", "5"),), (("t", "6"), ("unknown", "1"))):
        sent = oracle.completed(Request(**{**{name: getattr(request, name) for name in request.__slots__}, "query": query}), NOW)
        assert oracle.expect(sent, NOW).answer is operation.success
        stale = Request(**{**{name: getattr(sent, name) for name in sent.__slots__}, "query": (("t", "9"),)})
        assert oracle.expect(stale, NOW).answer.code == 4
    assert request_from_data(sent.as_data()) == sent


def test_a_signing_secret_is_a_secret(load):
    assert ("clients", "secret") in load(SIGNED).secret_columns


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("hex(sha256('abc'))", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("hex(sha1('abc'))", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("hex(md5('abc'))", "900150983cd24fb0d6963f7d28e17f72"),
        ("hex(hmac('sha256', 'key', 'abc'))", "9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab"),
        ("base64(hmac('sha1', 'key', bytes('abc')))", "T9CyFSdu8S8rPkyOysKBFJi2Vvw="),
        ("base64('abc')", "YWJj"),
        ("base64url('ab?~')", "YWI_fg"),
        ("substring('abcdef', 1, 3) + substring('abc', 2, 9)", "bcc"),
        # As `openssl enc -aes-128-cbc` has it.
        ("hex(encrypt('aes-cbc', '0123456789abcdef', 'fedcba9876543210', 'secret'))", "61093e229a49164f9942de3a65d70cb3"),
        ("upper('ab') + lower('CD') + string(max(1, 2) + min(3, 4))", "ABcd5"),
    ],
)
def test_functions(load, world, expression, value):
    contract = load(SHOWN.replace("data: box.size", f"data: {json.dumps(expression)}"))
    raw, state = {"id": "a"}, world(contract, WORLD).state
    assert openapi.decide(contract.operations["get"], raw, state, NOW, random.Random(0)).data == value


SUMS = """
x-envelope: {code: /code, data: /data, body: {code: 0}}
paths:
  /boxes:
    get:
      operationId: sum
      parameters: [{name: n, in: query, required: true, schema: {type: integer}}, {name: m, in: query, schema: {type: integer}}]
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - {code: 1, missing: n}
        - {code: 2, malformed: [n, m]}
        - {code: 3, when: CONDITION}
        - {code: 0}
"""
LARGE_NUMBERS = (-(2**63), -7, -1, 0, 1, 2, 3, 2**40, 2**63 - 1)


@pytest.mark.parametrize("condition", ["n + 1 > 5", "2 * n - m * 3 <= m + -4", "n - m == 1", "m * m != n + n - 2", "0 < n+m"])
def test_sums_and_products_of_integers_are_exact(load, condition):
    operation = load(SUMS.replace("CONDITION", condition)).operations["sum"]
    state = openapi.State.empty(())
    for n in LARGE_NUMBERS:
        for m in LARGE_NUMBERS:
            code = openapi.decide(operation, {"n": str(n), "m": str(m)}, state, NOW).rule.code
            assert (code == 3) is eval(condition, {"n": n, "m": m}), (n, m)
    assert openapi.decide(operation, {"n": "9"}, state, NOW).rule.code == (3 if "m" not in condition else 0)


def test_what_cannot_be_computed_accuses_nobody(load, world):
    contract = load(SUMS.replace("CONDITION", "n * n / 2 > 5"))
    operation, it = contract.operations["sum"], world(contract)
    found = list(openapi.classified(operation, it.state, NOW))
    assert {each.seen.answer.code for each in found} == {1, 2, 3, 0}
    assert not [each for each in found if each.raw.get("n") == str(2**63 - 1)]
    request = Request("sum", "GET", "/boxes", (("n", str(2**63 - 1)),))
    for status, code in ((200, 3), (200, 0), (500, 3), (200, 2)):
        reply = Reply(status, {"content-type": "application/json"}, json.dumps({"code": code}).encode())
        assert Oracle(contract, it).judge(request, reply).verdict.kind != VIOLATION
    reply = Reply(500, {"content-type": "application/json"}, b"{}")
    assert Oracle(contract, it).judge(Request("sum", "GET", "/boxes", (("n", "3"),)), reply).verdict.kind == VIOLATION

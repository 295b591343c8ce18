"""What is wrong with a reply by itself: JSON, response schema, lists."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import openapi
from contracts import Reply
from contracts.http.wire import Request
from contracts.judge.oracle import Oracle
from contracts.judge.reply import InvalidReply, ReplyReader, decoded
from contracts.judge.verdict import VERIFIED, VIOLATION

CONTRACT = openapi.load()
LOCKERS = Path(openapi.__file__).parent / "parcel-lockers.yaml"
INLINE = "          content:\n            application/json:\n              schema: {$ref: '#/components/schemas/Collected'}\n"
JSON = {"content-type": "application/json"}


def reply(body, status=200, headers=JSON):
    return Reply(status, headers, body)


def read(contract, name, answer):
    operation = contract.operations[name]
    said = ReplyReader(contract).read(operation, answer)
    return contract.envelope.code_of(said.body), said.data


@pytest.mark.parametrize("text", ["200.0", "200.00", "2e2", "200"])
def test_an_integer_may_be_written_as_json_schema_allows(text):
    body = b'{"code": %b, "msg": "", "data": "share_dv_1"}' % text.encode()
    assert read(CONTRACT, "shareInfo", reply(body)) == (200, "share_dv_1")


def test_a_fraction_is_no_code():
    with pytest.raises(InvalidReply, match="reply schema: /code"):
        read(CONTRACT, "shareInfo", reply(b'{"code": 200.5, "msg": "", "data": "share_dv_1"}'))


def test_a_number_that_a_float_cannot_hold_is_not_rounded_to_an_integer():
    assert isinstance(decoded(b"9007199254740993.0"), float)


@pytest.mark.parametrize(
    "body", [b'{"code": 200, "code": 5135, "msg": ""}', b'{"code": 5135, "msg": "", "data": {"a": 1, "a": 1}}']
)
def test_a_key_that_appears_twice_is_a_violation(body):
    with pytest.raises(InvalidReply) as found:
        read(CONTRACT, "shareInfo", reply(body))
    assert found.value.rule == "reply body: a key of an object appears twice"


def changed(tmp_path, text):
    file = tmp_path / "lockers.yaml"
    file.write_text(text)
    return openapi.load(file)


def moved(response):
    """The contract whose response `collect` is written among the components."""
    text = LOCKERS.read_text()
    start = text.index("operationId: collect")
    at = text.index("        '200':", start)
    end = text.index("      x-outcomes:", at)
    return text[:at] + f"        {response}: {{$ref: '#/components/responses/Collected'}}\n" + text[end:]


COMPONENT = """components:
  responses:
    Collected:
      description: Every outcome
      content: {%s: {schema: {type: object, required: [nonsense]}}}
"""


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "application/hal+json", "'*/*'"])
@pytest.mark.parametrize("response", ["'200'", "2XX", "default"])
def test_the_schema_of_a_referenced_response_is_checked(tmp_path, response, media_type):
    contract = changed(tmp_path, moved(response).replace("components:\n", COMPONENT % media_type, 1))
    with pytest.raises(InvalidReply, match="reply schema"):
        read(contract, "collect", reply(b'{"errno": 0, "errmsg": "ok", "result": null}'))


def test_the_schema_of_the_status_comes_before_those_of_its_range_and_of_the_others(tmp_path):
    text = LOCKERS.read_text().replace(
        "        '200':",
        "        default: {description: x, content: {application/json: {schema: {type: array}}}}\n        '200':",
    )
    contract = changed(tmp_path, text)
    assert read(contract, "collect", reply(b'{"errno": 4001, "errmsg": "", "result": null}')) == (4001, None)


LAPSED = "share_dv_C10000001c0ffee00c0ff4e00a0ffee00c0ffee04"


def listed(times, lapsed=0):
    """How a list differs that shows its first row so many times, and a row that it may show so many times."""
    world = openapi.load_world(openapi.__path__[0] + "/worlds/demo.yaml", CONTRACT, 10**12, {})
    operation, raw = CONTRACT.operations["userDeviceList"], {"token": "demo-token-carol"}
    decision = openapi.decide(operation, raw, world.state, world.now, random.Random(0))
    state_row = next(row for row in world.state.rows("shares") if row["shareCode"] == LAPSED)
    first = decision.data["list"][0]
    other = {**first, "shareCode": LAPSED, "productKey": state_row["pk"], "deviceKey": state_row["dk"], "deviceName": None}
    other |= {"sharingExpireAt": None, "sharingExpireTimeTs": None, "ownerUid": state_row["sharer"]}
    items = [first] * times + decision.data["list"][1:] + [other] * lapsed
    seen = openapi.permitted(operation, raw, world.state, world.now)
    return seen.accept(operation.success, {"list": items}).differences


def test_a_list_shows_each_row_once():
    assert listed(1) == []
    assert "not expected" in listed(2)[0]


def test_a_row_that_a_list_may_show_is_there_once_at_most():
    assert listed(1, lapsed=1) == []
    assert "not expected" in listed(1, lapsed=2)[0]


STATUS_ONLY = """openapi: 3.1.0
info: {title: Bells, version: '1'}
x-envelope: {code: /code, message: /message, body: {}}
paths:
  /bell:
    get:
      operationId: ring
      parameters: [{name: times, in: query, required: true, schema: {type: string}}]
      responses:
        '200': {description: Rung}
        '400': {description: No, content: {application/json: {schema: {type: object, required: [why]}}}}
      x-outcomes:
        - {status: 400, missing: times}
        - {code: 0}
"""


def bells(tmp_path, text=STATUS_ONLY):
    (tmp_path / "bells.yaml").write_text(text)
    contract = openapi.load(tmp_path / "bells.yaml")
    return contract, openapi.read_world(openapi.parse_document("{}", "world.yaml"), contract, 10**12)


@pytest.mark.parametrize("body", [b'{"code": 0, "why": 1}', b'{"code": "E7", "why": 1}', b'{"why": 1}'])
def test_a_row_without_a_code_says_nothing_of_the_code(tmp_path, body):
    contract, world = bells(tmp_path)
    judged = Oracle(contract, world).judge(Request("ring", "GET", "/bell"), reply(body, status=400))
    assert (judged.verdict.kind, judged.verdict.got) == (VERIFIED, "ring/400")


def test_the_body_of_a_row_without_a_code_has_its_schema(tmp_path):
    contract, world = bells(tmp_path)
    judged = Oracle(contract, world).judge(Request("ring", "GET", "/bell"), reply(b'{"code": 7}', status=400))
    assert (judged.verdict.kind, judged.verdict.rule) == (VIOLATION, "reply schema: /")


def test_a_code_that_another_row_of_the_status_has_is_that_row(tmp_path):
    more = "{status: 400, missing: times}\n        - {status: 400, code: 9, when: times == 'never'}"
    contract, world = bells(tmp_path, STATUS_ONLY.replace("{status: 400, missing: times}", more))
    judged = Oracle(contract, world).judge(Request("ring", "GET", "/bell"), reply(b'{"code": 9, "why": 1}', status=400))
    assert (judged.verdict.kind, judged.verdict.got) == (VIOLATION, "ring/400:9")

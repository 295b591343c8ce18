"""Sections that include those of another document, minted values with text around them, and columns of any type."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

import openapi
from contracts.cli.main import main
from contracts.http.wire import Reply, Request
from contracts.judge.oracle import Oracle
from contracts.judge.verdict import VERIFIED, VIOLATION
from contracts.order.patch import Unwritable, patched
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence

NOW = 1_800_000_000_000
DOORS = """openapi: 3.1.0
info: {title: Doors, version: '1'}
x-envelope: {code: /code, message: /msg, data: /data}
x-messages:
  '0': {en: done}
  '1': {en: no token}
  '4': {en: no such door}
x-let:
  caller: {find: sessions, where: {token: token}}
  door: {find: doors, where: {id: id}}
x-outcomes:
  - {code: 1, missing: [token, caller]}
  - {code: 4, missing: door}
x-state:
  sessions: {key: [token], row: {properties: {token: {type: string}, name: {type: string}}}}
  doors: {key: [id], row: {properties: {id: {type: string}, marks: {type: array}, size: {type: object}}}}
security: [token: []]
components: {securitySchemes: {token: {type: http, scheme: bearer}}}
paths:
  /doors/{id}:
    get:
      operationId: look
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - {code: 0, data: {marks: door.marks}}
"""
HOUSE = """openapi: 3.1.0
info: {title: House, version: '1'}
x-envelope: {$ref: 'doors.yaml#/x-envelope'}
x-readings: {prefix: optional}
x-messages:
  $ref: doors.yaml#/x-messages
  '0': {en: welcome}
  '7': {en: wrong password}
x-let:
  $ref: doors.yaml#/x-let
  account: {find: accounts, where: {name: name}}
x-rows:
  common: {$ref: 'doors.yaml#/x-outcomes'}
x-outcomes: [common]
x-state:
  $ref: doors.yaml#/x-state
  accounts: {key: [name], row: {properties: {name: {type: string}, password: {type: string}}}}
security: [token: []]
components: {securitySchemes: {token: {$ref: 'doors.yaml#/components/securitySchemes/token'}}}
paths:
  /login:
    post:
      operationId: login
      security: []
      parameters:
        - {name: name, in: query, required: true, schema: {type: string}}
        - {name: password, in: query, required: true, schema: {type: string, format: password}}
      responses: {'200': {description: Every outcome}}
      x-outcomes:
        - {code: 7, missing: [name, password, account]}
        - {code: 7, when: account.password != password}
        - code: 0
          mint: {fresh: uuid()}
          then: [{insert: sessions, row: {token: fresh, name: name}}]
          data: {token: "'Bearer ' + fresh"}
  /doors/{id}: {$ref: 'doors.yaml#/paths/~1doors~1{id}'}
"""
WORLD = """{"sessions": [{"token": "t-ada", "name": "ada"}], "accounts": [{"name": "ada", "password": "secret"}],
"doors": [{"id": "front", "marks": ["a", 1], "size": {"height": 2}}, {"id": "back"}]}"""


@pytest.fixture
def load(tmp_path):
    def load(house=HOUSE, doors=DOORS):
        (tmp_path / "doors.yaml").write_text(doors)
        (tmp_path / "house.yaml").write_text(house)
        return openapi.load(tmp_path / "house.yaml")

    load.folder = tmp_path
    return load


def world_of(contract):
    return openapi.read_world(openapi.parse_document(WORLD, "world.json"), contract, NOW)


def problems(load, *texts):
    with pytest.raises(openapi.ContractError) as caught:
        load(*texts)
    return [str(each).replace(f"{load.folder}/", "") for each in caught.value.problems]


def line_of(text, wanted):
    return next(number for number, line in enumerate(text.splitlines(), 1) if wanted in line)


def test_a_section_has_the_entries_that_it_includes_and_its_own_come_first(load):
    contract = load()
    assert [*contract.tables] == ["sessions", "doors", "accounts"]
    assert {*contract.operations} == {"login", "look"}
    login, look = contract.operations["login"], contract.operations["look"]
    assert [rule.code for rule in look.rules] == [1, 4, 0] and [rule.code for rule in login.rules] == [7, 7, 0]
    assert {rule.messages["en"] for rule in (login.success, look.success)} == {"welcome"}
    assert openapi.decide(look, {"token": "t-ada", "id": "front"}, world_of(contract).state, NOW).data == {"marks": ["a", 1]}


def test_a_section_may_be_one_of_another_file(load):
    whole = HOUSE.replace("x-outcomes: [common]", "x-outcomes: {$ref: 'doors.yaml#/x-outcomes'}")
    contract = load(re.sub(r"x-rows:.*\n.*\n", "", whole))
    assert [rule.code for rule in contract.operations["look"].rules] == [1, 4, 0]


def test_a_row_knows_the_file_that_it_is_in(load):
    contract = load()
    refusal, success = contract.operations["look"].rules[0], contract.operations["login"].success
    assert refusal.file.endswith("doors.yaml") and refusal.line == line_of(DOORS, "- {code: 1,")
    assert success.file.endswith("house.yaml") and success.line == line_of(HOUSE, "- code: 0")


def test_a_problem_of_an_included_entry_names_its_own_file(load):
    wrong = DOORS.replace("door: {find: doors", "door: {fnd: doors")
    [said] = [each for each in problems(load, HOUSE, wrong) if "fnd" in each]
    assert said == f"doors.yaml:{line_of(wrong, 'fnd')}: unknown key fnd (did you mean find?)"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("doors.yaml#/x-lets", "$ref #/x-files/doors.yaml/x-lets points to nothing"),
        ("doors.yaml#/x-outcomes", "leads to no mapping, so there are no keys to include (refer to such a section)"),
        ("5", "$ref is no text (write the place of another section: other.yaml#/x-let)"),
        ("'#/x-let'", "$ref #/x-let is circular (refer to such a section)"),
        ("gone.yaml#/x-let", "leads to a file that does not exist"),
    ],
)
def test_what_cannot_be_included_is_said_in_a_sentence(load, reference, said):
    wrong = HOUSE.replace("$ref: doors.yaml#/x-let", f"$ref: {reference}")
    found = problems(load, wrong)[0]
    assert found.startswith(f"house.yaml:{line_of(wrong, 'x-let:') + found.count('no text')}: ") and said in found


def test_an_order_is_not_written_into_another_file(load):
    contract = load()
    look = contract.operations["look"]
    with pytest.raises(Unwritable, match=r"doors.yaml:\d+: look/1 is not in .*house.yaml itself"):
        patched(contract, HOUSE, {"look": [look.rules[1], look.rules[0]]})


def test_the_suite_reads_a_minted_value_out_of_the_text_around_it(load):
    contract = load()
    login, look = Request("login", "POST", "/login", (("name", "ada"), ("password", "secret"))), "/doors/back"
    oracle = Oracle(contract, world_of(contract))
    judged = oracle.judge(login, reply({"token": "Bearer abcdefgh12345678"}))
    assert (judged.verdict.kind, judged.minted) == (VERIFIED, {"fresh": "abcdefgh12345678"})
    known = Request("look", "GET", look, headers=(("Authorization", "Bearer abcdefgh12345678"),))
    assert oracle.judge(known, Reply(200, JSON, b'{"code": 1, "msg": "no token"}')).verdict.kind == VIOLATION
    for wrong in ("abcdefgh12345678", "Bearer ", None):
        judged = Oracle(contract, world_of(contract)).judge(login, reply({"token": wrong}))
        assert judged.verdict.kind == VIOLATION and "not Bearer (fresh)" in judged.verdict.detail


JSON = {"content-type": "application/json"}


def reply(data):
    return Reply(200, JSON, json.dumps({"code": 0, "msg": "welcome", "data": data}).encode())


def test_a_curl_line_takes_the_part_of_the_text_that_was_minted():
    sequence = Sequence(Placeholders(NOW, {}))
    sequence.note(Request("login", "POST", "/login"), reply({"token": "Bearer abcdefgh12345678"}), {"fresh": "abcdefgh12345678"})
    sequence.note(Request("look", "GET", "/doors/a", headers=(("Authorization", "Bearer abcdefgh12345678"),)), None, {})
    login, look = sequence.curls("http://127.0.0.1", {})
    assert "jq -r '.data.token[7:23]'" in login and "abcdefgh12345678" not in look


def test_lint_knows_that_the_reply_shows_the_token(load, tmp_path):
    load()
    said = CliRunner().invoke(main, ["lint", str(tmp_path / "house.yaml")])
    assert said.exit_code == 0 and "shows fresh" not in said.output
    load(HOUSE.replace("'Bearer ' + fresh", "'Bearer'"))
    assert "no reply to login shows fresh" in CliRunner().invoke(main, ["lint", str(tmp_path / "house.yaml")]).output


def test_rows_with_lists_and_objects_are_drawn_from(load):
    contract = load()
    assert len(openapi.sample(world_of(contract).state, "doors", NOW)) == 2
    found = openapi.witnesses(contract.operations["look"], world_of(contract).state, NOW)
    assert {*found} == {"look/1", "look/4", "look/0"}


def test_what_a_secret_is_compared_with_is_not_told(load):
    contract = load()
    raw = {"name": "ada", "password": "wrong-one"}
    told = " ".join(openapi.decide(contract.operations["login"], raw, world_of(contract).state, NOW).reasons())
    assert "password is present" in told and "wrong-one" not in told and "secret" not in told


@pytest.mark.parametrize("condition", ["size(password) > 40", "name == 'x' && size(password) > 40"])
def test_texts_of_a_length_that_a_condition_states_are_tried(load, condition):
    contract = load(HOUSE.replace("- code: 0", f'- {{code: 7, when: "{condition}"}}\n        - code: 0', 1))
    tried = openapi.classified(contract.operations["login"], world_of(contract).state, NOW)
    lengths = {len(each.raw.get("password", "")) for each in tried}
    assert {39, 40, 41} <= lengths

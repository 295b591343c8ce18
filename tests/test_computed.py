"""Computed parameters, whose values a correct client computes: nonces, signatures; and what expressions say of types."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from pathlib import Path
from random import Random

import pytest

import openapi
from contracts.generate.breadth import broad
from mockserver import running

NOW = 1_800_000_000_000
DOCUMENT = """openapi: 3.1.0
info: {title: T, version: '1'}
x-envelope: {code: /code}
x-state:
  nonces: {key: [nonce], row: {properties: {nonce: {type: string}}}}
  limits: {key: [code], row: {properties: {code: {type: string}, most: {type: integer}}}}
x-let:
  used: {find: nonces, where: {nonce: nonce}}
  signature: {first: [hex(sha256(nonce))]}
  limits: {all: limits}
  over: {exists: 'items.exists(i, i.code == row.code && type(i.n) == int && i.n > row.most)', of: limits}
paths:
  /a:
    post:
      operationId: a
      parameters:
        - {name: sign, in: header, required: true, x-computed: signature, schema: {type: string}}
        - {name: nonce, in: header, required: true, x-computed: uuid(), schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                items:
                  type: array
                  items: {type: object, required: [code, n], properties: {code: {type: string}, n: {type: [integer, boolean]}}}
                  example: [{code: a, n: 1}]
      responses: {'200': {description: x}}
      x-outcomes:
        - {code: 1, missing: [sign, nonce]}
        - {code: 2, when: sign != signature}
        - {code: 3, when: used.nonce == nonce}
        - {code: 4, malformed: items}
        - {code: 5, when: over}
        - {code: 0, then: [{insert: nonces, row: {nonce: nonce}}]}
"""


@pytest.fixture
def contract(tmp_path):
    (tmp_path / "a.yaml").write_text(DOCUMENT)
    return openapi.load(tmp_path / "a.yaml")


@pytest.fixture
def state(contract):
    world = openapi.parse_document('{"limits": [{"code": "a", "most": 700}], "nonces": [{"nonce": "old"}]}', "world.json")
    return openapi.read_world(world, contract, NOW).state


def test_a_signature_is_of_the_nonce_that_is_sent(contract, state):
    operation, both = contract.operations["a"], dict.fromkeys(("nonce", "sign"), openapi.COMPUTED)
    random = Random(1)
    first, second = (openapi.completed(operation, both, state, NOW, random) for _ in range(2))
    assert first["nonce"] != second["nonce"]
    for each in (first, second):
        assert each["sign"] == hashlib.sha256(each["nonce"].encode()).hexdigest()


def test_every_outcome_has_a_request_and_none_has_another_spelling_of_a_value_that_is_not_computed_yet(contract, state):
    operation = contract.operations["a"]
    assert openapi.witnesses(operation, state, NOW).keys() == set(operation.outcomes)
    for each in openapi.classified(operation, state, NOW):
        assert all(not str(value).startswith("\0") or value == openapi.COMPUTED for value in each.raw.values())


def test_broad_requests_name_the_values_to_compute(contract):
    known = {"a": dict.fromkeys(("nonce", "sign"), openapi.COMPUTED)}
    requests = list(broad(contract, known, 1))
    assert any(each.computed for each in requests)
    for each in requests:
        placed = {name.lower() for name, value in each.headers if value == openapi.COMPUTED}
        assert placed <= set(each.computed)


def test_types_are_compared_as_in_cel(contract, state):
    operation = contract.operations["a"]

    def outcome(items):
        raw = openapi.completed(operation, {"nonce": "n", "sign": openapi.COMPUTED, "items": items}, state, NOW)
        return openapi.decide(operation, raw, state, NOW, Random(1)).outcome

    assert outcome([{"code": "a", "n": 701}]) == "a/5"
    assert outcome([{"code": "a", "n": 700}]) == "a/0"
    assert outcome([{"code": "a", "n": True}]) == "a/0"


def test_the_name_of_a_type_is_no_name_elsewhere(tmp_path):
    (tmp_path / "a.yaml").write_text(DOCUMENT.replace("{code: 5, when: over}", "{code: 5, when: 'int == 3'}"))
    with pytest.raises(openapi.ContractError, match="unknown name int"):
        openapi.load(tmp_path / "a.yaml")


def test_a_witness_has_the_signature_of_the_request_that_is_sent():
    """Run as the mock writes them down, some commands get what they are for."""
    here = Path(openapi.__file__).parent
    for outcome in ("commands/1004", "commands/1114", "commands/2003", "commands/0"):
        with running(here / "signed-requests.yaml", here / "worlds" / "signed-requests.yaml") as mock:
            done = subprocess.run(shlex.split(mock.world().witnesses()[outcome]["curl"]), capture_output=True, text=True)
            assert f"commands/{json.loads(done.stdout)['code']}" == outcome, done.stdout

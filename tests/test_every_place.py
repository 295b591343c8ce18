"""The suite passes against the mock for every place and type of parameter, and finds a server that reads one otherwise."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

from mockserver import running

CONTRACT = """
openapi: 3.1.0
info: {title: Every place, version: '1'}
security: [{key: []}]
x-state:
  keys: {key: [token], row: {properties: {token: {type: string}}}}
x-let:
  holder: {find: keys, where: {token: key}}
x-envelope: {code: /code, data: /data, body: {}}
paths:
  /items/{kind}/{ids}:
    post:
      operationId: items
      parameters:
        - {name: kind, in: path, required: true, schema: {type: string, enum: [a, 'b/c', 设备]}}
        - {name: ids, in: path, required: true, schema: {type: array, items: {type: integer}}}
        - name: many
          in: query
          required: true
          schema: {type: array, items: {type: integer, minimum: 1}, minItems: 1, maxItems: 3}
        - {name: some, in: query, explode: false, schema: {type: array, items: {type: string, enum: [x, y z]}}}
        - {name: piped, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: boolean}}}
        - {name: spaced, in: query, style: spaceDelimited, explode: false, schema: {type: array, items: {type: number}}}
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 10}}
        - {name: ratio, in: query, schema: {type: number, minimum: 0, maximum: 1}}
        - {name: flag, in: query, schema: {type: boolean}}
        - {name: trace_id, in: header, required: true, schema: {type: integer, minimum: 1, maximum: 9}}
        - {name: tags, in: header, schema: {type: array, items: {type: integer}}}
        - {name: sid, in: cookie, required: true, schema: {type: string, enum: [one, two]}}
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [days]
              properties:
                days: {type: integer, minimum: 1, maximum: 14}
                names: {type: array, items: {type: string}, minItems: 1}
                nested: {type: object, required: [a], properties: {a: {type: integer}}}
                free: {type: [string, 'null']}
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: object}}}}
        '400': {description: refused, content: {application/json: {schema: {type: object}}}}
        '401': {description: unknown, content: {application/json: {schema: {type: object}}}}
      x-outcomes:
        - {status: 401, code: none, missing: key}
        - {status: 401, code: unknown, missing: holder}
        - {status: 400, code: missing, missing: [many, trace_id, sid, days]}
        - status: 400
          code: bad
          malformed: [kind, ids, many, some, piped, spaced, limit, ratio, flag, trace_id, tags, sid, days, names, nested, free]
        - {status: 200, data: {count: size(many), first: 'many[0]'}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: api_key}}
"""
REQUEST = {
    "headers": {"api_key": "abc", "trace_id": "1", "Cookie": 'a={"x":1}; odd, one=2; sid=one'},
    "json": {"days": 7.0},
}


@pytest.fixture
def files(tmp_path):
    contract, world = tmp_path / "contract.yaml", tmp_path / "world.yaml"
    contract.write_text(CONTRACT)
    world.write_text("keys: [{token: abc}]\n")
    return contract, world


def verify(target, contract, world, *options):
    command = [
        sys.executable,
        "-m",
        "contracts",
        "verify",
        "--target",
        target,
        "--contract",
        contract,
        "--world",
        world,
        *options,
    ]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)


def test_the_suite_passes_against_the_mock(files, tmp_path):
    with running(*files) as mock:
        result = verify(mock.url, *files, "--json", tmp_path / "report.json")
    assert result.returncode == 0, result.stdout
    assert "5 of 5 documented outcomes verified, 0 violations" in result.stdout
    assert "cuts white space" not in result.stdout


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("many=1&many=2", "a/1,2", {"count": 2, "first": 1}),
        ("many=7&some=x,y%20z&piped=true|false&spaced=1%202.5", "b%2Fc/1", {"count": 1, "first": 7}),
        ("many=7&piped=true%7Cfalse&spaced=1+2", "%E8%AE%BE%E5%A4%87/1", {"count": 1, "first": 7}),
        ("many=1,2", "a/1", "bad"),
        ("many=1&many=2&many=3&many=4", "a/1", "bad"),
        ("many=1&some=x,z", "a/1", "bad"),
        ("many=1", "a/1,x", "bad"),
        ("many=", "a/1", "missing"),
    ],
)
def test_an_array_is_read_by_its_style(files, query, path, code):
    with running(*files) as mock:
        found = requests.post(f"{mock.url}/items/{path}?{query}", **REQUEST, timeout=10).json()
    assert found.get("data", found.get("code")) == code


def test_a_header_with_a_dash_does_not_pass_for_one_with_an_underscore(files):
    request = {**REQUEST, "headers": {**REQUEST["headers"], "api_key": None, "api-key": "abc"}}
    with running(*files) as mock:
        found = requests.post(f"{mock.url}/items/a/1?many=1", **request, timeout=10)
    assert found.json()["code"] == "none"


def test_a_witness_sends_what_it_shows(files):
    with running(*files) as mock:
        for outcome, found in mock.create().witnesses().items():
            request = found["request"]
            body = {"json": request["body"]} if "body" in request else {}
            reply = requests.request(request["method"], request["url"], headers=request["headers"], **body, timeout=10)
            assert reply.headers["Mock-Outcome"] == outcome


def test_a_server_that_takes_one_item_alone_is_found(files, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONTRACT.replace("minItems: 1, maxItems: 3", "minItems: 1, maxItems: 1"))
    with running(wrong, files[1]) as mock:
        result = verify(mock.url, *files, "--json", tmp_path / "report.json")
    assert result.returncode == 1
    [violation] = json.loads((tmp_path / "report.json").read_text())["violations"]
    assert (violation["expected"], violation["got"]) == ("items/200", "items/400:bad")

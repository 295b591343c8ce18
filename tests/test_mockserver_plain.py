"""A document without a decision table is served from its examples and schemas; the mock lists what it cannot know."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.cli.main import main

PETS = """
openapi: 3.0.3
info: {title: Pets, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}}
        default: {description: bad, content: {application/json: {schema: {$ref: '#/components/schemas/Error'}}}}
    post:
      responses: {'201': {description: made}, '204': {description: nothing}}
  /pets/{pet-id}.json:
    get:
      operationId: getPet
      security: [{key: []}]
      responses:
        '200': {description: ok, content: {application/json: {examples: {one: {value: {id: 7, name: REX}}}}}}
        '404': {description: none, content: {text/plain: {example: no such pet}}}
  /pets/mine:
    get: {operationId: 我的, responses: {}}
components:
  securitySchemes: {key: {type: apiKey, in: query, name: api_key}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, format: int64, minimum: 5, multipleOf: 4}
        name: {type: string, pattern: '^[A-Z]+$'}
        parent: {$ref: '#/components/schemas/Pet'}
        tags: {type: array, items: {type: string, minLength: 6}}
        secret: {type: string, writeOnly: true}
        born: {type: string, format: date}
        kind: {allOf: [{type: object, properties: {a: {enum: [x, y]}}}, {type: object, properties: {b: {default: 3}}}]}
        home: {oneOf: [{type: boolean}, {type: string}]}
    Error: {type: object, properties: {code: {type: integer, exclusiveMinimum: 3}, message: {type: string, example: oh}}}
"""


@pytest.fixture
def contract(tmp_path):
    file = tmp_path / "pets.yaml"
    file.write_text(PETS)
    return openapi.load(file, plain=True)


@pytest.fixture
def client(contract):
    return create_app(Mock(contract, Origin(openapi.parse_document("{}", "empty")))).test_client()


def test_a_schema_gives_the_reply_also_one_that_contains_itself(client):
    pet = client.get("/pets?limit=many").json[0]
    assert pet["parent"]["parent"]["id"] == 8
    assert (pet["tags"], pet["born"], pet["kind"], pet["home"]) == (["textxx"], "2030-01-31", {"a": "x", "b": 3}, True)
    assert "secret" not in pet


def test_an_example_gives_the_reply(client):
    reply = client.get("/pets/7.json")
    assert (reply.json, reply.headers["Mock-Outcome"]) == ({"id": 7, "name": "REX"}, "getPet/200")


@pytest.mark.parametrize(
    ("method", "path", "code", "status", "text"),
    [
        ("GET", "/pets/7.json", "404", 404, "no such pet"),
        ("GET", "/pets", "500", 500, '{"code": 4, "message": "oh"}'),
        ("POST", "/pets", "204", 204, ""),
        ("POST", "/pets", "201", 201, ""),
    ],
)
def test_every_documented_reply_can_be_asked_for(client, method, path, code, status, text):
    reply = client.open(path, method=method, headers={"Prefer": f"code={code}"})
    assert (reply.status_code, reply.text) == (status, text)


def test_a_reply_that_is_not_documented_is_refused_with_the_known_ones(client):
    reply = client.get("/pets/7.json", headers={"Prefer": "code=500"})
    assert (reply.status_code, "getPet has no outcome 500 (did you mean 200?)" in reply.json["detail"]) == (400, True)


def test_a_name_that_no_header_can_carry_is_escaped(client):
    assert client.get("/pets/mine").headers["Mock-Outcome"] == "%E6%88%91%E7%9A%84/200"


def test_worlds_faults_and_journal_are_there_too(client):
    client.post("/_mock/worlds?name=a")
    client.post("/_mock/worlds/a/faults", json={"operation": "getPet", "outcome": "404", "times": 1})
    assert client.get("/worlds/a/pets/7.json?api_key=hidden").status_code == 404
    assert client.get("/worlds/a/pets/7.json?api_key=hidden").status_code == 200
    assert "hidden" not in client.get("/_mock/worlds/a/journal").text


def test_what_cannot_be_known_is_said(contract):
    assert contract.notes == ("我的 documents no final reply: it answers 200 without a body",)


def test_without_asking_for_it_such_an_operation_is_no_part_of_a_contract(contract):
    assert openapi.load(contract.file).operations == {}


def test_a_contract_with_tables_needs_a_world(tmp_path):
    file = tmp_path / "contract.yaml"
    file.write_text((openapi.loading.compile.HERE / "device-sharing.yaml").read_text())
    result = CliRunner().invoke(main, ["serve", "--contract", str(file)])
    assert (result.exit_code, "has tables, so it needs a world" in result.output) == (2, True)


def test_a_document_of_another_kind_is_a_sentence(tmp_path):
    file = tmp_path / "old.yaml"
    file.write_text("asyncapi: 3.0.0\nchannels: {}\n")
    result = CliRunner().invoke(main, ["serve", "--contract", str(file)])
    assert (result.exit_code, "old.yaml:1: is no OpenAPI 3 document, and no Swagger 2.0" in result.output) == (2, True)

"""Reading documents: JSON, YAML 1.2, limits, references, other files, Swagger 2."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import openapi
from openapi.loading.compile import _Compiler

OPENAPI = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\n"
OK = {"200": {"description": "ok"}}


def data(text, file="a.yaml"):
    return openapi.parse_document(text, file).data


def problem(text, file="a.yaml"):
    with pytest.raises(openapi.InvalidDocument) as caught:
        openapi.parse_document(text, file)
    return str(caught.value)


def document(paths, **more):
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths, **more}


def written(folder, name, value):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False))
    return file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1e3, "b": 6.02e+23, "c": 1E-7}', {"a": 1000.0, "b": 6.02e23, "c": 1e-7}),
        ('{"a": "\\ud83d\\ude80", "b": "half \\ud83d"}', {"a": "🚀", "b": "half ?"}),
        ('{\n\t"a": "\\/x"}', {"a": "/x"}),
        (f'{{"{"k" * 1200}": 1}}', {"k" * 1200: 1}),
        ("\ufeff".encode() + b'{"a": 1}', {"a": 1}),
        ('{"a": 1}'.encode("utf-16"), {"a": 1}),
    ],
)
def test_json_is_read_as_json(text, value):
    assert data(text, "a.json") == data(text, "a.yaml") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[on, off, NO, yes, y]", ["on", "off", "NO", "yes", "y"]),
        ("[10:30, 12:30:45, 1_000, 2020-01-31, 0b1]", ["10:30", "12:30:45", "1_000", "2020-01-31", "0b1"]),
        ("[0123, 0o17, 0x1F, +7, -7]", [123, 15, 31, 7, -7]),
        ("[1e3, .5, 1., -1.5E-2]", [1000.0, 0.5, 1.0, -0.015]),
        ("[true, True, FALSE, null, Null, ~, '']", [True, True, False, None, None, None, ""]),
        ("{200: x, no: y, null: z}", {"200": "x", "no": "y", "null": "z"}),
        ("%YAML 1.2\n---\na: 1", {"a": 1}),
        ("", None),
    ],
)
def test_yaml_is_read_by_the_core_schema_of_1_2(text, value):
    assert data(text) == value


def test_merge_keys_are_merged_and_own_keys_win():
    text = """
base: &base {id: 1, name: base}
more: &more {name: more, size: 3}
one: {<<: *base, name: own}
two:
  <<: [*more, *base]
quoted: {'<<': 1}
"""
    found = openapi.parse_document(text, "a.yaml")
    assert (found.data["one"], found.data["two"]) == ({"id": 1, "name": "own"}, {"id": 1, "name": "more", "size": 3})
    assert found.data["quoted"] == {"<<": 1}
    assert (found.lines["one", "name"], found.lines["one", "id"]) == (4, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("'200': 1\nb: 2\n200: 3", "a.yaml:3: duplicate key 200 (remove one of the two)"),
        ("a: 1\nb: 2\na: 3", "a.yaml:3: duplicate key a (remove one of the two)"),
        ('{"a": 1,\n"a": 2}', "a.yaml:2: duplicate key a (remove one of the two)"),
        ("a: !!str 1", "a.yaml:1: the tag tag:yaml.org,2002:str is not read"),
        ("%TAG ! tag:x,2000:\n---\na: !x 1", "%TAG is not read"),
        ("a: 1\n---\nb: 2", "a.yaml:2: a second document begins here"),
        ("a: &x {b: *x}", "*x stands inside its own value"),
        ("a: *y", "*y has no anchor before it"),
        ("{<<: 5}", "<< merges mappings only"),
        ("? [a]\n: 1", "a key is not a scalar"),
        ("a: .inf", ".inf is not a number in JSON"),
        ("a: 1e999", "1e999 is not a number in JSON"),
        ("a: " + "9" * 5000, "is not a number"),
    ],
)
def test_what_is_not_read_is_a_sentence(text, sentence):
    assert sentence in problem(text)


def test_json_that_is_none_is_a_sentence_with_line_and_column():
    assert problem('{"a": 1,\n "b": }', "a.json") == "a.json:2: is not JSON: Expecting value, at column 7"
    assert "a.json:1: is not JSON: NaN is not a number" in problem('{"a": NaN}', "a.json")
    assert "is not JSON: a number has 5000 digits" in problem("9" * 5000, "a.json")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "{a: " * 5000, "- " * 5000, '{"a":' * 5000 + "1" + "}" * 5000]
)
def test_depth_is_counted_before_anything_is_built(text):
    assert "nested more than 64 deep" in problem(text)


def test_size_is_counted_with_aliases_before_anything_is_built(monkeypatch):
    lines = ["- &a [1,1,1,1,1,1,1,1,1,1]", *(f"- &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]" for n in range(8))]
    assert "more than 500000 values" in problem("\n".join(lines))
    for module in ("json_text", "yaml_text"):
        monkeypatch.setattr(f"openapi.document.{module}.MOST_VALUES", 1000)
    assert "more than 1000 values" in problem("[" + "1," * 3000 + "]")
    assert "more than 1000 values" in problem("[" + "1," * 3000 + "1]")


def test_a_long_tag_prefix_takes_no_memory():
    assert "%TAG is not read" in problem("%TAG ! tag:x,2000:" + "a" * 20_000 + "\n---\nusers: [" + "!x 1," * 30_000 + "]")


def test_a_reference_may_be_percent_encoded(tmp_path):
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    content = {"application/json": {"schema": schema}}
    reference = "#/paths/~1menus~1%7Bid%7D/get/responses/200/content/application~1json/schema"
    other = {"application/json": {"schema": {"$ref": reference}}}
    paths = {
        "/menus/{id}": {"get": {"responses": {"200": {"description": "ok", "content": content}}}},
        "/tree": {"get": {"responses": {"200": {"description": "ok", "content": other}}}},
    }
    contract = openapi.load(written(tmp_path, "a.yaml", document(paths)), plain=True)
    assert contract.operations["GET /tree"].success.content.body == {"name": "text"}


def test_a_reference_keeps_the_key_of_what_it_stands_for(tmp_path):
    paths = {"/a": {"$ref": "#/components/pathItems/A"}}
    item = {
        "get": {
            "parameters": [{"$ref": "#/components/parameters/N"}],
            "responses": {"404": {"$ref": "#/components/responses/No"}},
        }
    }
    no = {"description": "no", "headers": {"X-Left": {"$ref": "#/components/headers/Left"}}}
    parts = {
        "pathItems": {"A": item},
        "parameters": {"N": {"name": "n", "in": "query", "schema": {"type": "integer"}}},
        "responses": {"No": no},
        "headers": {"Left": {"schema": {"type": "integer", "example": 3}}},
    }
    [operation] = openapi.load(written(tmp_path, "a.yaml", document(paths, components=parts)), plain=True).operations.values()
    assert (operation.path, [rule.status for rule in operation.rules]) == ("/a", [404])
    assert (operation.success.content.headers, operation.parameters[0].name) == ((("X-Left", "3"),), "n")


@pytest.fixture
def several(tmp_path):
    """A document whose parts are in other files, which refer to each other."""
    root = {
        "/pets": {"$ref": "paths/pets.yaml"},
        "/error": {"get": {"responses": {"200": {"$ref": "common.json#/responses/Error"}}}},
    }
    pets = """
get:
  operationId: pets
  responses:
    '200':
      description: ok
      content: {application/json: {schema: {$ref: '../schemas/Pet.yaml'}}}
"""
    pet = """
type: object
discriminator: {propertyName: kind, mapping: {cat: '#/$defs/Cat'}}
properties:
  kind: {type: string}
  error: {$ref: '../common.json#/schemas/Error%20text'}
  parent: {$ref: '#'}
$defs:
  Cat: {type: object, properties: {kind: {type: string}}}
"""
    error = {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/schemas/Error text"}}}}
    common = {"schemas": {"Error text": {"type": "string", "const": "oh"}}, "responses": {"Error": error}}
    written(tmp_path, "paths/pets.yaml", pets)
    written(tmp_path, "schemas/Pet.yaml", pet)
    written(tmp_path, "common.json", json.dumps(common))
    return written(tmp_path, "root.yaml", document(root))


def test_files_below_the_folder_of_the_document_are_read(several):
    contract = openapi.load(several, plain=True)
    assert contract.operations["GET /error"].success.content.body == "oh"
    assert contract.operations["pets"].success.content.body["kind"] == "cat"
    assert [Path(each).name for each in contract.files] == ["root.yaml", "pets.yaml", "common.json", "Pet.yaml"]
    assert "common.json" not in json.dumps(contract.document["paths"]).replace("#/x-files/common.json", "")


def test_a_problem_in_another_file_names_that_file(several):
    written(several.parent, "paths/pets.yaml", "get:\n  x-outcomes:\n    - {code: 1, mising: x}\n  responses: {}\n")
    with pytest.raises(openapi.ContractError, match=r"paths/pets\.yaml:3: unknown key mising"):
        openapi.load(several, plain=True)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("http://127.0.0.1:9/x.yaml#/a", "leads to the network, from which nothing is read"),
        ("file:///etc/passwd#/a", "leads to the network"),
        ("//host/x.yaml", "leads to the network"),
        ("../secret.yaml#/a", "leads out of"),
        ("/etc/passwd", "leads out of"),
        ("link.yaml#/a", "leads out of"),
        ("missing.yaml#/a", "leads to a file that does not exist"),
    ],
)
def test_no_reference_leads_to_the_network_or_out_of_the_folder(tmp_path, reference, reason):
    written(tmp_path, "secret.yaml", {"a": {"type": "string", "const": "secret"}})
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    content = {"application/json": {"schema": {"$ref": reference}}}
    file = written(inner, "a.yaml", document({"/a": {"get": {"responses": {"200": {"description": "ok", "content": content}}}}}))
    contract = openapi.load(file, plain=True)
    assert contract.operations["GET /a"].success.content.body is None
    assert [reason in str(each) for each in contract.unread] == [True]
    assert any(f"$ref {reference} {reason}" in note for note in contract.notes)


def test_beside_a_reference_what_stands_there_counts_in_3_1_and_not_in_3_0(tmp_path):
    schema = {"type": "object", "properties": {"state": {"$ref": "#/components/schemas/State", "default": "shut"}}}
    content = {"application/json": {"schema": schema}}
    whole = document({"/a": {"get": {"responses": {"200": {"description": "ok", "content": content}}}}})
    whole["components"] = {"schemas": {"State": {"type": "string", "enum": ["open", "shut"]}}}

    def body(version):
        file = written(tmp_path, f"{version}.yaml", {**whole, "openapi": version})
        return openapi.load(file, plain=True).operations["GET /a"].success.content.body

    assert (body("3.1.0"), body("3.0.3")) == ({"state": "shut"}, {"state": "open"})


def test_foreign_extensions_never_refuse_a_document(tmp_path):
    paths = {"/a": {"get": {"x-status": "released", "x-beta": False, "x-changes": [1], "x-outcome": [], "responses": OK}}}
    contract = openapi.load(written(tmp_path, "a.yaml", document(paths, **{"x-tags": [], "x-stat": 1})), plain=True)
    assert list(contract.operations) == ["GET /a"]
    assert [note.partition(": ")[2] for note in contract.notes] == [
        "x-stat is not read (did you mean x-state?)",
        "x-outcome is not read (did you mean x-outcomes?)",
    ]


def test_one_slip_costs_a_plain_document_one_operation_at_most(tmp_path):
    paths = {
        "/same": {"get": {"operationId": "list", "responses": OK}, "put": {"operationId": "list", "responses": OK}},
        "/empty": {"get": None},
        "/text": {"get": "text"},
        "/unknown": {"get": {"security": [{"apiKey": []}], "responses": OK}},
        "/bad": {"get": {"parameters": [5], "responses": OK}},
        "no-slash": {"get": {"responses": OK}},
    }
    contract = openapi.load(written(tmp_path, "a.yaml", document(paths)), plain=True)
    assert list(contract.operations) == ["list", "PUT /same", "GET /unknown"]
    notes = "\n".join(contract.notes)
    for said in (
        "duplicate operationId list (see line 7); this one is called PUT /same",
        "get is not a mapping",
        "unknown security scheme apiKey",
        "this is not a parameter",
        "no-slash is no path",
    ):
        assert said in notes


def test_a_document_with_webhooks_alone_serves_nothing(tmp_path):
    file = written(tmp_path, "a.yaml", f"{OPENAPI}webhooks: {{}}\n")
    contract = openapi.load(file, plain=True)
    assert (contract.operations, contract.notes) == ({}, (f"{file}: the document has no paths, so nothing is served",))


SWAGGER = """
swagger: '2.0'
info: {title: Old, version: '1'}
host: api.example.com
basePath: /v2/
schemes: [https]
produces: [application/json]
securityDefinitions: {basic: {type: basic}, key: {type: apiKey, in: header, name: X-Key}}
parameters:
  page: {name: page, in: query, type: integer, minimum: 1}
definitions:
  Pet:
    type: object
    required: [id]
    properties: {id: {type: integer}, tag: {type: string, x-nullable: true, example: dog}, owner: {$ref: '#/definitions/Owner'}}
  Owner: {type: object, properties: {name: {type: string}}}
responses:
  Gone: {description: gone, schema: {$ref: '#/definitions/Owner'}}
paths:
  /pets:
    parameters: [{$ref: '#/parameters/page'}]
    get:
      operationId: pets
      security: [{key: []}]
      parameters: [{name: tags, in: query, type: array, items: {type: string}, collectionFormat: multi}]
      responses:
        200:
          description: ok
          schema: {type: array, items: {$ref: '#/definitions/Pet'}}
          headers: {X-Total: {type: integer}}
        410: {$ref: '#/responses/Gone'}
    post:
      operationId: add
      consumes: [application/json]
      parameters: [{name: body, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}]
      responses: {201: {description: made, examples: {text/plain: made it}}}
  /pets/{id}:
    post:
      operationId: change
      parameters:
        - {name: id, in: path, required: true, type: integer}
        - {name: name, in: formData, required: true, type: string}
        - {name: photo, in: formData, type: file}
      responses: {default: {description: done}}
"""


def test_swagger_2_is_converted(tmp_path):
    contract = openapi.load(written(tmp_path, "old.yaml", SWAGGER), plain=True)
    pets, add, change = (contract.operations[name] for name in ("pets", "add", "change"))
    assert pets.bases == ("/v2",)
    assert pets.success.content.body == [{"id": 0, "tag": "dog", "owner": {"name": "text"}}]
    assert pets.success.content.headers == (("X-Total", "0"),)
    assert pets.rule_of("410").content.body == {"name": "text"}
    assert [(each.name, each.location, each.credential) for each in pets.parameters] == [
        ("page", "query", False),
        ("tags", "query", False),
        ("key", "header", True),
    ]
    assert add.success.content.bodies == {"text/plain": {"": "made it"}}
    assert (change.success.status, contract.document["openapi"]) == (200, "3.0.3")
    body = contract.document["paths"]["/pets/{id}"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert (body["required"], body["properties"]["photo"]) == (["name"], {"type": "string", "format": "binary"})
    assert add.line == 32


def test_a_long_chain_of_references_is_a_sentence(tmp_path):
    chain = {f"S{number}": {"properties": {"a": {"$ref": f"#/components/schemas/S{number + 1}"}}} for number in range(2000)}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    paths = {"/a": {"get": {"responses": {"200": {"description": "ok", "content": content}}}}}
    file = written(tmp_path, "a.json", json.dumps(document(paths, components={"schemas": {**chain, "S2000": {}}})))
    with pytest.raises(openapi.ContractError, match=r"a\.json:1: its references lead from one to the next too often"):
        openapi.load(file, plain=True)


@pytest.mark.parametrize("version", ["1.2", "asyncapi"])
def test_a_document_of_another_kind_is_refused(tmp_path, version):
    text = "asyncapi: 3.0.0\n" if version == "asyncapi" else "swagger: '1.2'\npaths: {}\n"
    with pytest.raises(openapi.ContractError, match=r"other\.yaml:1: is no OpenAPI 3 document, and no Swagger 2\.0"):
        openapi.load(written(tmp_path, "other.yaml", text))


def _pointers(value, pointer=()):
    yield pointer
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _pointers(each, (*pointer, key))


def _with(value, pointer, new):
    if not pointer:
        return new
    changed = copy.copy(value)
    changed[pointer[0]] = _with(value[pointer[0]], pointer[1:], new)
    return changed


EVERYTHING = """
openapi: 3.1.0
info: {title: Everything, version: '1', license: {name: MIT}}
servers: [{url: 'https://{env}.example.com/v1', variables: {env: {default: a, enum: [a, b]}}}]
security: [{key: []}]
x-messages: {1: {en: gone}, 0: {en: fine}}
x-envelope: {code: /code, message: /msg, data: /data, body: {ok: true}}
x-readings: {empty: {is: missing, assumed: silent}}
x-state:
  keys:
    key: [token]
    row: {properties: {token: {type: string}, at: {type: integer}}, required: [at]}
    phases: {old: row.at < now}
x-let:
  holder: {find: keys, where: {token: key}}
x-outcomes:
  - {code: 1, missing: holder}
paths:
  /a/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string, minLength: 2}}]
    post:
      operationId: a
      parameters: [{name: n, in: query, schema: {type: array, items: {type: integer}}, explode: false}]
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Body'}}}}
      x-let: {every: {all: keys, where: {at: now}, if: row.at > 0}}
      x-outcomes:
        - {code: 1, missing: key}
        - {code: 1, malformed: [id, n, days], assumed: silent}
        - {code: 1, when: days > 3, permitted: silent}
        - code: 0
          mint: {made: uuid()}
          then: [{update: keys, where: {token: key}, set: {at: now}}]
          data: {id: made, rows: [{each: every, item: {at: row.at}}]}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Reply'}}}}
    get:
      responses:
        '200':
          description: ok
          headers: {Location: {schema: {type: string, example: /b}}}
          content: {application/xml: {schema: {$ref: '#/components/schemas/Reply'}, examples: {one: {value: {code: 0}}}}}
        4XX: {$ref: '#/components/responses/No'}
        default: {description: other}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  responses: {No: {description: no, content: {text/plain: {example: no}}}}
  schemas:
    Body: {type: object, properties: {days: {type: integer, minimum: 1}}}
    Reply:
      type: object
      required: [code]
      xml: {name: reply}
      properties:
        code: {type: integer, enum: [0, 1]}
        pet: {oneOf: [{$ref: '#/components/schemas/Body'}], discriminator: {propertyName: kind, mapping: {x: Body}}}
        map: {type: object, additionalProperties: {type: array, items: {type: string, pattern: '^a'}}}
        both: {allOf: [{type: object, properties: {a: {type: number, exclusiveMinimum: 1}}}, {minProperties: 1}]}
"""


def test_every_value_may_be_wrong_and_there_is_a_contract_or_a_sentence():
    whole = openapi.parse_document(EVERYTHING, "everything.yaml")
    assert set(_Compiler(whole, plain=True).contract().operations) == {"a", "GET /a/{id}"}
    refused = 0
    for pointer in _pointers(whole.data):
        for wrong in (None, True, "text", [], {}):
            changed = replace(whole, data=_with(whole.data, pointer, wrong))
            for plain in (True, False):
                try:
                    _Compiler(changed, plain).contract()
                except openapi.InvalidDocument as error:
                    assert str(error).startswith("everything.yaml:")
                    refused += 1
    assert refused > 500

"""`contracts lint`: each version of OpenAPI by its own rules, nothing fetched, sentences in place of tracebacks."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from contracts.cli.main import main

HEAD = {"info": {"title": "T", "version": "1"}}
OK = {"200": {"description": "ok"}}
BOUND = {"name": "n", "in": "query", "schema": {"type": "integer", "minimum": 0, "exclusiveMinimum": True}}


@pytest.fixture
def lint(tmp_path):
    def run(document, name="a.json"):
        file = tmp_path / name
        file.write_text(document if isinstance(document, str) else json.dumps(document, indent=1))
        result = CliRunner().invoke(main, ["lint", str(file)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output.replace(f"{tmp_path}/", "")

    return run


def paths(*operations, **more):
    return {**HEAD, "paths": {f"/{number}": {"get": each} for number, each in enumerate(operations)}, **more}


@pytest.mark.parametrize(("version", "code"), [("3.0.3", 0), ("3.1.0", 2)])
def test_a_document_is_judged_by_its_own_version(lint, version, code):
    found, said = lint({"openapi": version, **paths({"parameters": [BOUND], "responses": OK})})
    assert found == code
    assert ("a.json: no problems in 1 operation, no decision tables" in said) is (code == 0)
    assert ("is not valid OpenAPI 3.1" in said) is (code == 2)


def test_a_version_that_nobody_knows_is_a_sentence(lint):
    assert lint({"openapi": "3.9.0", **paths()}) == (2, "a.json:1: OpenAPI 3.9.0 is not known (write one of 3.0, 3.1, 3.2)\n")


def test_operations_without_a_table_are_counted(lint):
    table = {"operationId": "a", "responses": OK, "x-outcomes": [{"status": 200}]}
    assert lint({"openapi": "3.1.0", **paths(table, {"responses": OK}, {"responses": OK})}) == (
        0,
        "a.json: no problems in 1 operation, 1 row; 2 operations without a decision table\n",
    )


def test_nothing_is_fetched(lint, monkeypatch):
    fetched = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **more: fetched.append(arguments))
    monkeypatch.setattr("socket.create_connection", lambda *arguments, **more: fetched.append(arguments))
    schemas = {
        "A": {"$ref": "http://127.0.0.1:9/secret.yaml#/x"},
        "B": {"$ref": "file:///etc/hostname"},
        "C": {"$ref": "no.yaml"},
    }
    code, said = lint({"openapi": "3.1.0", **paths(), "components": {"schemas": schemas}})
    assert (code, fetched) == (2, [])
    assert [line.partition(" leads to ")[0] for line in said.splitlines()] == [
        "a.json:10: $ref http://127.0.0.1:9/secret.yaml#/x",
        "a.json:13: $ref file:///etc/hostname",
        "a.json:16: $ref no.yaml",
    ]


def test_a_problem_of_openapi_has_its_line(lint):
    text = "openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get:\n      responses: {'200': {}}\n"
    code, said = lint(text, "a.yaml")
    assert (code, said.startswith("a.yaml:6: is not valid OpenAPI 3.1: ")) == (2, True)


def test_a_key_that_is_nearly_one_of_the_vocabulary_is_noted(lint):
    code, said = lint({"openapi": "3.1.0", **paths({"responses": OK, "x-outcome": []})})
    assert (code, "note: a.json:15: x-outcome is not read (did you mean x-outcomes?)" in said) == (0, True)


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (
            {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
            "filter is an object in a query of style deepObject, which is not read (write its parts as parameters of their own)",
        ),
        (
            {"name": "ids", "in": "path", "required": True, "style": "matrix", "schema": {"type": "array"}},
            "ids is an array in a path of style matrix, which is not read",
        ),
        ({"name": "n", "in": "body", "schema": {}}, "the parameter is in no place of a request (write in: query, path"),
        ({"name": "n", "in": "query", "schema": {"type": "nonsense"}}, "the schema is invalid"),
        ({"name": "n", "in": "query", "schema": 5}, "the schema is not a mapping"),
    ],
)
def test_what_the_mock_does_not_read_is_a_problem(lint, parameter, problem):
    operation = {"operationId": "a", "parameters": [parameter], "responses": OK, "x-outcomes": [{"status": 200}]}
    code, said = lint({"openapi": "3.1.0", **paths(operation)})
    assert (code, problem in said) == (2, True)


def test_a_body_that_is_not_read_is_noted(lint):
    fields = {"schema": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}
    content = {"multipart/form-data": {}, "application/x-www-form-urlencoded": fields}
    parameter = {"name": "a", "in": "query", "schema": {"type": "string"}}
    parts = {"parameters": [parameter], "requestBody": {"content": content}, "responses": OK, "x-outcomes": [{"status": 200}]}
    _, said = lint({"openapi": "3.1.0", **HEAD, "paths": {"/a": {"post": {"operationId": "a", **parts}}}})
    assert [line.partition(": ")[2].partition(" (")[0] for line in said.splitlines()[:-1]] == [
        "a.json:20: a body of type multipart/form-data is not read",
        "a.json:20: the field b of the form is not read",
    ]


@pytest.mark.parametrize("name", ["1st", "-"])
def test_a_parameter_that_no_rule_can_name_is_noted(lint, name):
    parameter = {"name": name, "in": "query", "schema": {"type": "string"}}
    operation = {"operationId": "a", "parameters": [parameter], "responses": OK, "x-outcomes": [{"status": 200}]}
    code, said = lint({"openapi": "3.1.0", **paths(operation)})
    assert (code, f"no rule can use the parameter {name}" in said) == (0, True)


CONTRACT = """\
openapi: 3.1.0
info: {title: T, version: '1'}
x-state:
  things: {key: [id], row: {properties: {id: {type: string}}}}
x-messages:
  1: {no: feil, en: wrong}
  yes: {no: ja, en: yes}
  0: {no: greit, en: ok}
x-let:
  thing: {find: things, where: {id: If_Match}}
paths:
  /a:
    get:
      operationId: a
      parameters:
        - {name: If-Match, in: header, schema: {type: string, enum: [on, off]}}
      responses: {'200': {description: ok}}
      x-outcomes:
        - {code: 1, malformed: If_Match}
        - {code: yes, missing: thing}
        - {code: 0, then: [{insert: things, row: {id: If_Match}}]}
x-envelope: {code: /code}
"""


def test_a_comparison_with_one_sign_is_told(lint):
    code, said = lint(CONTRACT.replace("missing: thing", "when: thing.id = 'a'"), "a.yaml")
    assert code == 2 and "a.yaml:20: \"thing.id = 'a'\" is not CEL: " in said and "(CEL compares with ==)" in said
    assert "compares" not in lint(CONTRACT.replace("missing: thing", "when: thing.id == '=' +"), "a.yaml")[1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("row: {id: If", "rows: {id: If", "21: unknown key rows (did you mean row?)"),
        ("insert: things", "status: things", "21: unknown key status (known: delete, each, if, insert, "),
        ("find: things, where", "find: things, maybe", "10: unknown key maybe (known: all, exists, find, first, "),
        (
            "missing: thing",
            "missing: If-Match",
            "20: If-Match is no name: names are letters, digits and single _ (write If_Match)",
        ),
        (
            "missing: thing",
            "missing: [thing, a.b-c]",
            "20: a.b-c is no name: names are letters, digits and single _ (write a.b_c)",
        ),
        ("missing: thing", "missing: '7'", "20: 7 is no name: names are letters, digits and single _ (begin with a letter)"),
        ("thing: {find", "my-let: {find", "10: my-let is no name: names are letters, digits and single _ (write my_let)"),
        ("{id: {type", "{a-b: {}, id: {type", "4: a-b is no name: names are letters, digits and single _ (write a_b)"),
        ("key: [id]", "key: [a__b]", "4: a__b is no name: names are letters, digits and single _ (write a_b)"),
        ("missing: thing", "when: no", "20: unknown name no (YAML 1.2 reads it as a text; write false)"),
        ("missing: thing", "when: Off", "20: unknown name Off (YAML 1.2 reads it as a text; write false)"),
        ("missing: thing", "when: yes", "20: unknown name yes (YAML 1.2 reads it as a text; write true)"),
        ("missing: thing", "when: If_Match == 'a=b' and true", "20: unknown name and (CEL writes &&)"),
        ("missing: thing", "when: size(things) > 1", "20: unknown name things (it is a table; x-let names rows of it)"),
        (
            "missing: thing",
            "when: min(1, 2) > size(If_Match)",
            "20: unknown key 2) > size(If_Match) (quote the expression before it: within braces, a comma ends a value)",
        ),
        ("0, then", "0, data: {state: made}, then", "21: unknown name made (the text made is written \"'made'\"; known: "),
        ("en: wrong", "en: true", '6: x-messages: true is not of type "string" (quote it)'),
        ("missing: thing", "missing: thing, msg: {no: false, en: a}", '20: x-outcomes: false is not of type "string" (quote it)'),
    ],
)
def test_what_is_not_of_the_vocabulary_is_told_with_what_would_be_right(lint, old, new, problem):
    assert old in CONTRACT
    code, said = lint(CONTRACT.replace(old, new), "a.yaml")
    assert (code, f"a.yaml:{problem}" in said) == (2, True), said
    assert "is not valid under any" not in said


def test_what_older_yaml_takes_for_true_and_false_is_a_text(lint):
    code, said = lint(CONTRACT, "a.yaml")
    assert (code, "no problems" in said) == (0, True), said


BODIES = """openapi: 3.1.0
info: {title: Bells, version: '1'}
paths:
  /bells/{id}:
    delete:
      operationId: remove
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: X-Sign, in: header, required: true, x-computed: lower(id), schema: {type: string}}
      responses: {'204': {description: Gone}, '403': {description: Refused}}
      x-outcomes:
        - {status: 403, missing: X_Sign}
        - {status: 403, when: X_Sign != lower(id)}
        - {status: 204}
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "problem"),
    [
        ("", "", 0, "no problems"),
        (
            "{status: 403, when",
            "{status: 403, code: 7, when",
            0,
            "note: a.yaml:13: no body has the code 7 (x-envelope says where it is",
        ),
        ("{status: 204}", "{status: 204, data: id}", 2, "a.yaml:14: a reply with the status 204 has no body"),
        ("x-computed: lower", "x-computd: lower", 0, "note: a.yaml:9: x-computd is not read (did you mean x-computed?)"),
        ("x-computed: lower(id)", "x-computed: lower(di)", 2, "a.yaml:9: unknown name di"),
    ],
)
def test_what_no_reply_and_no_request_can_have(lint, old, new, code, problem):
    found, said = lint(BODIES.replace(old, new) if old else BODIES, "a.yaml")
    assert (found, problem in said) == (code, True), said


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"status": 400, "unreadable": "user"}, {"status": 422, "malformed": "user.name"}], ""),
        ([{"status": 400, "unreadable": "user"}], "user is constrained, and no row says what happens when it is malformed"),
        ([{"status": 422, "malformed": "user.name"}], "user is constrained, and no row says what happens when it is malformed"),
    ],
)
def test_an_object_may_be_judged_by_its_type_and_its_parts(lint, rows, problem):
    user = {"type": "object", "properties": {"name": {"type": "string"}}}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"user": user}}}}}
    operation = {"operationId": "a", "requestBody": body, "responses": OK, "x-outcomes": [*rows, {"status": 200}]}
    code, said = lint({"openapi": "3.1.0", **HEAD, "paths": {"/a": {"post": operation}}})
    assert (code, problem in said) == (2 if problem else 0, True), said


def test_the_row_for_a_missing_part_is_one_for_the_missing_object(lint):
    user = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    body = {"type": "object", "required": ["user"], "properties": {"user": user}}
    table = {
        "operationId": "a",
        "responses": OK,
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "x-outcomes": [{"status": 400, "missing": "user.id"}, {"status": 422, "malformed": "user"}, {"status": 200}],
    }
    assert lint({"openapi": "3.1.0", **paths(table)}) == (0, "a.json: no problems in 1 operation, 3 rows\n")
    table["x-outcomes"] = table["x-outcomes"][1:]
    assert "user is required, and no row says what happens when it is missing" in lint({"openapi": "3.1.0", **paths(table)})[1]

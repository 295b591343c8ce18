"""The reference: the document with the outcomes in it, and who may read the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.control.access import Guard
from mockserver.reference.document import reference_document
from mockserver.reference.views import OWN, SWAGGER_UI
from mockserver.reference.wording import plain
from openapi.schemas.validator import validator

FOLDER = Path(openapi.__file__).parent
CONTRACTS = sorted(FOLDER.glob("*.yaml"))
SERVED = [file for file in CONTRACTS if file.stem != "control-plane"]
SHARING = openapi.load()
SHARE_INFO = SHARING.operations["shareInfo"]
PLAIN = """
openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: 'https://elsewhere.example/api'}]
paths:
  /pets/{id}:
    servers: [{url: 'https://path.example'}]
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: pet
      servers: [{url: 'https://operation.example'}]
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Pet'}
        '404':
          description: none
          content: {application/json: {examples: {lost: {value: {why: lost}}, sold: {value: {why: sold}}}}}
        '410': {$ref: '#/components/responses/Gone'}
        '503': {$ref: 'https://elsewhere.example/replies.yaml#/Busy'}
    put:
      parameters: [{name: prefer, in: header, schema: {type: string}}]
      responses: {'204': {description: done}}
  /twin: {$ref: '#/components/pathItems/Twin'}
components:
  schemas: {Pet: {type: object, required: [name], properties: {name: {type: string, pattern: '^[A-Z]+$'}}}, Other: {$ref: a.yaml}}
  responses: {Gone: {description: gone, content: {text/plain: {example: gone}}}}
  pathItems: {Twin: {get: {operationId: twin, responses: {'200': {description: ok}}}}}
"""
SWAGGER = """
swagger: '2.0'
info: {title: Old, version: '1'}
host: elsewhere.example
basePath: /v1
produces: [application/json]
paths:
  /things:
    get:
      operationId: things
      responses: {200: {description: ok, schema: {type: array, items: {type: integer}}}, default: {description: bad}}
"""
PIPES = """
openapi: 3.1.0
info: {title: Pipes, version: '1'}
paths:
  /a:
    get:
      operationId: a
      description: 7
      parameters: [{name: n, in: query, schema: {type: string}}]
      responses: {'200': {description: ok}}
      x-outcomes:
        - status: 400
          code: no way
          when: n == '|' || n == '`<b>'
          msg: {en: "<script>alert(1)</script> | [a](javascript:b)\\n# c"}
        - {status: 409, code: 中, missing: n, msg: {en: '中'}}
        - {status: 403, code: '*', permitted: nobody knows}
        - {status: 204}
x-envelope: {code: /code, message: /msg}
x-messages: {'no way': {en: no}, 中: {en: 中}}
x-state: {}
"""


def _loaded(tmp_path, text):
    file = tmp_path / "contract.yaml"
    file.write_text(text)
    return openapi.load(file, plain=True)


def _problems(document):
    validator = OpenAPIV30SpecValidator if document["openapi"].startswith("3.0") else OpenAPIV31SpecValidator
    return [error.message for error in validator(document).iter_errors()]


def _operations(contract, document):
    for operation in contract.operations.values():
        yield operation, document["paths"][operation.path][operation.method.lower()]


def _examples(described):
    """The examples of an operation: status, media type, name, value."""
    for status, response in described["responses"].items():
        for media, each in response.get("content", {}).items():
            for name, example in each.get("examples", {}).items():
                yield status, media, name, example["value"]


@pytest.mark.parametrize("file", CONTRACTS, ids=lambda file: file.stem)
def test_it_is_valid_openapi_that_names_every_outcome(file):
    contract = openapi.load(file, plain=True)
    before = json.dumps(contract.document)
    document = reference_document(contract)
    assert _problems(document) == []
    assert json.dumps(contract.document) == before
    for operation, described in _operations(contract, document):
        rows = [line for line in described["description"].splitlines() if line.startswith("| ")]
        assert len(rows) == 2 + len(operation.rules)
        asked = described["parameters"][-1]
        assert (asked["name"], asked["in"]) == ("Prefer", "header")
        assert len(asked["schema"]["enum"]) >= len(operation.outcomes)


@pytest.mark.parametrize("file", SERVED, ids=lambda file: file.stem)
def test_each_outcome_with_a_body_has_one_that_its_schema_allows(file):
    contract = openapi.load(file)
    document = reference_document(contract)
    for operation, described in _operations(contract, document):
        examples = {name: (status, value) for status, media, name, value in _examples(described) if "json" in media}
        for outcome in operation.outcomes:
            rule, name = operation.rule_of(outcome), outcome.partition("/")[2]
            if rule.status == 204:
                assert name not in examples
                continue
            status, value = examples[name]
            assert contract.envelope.code_of(value) == rule.code
            assert list(validator(operation.response_schemas.get(status, {})).iter_errors(value)) == [], (outcome, value)


def test_a_row_says_code_condition_kind_and_the_message_in_each_language():
    described = dict(_operations(SHARING, reference_document(SHARING)))[SHARE_INFO]["description"]
    assert described.startswith("The owner of a device offers it to another person.")
    message = "zh: 请输入Product Key<br>en: Please enter Product Key"
    assert f"| <code>5066</code> | 200 | <code>pk</code> is missing | documented | {message} |" in described
    assert "| <code>5032</code> | 200 | <code>caller</code> is not found | documented |" in described
    assert "| at any time | permitted: the server may fail to write at any time |" in described
    assert "<code>acceptingExpireAt &#60; 0</code> | assumed: the documents do not say" in described
    assert "| <code>200</code> | 200 | otherwise | documented |" in described


def test_an_example_of_the_document_is_the_one_of_its_outcome():
    described = dict(_operations(SHARING, reference_document(SHARING)))[SHARE_INFO]
    examples = {name: value for _, _, name, value in _examples(described)}
    assert examples["200"] == examples["shared"]
    assert examples["5135"] == examples["noPermission"]
    assert examples["5106"] == {"code": 5106, "msg": "请输入token", "data": None, "extMsg": ""}


def test_an_example_has_what_the_row_shows_and_no_more():
    contract = openapi.load(FOLDER / "errcode-platform.yaml")
    described = next(each for operation, each in _operations(contract, reference_document(contract)) if operation.name == "token")
    examples = {name: value for _, _, name, value in _examples(described)}
    assert examples["200"].keys() == {"access_token", "expires_in"}
    assert examples["40002"] == {"errcode": 40002, "errmsg": "grant_type must be client_credential"}


def test_it_works_for_a_document_without_tables(tmp_path):
    contract = _loaded(tmp_path, PLAIN)
    document = reference_document(contract)
    assert [server["url"] for server in document["servers"]] == ["/", "/worlds/{world}"]
    item = document["paths"]["/pets/{id}"]
    assert "example/api" not in json.dumps(document) and "servers" not in item and "servers" not in item["get"]
    examples = [(status, name, value) for status, _, name, value in _examples(item["get"])]
    assert ("200", "200", {"name": "A"}) in examples
    assert [name for status, name, _ in examples if status == "404"] == ["lost", "sold"]
    assert item["get"]["parameters"][0]["schema"]["enum"] == [
        "code=404",
        "code=404, example=lost",
        "code=404, example=sold",
        "code=410",
        "code=200",
    ]
    assert [each["name"] for each in item["put"]["parameters"]] == ["prefer"]
    assert document["paths"]["/twin"]["get"]["description"].startswith("| Outcome | HTTP | When | Kind |\n")


def test_nothing_in_it_leads_to_another_file(tmp_path):
    document = reference_document(_loaded(tmp_path, PLAIN))
    references = [part.partition('"')[0] for part in json.dumps(document).split('"$ref": "')[1:]]
    assert references and all(each.startswith("#/") for each in references)
    assert document["paths"]["/pets/{id}"]["get"]["responses"]["503"] == {
        "description": "https://elsewhere.example/replies.yaml#/Busy is not read."
    }


def test_it_works_for_swagger_2(tmp_path):
    contract = _loaded(tmp_path, SWAGGER)
    document = reference_document(contract)
    assert _problems(document) == []
    described = document["paths"]["/things"]["get"]
    assert list(_examples(described)) == [("200", "application/json", "200", [0])]
    assert described["parameters"][-1]["schema"]["enum"] == ["code=default", "code=200"]


def test_a_text_is_no_markup_of_the_table(tmp_path):
    described = reference_document(_loaded(tmp_path, PIPES))["paths"]["/a"]["get"]
    first, second, third, last = described["description"].splitlines()[2:]
    assert first.count("|") == 6  # the five cells
    assert "<script" not in first and "[" not in first and "`" not in first
    assert "| any code | 403 | at any time | permitted: nobody knows |" in third
    assert second.startswith("| <code>409&#58;中</code> |") and last.startswith("| <code>204</code> | 204 | otherwise |")
    # what a header cannot carry is no value of Prefer
    assert described["parameters"][-1]["schema"]["enum"] == ['code="400:no way"', "code=204"]
    assert plain("a_b*c|d\n中") == "a&#95;b&#42;c&#124;d&#10;中"


@pytest.mark.parametrize("file", SERVED, ids=lambda file: file.stem)
def test_the_mock_gives_each_outcome_that_prefer_lists(file):
    contract = openapi.load(file, plain=True)
    world = FOLDER / "worlds" / ("demo.yaml" if file.stem == "device-sharing" else file.name)
    client = create_app(Mock(contract, Origin(openapi.read_document(world)))).test_client()
    for operation, described in _operations(contract, reference_document(contract)):
        path = operation.path.replace("{", "").replace("}", "")
        for wish in described["parameters"][-1]["schema"]["enum"]:
            reply = client.open(path, method=operation.method, headers={"Prefer": wish})
            assert reply.headers["Mock-Outcome"] == f"{operation.name}/{wish.removeprefix('code=')}"


@pytest.fixture
def client():
    mock = Mock(SHARING, Origin(openapi.read_document(openapi.demo_world())))
    return create_app(mock, guard=Guard("secret")).test_client()


@pytest.mark.parametrize(
    "path", ["/_mock/docs", "/_mock/docs/openapi.json", *(f"/_mock/docs/{name}" for name in (*OWN, *SWAGGER_UI))]
)
def test_the_page_needs_no_token_and_runs_its_own_scripts_alone(client, path):
    reply = client.get(path)
    assert reply.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"], policy["connect-src"]) == (
        "'none'",
        *["'self'"] * 3,
    )
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 421
    assert client.get(path, headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_document_is_that_of_the_contract(client):
    assert client.get("/_mock/docs/openapi.json").json == reference_document(SHARING)
    assert "Prefer" not in client.get("/openapi.json").text


def test_a_slash_at_the_end_leads_to_the_page(client):
    reply = client.get("/_mock/docs/")
    assert (reply.status_code, reply.headers["Location"]) == (308, "../docs")


@pytest.mark.parametrize(
    "path", ["/_mock/docs/index.html", "/_mock/docs/..%2fviews.py", "/_mock/docs/swagger-ui.js", "/_mock/docs/a/b"]
)
def test_no_other_file_is_served(client, path):
    reply = client.get(path)
    assert (reply.status_code, reply.content_type) == (404, "application/problem+json")


def test_a_path_that_only_begins_like_it_needs_the_token(client):
    assert client.get("/_mock/docsify").status_code == 401

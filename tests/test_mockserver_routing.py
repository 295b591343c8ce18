"""From a path to an operation: segments, encodings, concrete and templated paths, methods, base paths, CORS."""

from __future__ import annotations

import json

import pytest
from test_mockserver_replies import client_of, contract_of

from mockserver import running

OPERATIONS = [
    ("get", "/files/{name}"),
    ("get", "/files/{name}.json"),
    ("get", "/files/{name}/parts/{part}"),
    ("get", "/größe"),
    ("get", "/größe/{x}"),
    ("get", "/a%20b"),
    ("get", "/users/{id}"),
    ("delete", "/users/{name}"),
    ("get", "/users/me"),
    ("get", "/{kind}/list"),
    ("get", "/users/{id}/list"),
    ("get", "/geo/@{lat},{lon}"),
    ("post", "/c/{n}/points/scroll"),
    ("get", "/c/{m}/points/{id}"),
    ("get", "/{bucket}/{key}"),
    ("options", "/own"),
    ("get", "/own"),
]


def document(operations=OPERATIONS, **more):
    paths = {}
    for method, path in operations:
        content = {"application/json": {"example": f"{method} {path}"}}
        responses = {
            "200": {
                "description": "ok",
                "content": content,
                "headers": {"Access-Control-Allow-Origin": {"example": "https://other"}},
            }
        }
        names = [part.partition("}")[0] for part in path.split("{")[1:]]
        parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
        paths.setdefault(path, {})[method] = {"parameters": parameters, "responses": responses}
    return json.dumps({"openapi": "3.0.3", "info": {"title": "Paths", "version": "1"}, "paths": paths, **more})


@pytest.fixture
def client(tmp_path):
    return client_of(contract_of(document(), tmp_path))


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/files/x", "get /files/{name}"),
        ("GET", "/files/x.json", "get /files/{name}.json"),
        ("GET", "/files/a%2Fb", "get /files/{name}"),
        ("GET", "/files/a%2Fb/parts/c%2fd", "get /files/{name}/parts/{part}"),
        ("GET", "/gr%C3%B6%C3%9Fe", "get /größe"),
        ("GET", "/gr%C3%B6%C3%9Fe/%E2%82%AC", "get /größe/{x}"),
        ("GET", "/a%20b", "get /a%20b"),
        ("GET", "/users/7", "get /users/{id}"),
        ("DELETE", "/users/7", "delete /users/{name}"),
        ("DELETE", "/users/me", "delete /users/{name}"),
        ("GET", "/users/me", "get /users/me"),
        ("GET", "/users/%6De", "get /users/me"),
        ("GET", "/cars/list", "get /{kind}/list"),
        ("GET", "/users/list", "get /users/{id}"),
        ("GET", "/users/7/list", "get /users/{id}/list"),
        ("GET", "/geo/@1.5,2", "get /geo/@{lat},{lon}"),
        ("POST", "/c/q/points/scroll", "post /c/{n}/points/scroll"),
        ("GET", "/c/q/points/scroll", "get /c/{m}/points/{id}"),
        ("GET", "/users%2Fme", None),
        ("GET", "/files/", None),
        ("GET", "/users/me/", None),
    ],
)
def test_a_path_is_split_before_it_is_decoded_and_concrete_segments_come_first(client, method, path, operation):
    reply = client.open(path, method=method)
    assert (reply.json if reply.status_code == 200 else None) == operation


def test_the_values_of_a_path_are_decoded_as_utf_8(client):
    client.get("/files/%E8%AE%BE%2F%25")
    assert client.get("/_mock/worlds/default/journal").json["entries"][0]["request"]["parameters"] == {"name": "设/%"}


def test_the_same_holds_on_the_wire(tmp_path):
    import requests

    file = tmp_path / "contract.json"
    file.write_text(document())
    with running(file) as mock:
        for path, operation in (
            ("/files/a%2Fb", "get /files/{name}"),
            ("/gr%C3%B6%C3%9Fe", "get /größe"),
            ("/users/%6De?a=%2F", "get /users/me"),
        ):
            assert requests.get(f"{mock.url}{path}", timeout=10).json() == operation
            assert requests.get(f"{mock.url}/worlds/default{path}", timeout=10).json() == operation


def test_methods_are_those_of_all_templates_that_fit(client):
    reply = client.put("/users/7")
    assert (reply.status_code, reply.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
    assert (client.open("/users/me", method="OPTIONS").status_code, client.head("/users/me").status_code) == (204, 200)
    assert client.head("/users/me").data == b""
    assert client.open("/own", method="OPTIONS").json == "options /own"


def test_the_control_plane_comes_before_every_template(client):
    assert client.get("/_mock/health").json == {"status": "ok"}
    assert client.get("/_mock/nothing").status_code == 404


def test_the_document_is_served_unless_the_contract_has_that_path(client, tmp_path):
    assert client.get("/openapi.json").json["info"]["title"] == "Paths"
    assert client.get("/openapi.yaml").text.startswith("openapi: 3.0.3\ninfo:\n")
    other = client_of(contract_of(document([("get", "/openapi.json")]), tmp_path))
    assert other.get("/openapi.json").json == "get /openapi.json"


SERVER = {
    "url": "https://{env}.example.com/api/{version}/",
    "variables": {"env": {"default": "prod"}, "version": {"enum": ["v2", "v3"]}},
}


@pytest.mark.parametrize(
    ("servers", "path", "status"),
    [
        ([SERVER], "/api/v3/users/me", 200),
        ([SERVER], "/api/v2/users/7", 200),
        ([SERVER], "/users/me", 200),
        ([SERVER], "/api/v4/users/me", 404),
        ([SERVER], "/worlds/default/api/v3/users/me", 200),
        ([{"url": "v1"}, {"url": "http://[bad"}, "text", {"url": 5}], "/v1/users/me", 200),
        ([{"url": "https://example.com"}], "/users/me", 200),
    ],
)
def test_an_operation_is_also_below_the_base_path_of_its_servers(tmp_path, servers, path, status):
    operations = [each for each in OPERATIONS if each[1].startswith("/users")]
    client = client_of(contract_of(document(operations, servers=servers), tmp_path))
    assert client.get(path).status_code == status


ORIGIN = {"Origin": "https://app.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a"}


@pytest.fixture
def shared(tmp_path):
    return client_of(contract_of(document(), tmp_path), cors={"https://app.example"})


@pytest.mark.parametrize("path", ["/own", "/users/7", "/not/there/at/all"])
def test_a_preflight_is_answered_before_routing_so_that_a_page_can_read_the_error(shared, path):
    reply = shared.open(path, method="OPTIONS", headers=PREFLIGHT)
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    assert "PUT" in reply.headers["Access-Control-Allow-Methods"]
    assert reply.headers["Access-Control-Allow-Headers"] == "x-a"


@pytest.mark.parametrize(("path", "status"), [("/not/there/at/all", 404), ("/users/7", 405), ("/own", 405)])
def test_errors_can_be_read_by_an_allowed_page_alone(shared, path, status):
    reply = shared.put(path, headers=ORIGIN)
    assert (reply.status_code, reply.headers.getlist("Access-Control-Allow-Origin")) == (status, ["https://app.example"])
    assert "Access-Control-Allow-Origin" not in shared.put(path, headers={"Origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in shared.get("/_mock/health", headers={"Host": "localhost"}).headers


def test_a_documented_header_does_not_replace_that_of_the_mock(shared):
    assert shared.get("/own", headers=ORIGIN).headers.getlist("Access-Control-Allow-Origin") == ["https://app.example"]

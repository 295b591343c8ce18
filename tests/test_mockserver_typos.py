"""A typing error in a request to the control plane, or in a path, is refused with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

import openapi
from mockserver import Mock, Origin, create_app

HERE = Path(openapi.__file__).parent
CONTRACT = openapi.load()
URL = CONTRACT.operations["shareInfo"].path
ALICE = {"Authorization": "demo-token-alice"}
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}
DEFAULT = "/_mock/worlds/default"
VERIFY = f"{DEFAULT}/journal/verify"


def _client(contract="device-sharing", world="demo"):
    document = openapi.read_document(HERE / "worlds" / f"{world}.yaml")
    return create_app(Mock(openapi.load(HERE / f"{contract}.yaml"), Origin(document, {}))).test_client()


@pytest.fixture
def client():
    return _client()


@pytest.mark.parametrize(
    ("wanted", "detail"),
    [
        ({"operation": "shareinfo"}, "there is no operation shareinfo (did you mean shareInfo?)"),
        ({"operation": "shareInfo", "outcome": "5134x"}, "shareInfo has no outcome 5134x (did you mean 5134?)"),
        ({"operation": "shareInfo", "outcome": "5142"}, "shareInfo has no outcome 5142 (did you mean 5145?)"),
        ({"operation": "shareInfo", "outcome": "shareDevice/200"}, "shareInfo has no outcome shareDevice/200 (did you mean"),
        ({"outcome": "shareInf/200"}, "the contract has no outcome shareInf/200 (did you mean shareInfo/200?)"),
        ({"outcome": "*"}, "the contract has no outcome * (known: 200, "),
        ({"outcome": "404"}, "the contract has no outcome 404 (known: 200, "),
    ],
)
def test_a_typing_error_never_verifies(client, wanted, detail):
    for reply in (
        client.post(VERIFY, json=wanted | {"exactly": 0}),
        client.get(f"{DEFAULT}/journal", query_string=wanted),
    ):
        assert (reply.status_code, reply.json["detail"].startswith(detail)) == (400, True), reply.text


def test_a_parameter_must_be_one_of_the_operation_or_else_of_any(client):
    for wanted, detail in (
        (
            {"operation": "shareInfo", "parameters": {"covermark": 2}},
            "shareInfo has no parameter covermark (did you mean coverMark?)",
        ),
        ({"operation": "shareInfo", "parameters": {"shareCode": "s"}}, "shareInfo has no parameter shareCode (known: "),
        ({"parameters": {"sharecode": None}}, "the contract has no parameter sharecode (did you mean shareCode?)"),
    ):
        reply = client.post(VERIFY, json=wanted | {"exactly": 0})
        assert (reply.status_code, reply.json["detail"].startswith(detail)) == (400, True), reply.text
    assert client.post(VERIFY, json={"parameters": {"shareCode": "s", "token": None}, "exactly": 0}).json["verified"]


def test_an_outcome_may_be_written_as_elsewhere():
    client = _client("library", "library")
    client.get("/loans")
    for outcome in ("loans/401:no_token", "401:no_token", "no_token"):
        assert client.post(VERIFY, json={"operation": "loans", "outcome": outcome, "exactly": 1}).json["verified"]
    assert client.post(VERIFY, json={"outcome": "loans/200", "exactly": 0}).json["verified"]


def test_a_reply_without_an_outcome_is_found_by_its_status(client):
    assert client.post(VERIFY, json={"outcome": "502"}).status_code == 400
    client.post(f"{DEFAULT}/faults", json={"page": 502, "times": 1})
    for _ in range(2):
        client.post(URL, query_string=SHARE, headers=ALICE)
    assert client.post(VERIFY, json={"operation": "shareInfo", "outcome": "502", "exactly": 1}).json["verified"]
    assert len(client.get(f"{DEFAULT}/journal?outcome=502").json["entries"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", f"{DEFAULT}/journal?limt=5", "has no query option limt (did you mean limit?)"),
        ("POST", "/_mock/worlds?name=x&form=default", "has no query option form (did you mean from?)"),
        ("GET", "/_mock/worlds?name=x", "GET /_mock/worlds has no query option name or any other one; leave it out"),
        ("GET", "/_mock/health?x", "has no query option x"),
        ("GET", "/_mock/metrics?x=1", "has no query option x"),
        ("GET", "/_mock/openapi.yaml?x=1", "has no query option x"),
        ("DELETE", f"{DEFAULT}/journal?operation=shareInfo", "has no query option operation"),
        ("POST", f"{DEFAULT}/reset?seed=1", "has no query option seed"),
        ("PUT", f"{DEFAULT}/state?secrets=true", "has no query option secrets"),
    ],
)
def test_an_unknown_option_of_a_query_is_refused(client, method, path, detail):
    reply = client.open(path, method=method)
    assert (reply.status_code, detail in reply.json["detail"]) == (400, True), reply.text
    assert len(client.get("/_mock/worlds").json) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("POST", "journal/verify", {"exact": 1}, "the body has no key exact (did you mean exactly?)"),
        ("POST", "faults", {"outcom": "200"}, "the body has no key outcom (did you mean outcome?)"),
        ("POST", "faults", {"patch": {"sets": {}}}, "patch has no key sets (did you mean set?)"),
        ("PATCH", "clock", {"froze": True}, "the body has no key froze (did you mean frozen?)"),
    ],
)
def test_an_unknown_key_of_a_body_is_refused(client, method, path, body, detail):
    reply = client.open(f"{DEFAULT}/{path}", method=method, json=body)
    assert (reply.status_code, reply.json["detail"]) == (400, detail)


@pytest.mark.parametrize("fault", [{}, {"times": 2}, {"operation": "shareInfo", "rate": 0.5}, {"delay": 0}, {"broken": False}])
def test_a_fault_without_an_effect_is_refused_with_the_possible_ones(client, fault):
    reply = client.post(f"{DEFAULT}/faults", json=fault)
    wants = "it wants at least one effect: outcome, page, drop, a delay, broken or patch"
    assert (reply.status_code, reply.json["detail"]) == (400, f"the body is not understood: {wants}")
    assert client.get(f"{DEFAULT}/faults").json == []


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/v2/binding/enduserapi/shareinfo", URL),
        ("/shareInfo", URL),
        ("/worlds/default/v2/binding/enduserapi/shareinfo", URL),
        ("/" + "x" * 50_000, "/v2/"),
    ],
)
def test_a_wrong_path_names_the_nearest_one_and_the_control_plane(client, path, nearest):
    reply = client.get(path)
    assert (reply.status_code, reply.content_type) == (404, "application/problem+json")
    start, end = "the contract has no such path; the nearest is ", "; the control plane of this mock is under /_mock/"
    assert reply.json["detail"].startswith(start + nearest)
    assert reply.json["detail"].endswith(end)


def test_a_placeholder_is_as_near_as_what_stands_in_its_place():
    reply = _client("library", "library").get("/loan/0a1b2c3d-and-much-more-than-that")
    assert "the nearest is /loans/{id};" in reply.json["detail"]


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/_mock/wolds", "/_mock/worlds"),
        ("/_mock/world", "/_mock/worlds"),
        ("/_mock/worlds/default/journl", "/_mock/worlds/{world}/journal"),
        ("/_mock/worlds/default/snapshot/s1/restore", "/_mock/worlds/{world}/snapshots/{snapshot}/restore"),
    ],
)
def test_a_wrong_path_of_the_control_plane_names_its_nearest_one(client, path, nearest):
    reply = client.get(path)
    detail = f"the control plane has no such path; the nearest is {nearest}; /_mock/openapi.yaml describes it"
    assert (reply.status_code, reply.json["detail"]) == (404, detail)


def test_a_wrong_method_keeps_its_allow(client):
    for path, allowed in ((URL, {"OPTIONS", "POST"}), ("/_mock/worlds", {"GET", "HEAD", "POST"})):
        reply = client.put(path)
        assert (reply.status_code, set(reply.headers["Allow"].split(", "))) == (405, allowed)

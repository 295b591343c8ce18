"""The state of a world is shown, and put back."""

from __future__ import annotations

from pathlib import Path

import pytest

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.control.access import Guard

HERE = Path(openapi.__file__).parent
STATE = "/_mock/worlds/default/state"
HOLDER = {"Authorization": "Bearer control"}
WORLDS = [("device-sharing", "demo"), ("library", "library"), ("parcel-lockers", "parcel-lockers")]


def _client(contract, document, guard=None, environ=None):
    mock = Mock(openapi.load(HERE / f"{contract}.yaml"), Origin(document, environ or {}))
    return create_app(mock, guard=guard).test_client()


def _shipped(contract, world):
    return _client(contract, openapi.read_document(HERE / "worlds" / f"{world}.yaml"), Guard("control"))


def _play(client):
    """Sends the witness of every outcome, so that requests have written rows too."""
    for each in client.get("/_mock/worlds/default/witnesses", headers=HOLDER).json.values():
        if "request" in each:
            request = each["request"]
            client.open(request["url"], method=request["method"], headers=request["headers"], json=request.get("body"))


@pytest.mark.parametrize(("contract", "world"), WORLDS)
def test_a_state_that_is_shown_with_its_secrets_can_be_put_back(contract, world):
    client = _shipped(contract, world)
    _play(client)
    shown = client.get(f"{STATE}?secrets=true", headers=HOLDER).json
    witnesses = client.get("/_mock/worlds/default/witnesses", headers=HOLDER).json
    for method in ("PUT", "PATCH", "PUT"):
        reply = client.open(STATE, method=method, json=shown, headers=HOLDER)
        assert reply.status_code == 204, reply.text
        assert client.get(f"{STATE}?secrets=true", headers=HOLDER).json == shown
    assert client.get("/_mock/worlds/default/witnesses", headers=HOLDER).json.keys() == witnesses.keys()
    assert client.post("/_mock/worlds?name=copy", json=shown, headers=HOLDER).status_code == 201
    assert client.get("/_mock/worlds/copy/state?secrets=true", headers=HOLDER).json == shown


@pytest.mark.parametrize(("contract", "world"), WORLDS)
def test_a_redacted_state_is_refused_with_what_to_do(contract, world):
    client = _shipped(contract, world)
    before = client.get(f"{STATE}?secrets=true", headers=HOLDER).json
    shown = client.get(STATE, headers=HOLDER).json
    for method, path in (("PUT", STATE), ("PATCH", STATE), ("POST", "/_mock/worlds?name=copy")):
        reply = client.open(path, method=method, json=shown, headers=HOLDER)
        assert reply.status_code == 400
        assert "is [redacted], which would be stored as the value (take a snapshot" in reply.json["detail"]
        assert "?secrets=true" in reply.json["detail"]
    assert client.get(f"{STATE}?secrets=true", headers=HOLDER).json == before


def test_the_refusal_names_its_line():
    client = _shipped("library", "library")
    text = "books: []\nmembers:\n  - {token: '[redacted]', name: ada}\n"
    reply = client.put(STATE, data=text, content_type="application/yaml", headers=HOLDER)
    assert reply.json["detail"].startswith("default:3: members: token is [redacted]")


def test_a_column_without_a_value_is_put_back_without_one():
    world = {"couriers": [{"key": "a-key-of-one"}], "boxes": [{"number": 1, "size": "S"}]}
    client = _client("parcel-lockers", openapi.Document("w", world, {}), Guard("control"))
    shown = client.get(f"{STATE}?secrets=true", headers=HOLDER).json
    assert shown["couriers"] == [{"key": "a-key-of-one", "name": None}]
    assert client.put(STATE, json=shown, headers=HOLDER).status_code == 204
    assert client.get(f"{STATE}?secrets=true", headers=HOLDER).json == shown


@pytest.mark.parametrize(
    "row", [{"number": 1, "size": None}, {"number": None, "size": "S"}, {"number": 1, "size": "S", "free": None}]
)
def test_a_column_that_needs_a_value_is_not_null(row):
    client = _shipped("parcel-lockers", "parcel-lockers")
    reply = client.patch(STATE, json={"boxes": [row]}, headers=HOLDER)
    assert (reply.status_code, "null is not of type" in reply.json["detail"]) == (409, True)


def test_rows_are_shown_in_the_order_in_which_they_were_added():
    boxes = [{"number": number, "size": "S", "free": True} for number in (3, 1, 2)]
    client = _client("parcel-lockers", openapi.Document("w", {"couriers": [{"key": "key-1", "name": "one"}], "boxes": boxes}, {}))
    assert client.get(STATE).json["boxes"] == boxes

    def deposit():
        body = {"phone": "5550123", "size": "S"}
        return client.post("/lockers/deposit", json=body, headers={"X-Api-Key": "key-1"}).json["result"]["box"]

    snapshot = client.post("/_mock/worlds/default/snapshots").json["snapshot"]
    chosen = deposit()
    client.post(f"/_mock/worlds/default/snapshots/{snapshot}/restore")
    client.put(STATE, json=client.get(STATE).json | {"couriers": [{"key": "key-1", "name": "one"}]})
    assert deposit() == chosen


def test_a_secret_of_the_environment_stays_one_after_a_put():
    world = {"members": [{"token": "${ADA}", "name": "ada"}], "books": [{"isbn": "1", "title": "T"}]}
    client = _client("library", openapi.Document("w", world, {}), Guard("control"), {"ADA": "hidden-value"})
    shown = client.get(f"{STATE}?secrets=true", headers=HOLDER).json
    client.put(STATE, json=shown, headers=HOLDER)
    found = client.get("/_mock/worlds/default/witnesses", headers=HOLDER)
    assert ("hidden-value" in found.text, "${ADA}" in found.text) == (False, True)

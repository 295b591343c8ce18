"""Tables and rows of a world, one by one: what they look like, how they are changed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import openapi
from mockserver import Bounds, Mock, Origin, create_app
from mockserver.control.access import Guard

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
ROWS = "/_mock/worlds/default/rows"
LARGE = 9_223_372_036_854_775_806
TEXT = {"Mock-Integers": "text"}


def _client(guard=None, **bounds):
    return create_app(Mock(CONTRACT, Origin(openapi.read_document(WORLD), {}), Bounds(**bounds)), guard=guard).test_client()


@pytest.fixture
def client():
    return _client()


def _row(client, table, number=0):
    return client.get(f"{ROWS}/{table}").json["rows"][number]


def _detail(reply, status):
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json")
    return reply.json["detail"]


def test_tables_have_columns_and_counts(client):
    tables = {each["table"]: each for each in client.get("/_mock/worlds/default/tables").json}
    assert list(tables) == list(CONTRACT.tables)
    assert (tables["devices"]["key"], tables["devices"]["rows"]) == (["pk", "dk"], 7)
    token, _, until = tables["sessions"]["columns"]
    assert token == {"name": "token", "type": "string", "required": True, "default": None, "secret": True}
    assert (until["type"], until["required"], until["default"]) == ("integer", False, 9_223_372_036_854_775_807)


def test_rows_come_in_pages_in_the_order_in_which_they_were_added(client):
    whole = client.get(f"{ROWS}/devices").json
    page = client.get(f"{ROWS}/devices?offset=2&limit=3").json
    assert page == {"rows": whole["rows"][2:5], "total": 7}
    assert [row["values"] for row in whole["rows"]] == client.get("/_mock/worlds/default/state").json["devices"]
    assert client.get(f"{ROWS}/devices?offset=7").json == {"rows": [], "total": 7}


def test_the_name_of_a_row_does_not_tell_its_key():
    clients = _client(), _client()
    names = [[row["id"] for row in client.get(f"{ROWS}/sessions").json["rows"]] for client in clients]
    assert len({*names[0], *names[1]}) == 8  # a digest without a secret would be the same in both
    assert names[0] == [row["id"] for row in clients[0].get(f"{ROWS}/sessions").json["rows"]]


def test_secrets_are_shown_only_with_the_token():
    client, token = _client(Guard("secret")), {"Authorization": "Bearer secret"}
    assert client.get(f"{ROWS}/sessions", headers=token).json["rows"][0]["values"]["token"] == "[redacted]"
    assert "demo-token" in client.get(f"{ROWS}/sessions?secrets=true", headers=token).json["rows"][0]["values"]["token"]
    assert "--token" in _detail(_client().get(f"{ROWS}/sessions?secrets=true"), 403)


def test_columns_of_a_row_are_changed_and_the_others_stay(client):
    row = _row(client, "devices")
    reply = client.patch(f"{ROWS}/devices/{row['id']}", json={"verified": False, "name": None})
    assert reply.json == {"id": row["id"], "values": row["values"] | {"verified": False, "name": None}}
    assert _row(client, "devices") == reply.json


def test_a_secret_can_be_replaced_without_being_seen(client):
    row = _row(client, "sessions")
    reply = client.patch(f"{ROWS}/sessions/{row['id']}", json={"uid": "C10000002"})
    assert reply.json["values"] == row["values"] | {"uid": "C10000002"}
    headers = {"Authorization": "Bearer demo-token-alice"}
    client.get("/v2/binding/enduserapi/deviceShareUserList", headers=headers)
    assert client.get("/_mock/worlds/default/journal").json["entries"][0]["outcome"] != "deviceShareUserList/5032"


@pytest.mark.parametrize(
    ("table", "values", "status", "detail"),
    [
        ("devices", {"verified": "yes"}, 409, 'devices.verified: "yes" is not of type "boolean"'),
        ("devices", {"verified": None}, 409, 'devices.verified: null is not of type "boolean"'),
        ("devices", {"verifed": True}, 409, "devices has no column verifed (did you mean verified?)"),
        ("devices", {"pk": "another"}, 409, "devices.pk is part of the key, which stays"),
        ("devices", {"name": "a [redacted] name"}, 400, "devices.name is [redacted], which would be stored as the value"),
        ("sessions", {"expiresAt": "soon"}, 409, "sessions.expiresAt: 'soon' is not a time"),
        ("sessions", {"uid": "${HOME}"}, 409, "${HOME} is not looked up"),
        ("devices", ["name"], 400, "the body is no row of devices; write {pk, dk, owner, verified, name}"),
    ],
)
def test_what_a_row_cannot_hold_is_a_sentence_and_changes_nothing(client, table, values, status, detail):
    row = _row(client, table)
    assert detail in _detail(client.patch(f"{ROWS}/{table}/{row['id']}", json=values), status)
    assert _row(client, table) == row


def test_a_text_of_a_request_does_not_hinder_the_change_of_another_column():
    mock = Mock(CONTRACT, Origin(openapi.read_document(WORLD), {}))
    client, live = create_app(mock).test_client(), mock.worlds.default
    device = next(iter(live.state.table("devices").values()))
    live.change_row("devices", device[:2], lambda row: (*row[:4], "${HOME}"))
    path = f"{ROWS}/devices/{_row(client, 'devices')['id']}"
    assert client.patch(path, json={"verified": False}).json["values"]["name"] == "${HOME}"


def test_the_same_key_may_be_written(client):
    row = _row(client, "devices")
    assert client.patch(f"{ROWS}/devices/{row['id']}", json=row["values"]).json == row


def test_a_row_is_added_once(client):
    device = {"pk": "new", "dk": "one", "owner": "C10000001"}
    reply = client.post(f"{ROWS}/devices", json=device)
    assert (reply.status_code, reply.json["values"]) == (201, device | {"verified": True, "name": None})
    assert _row(client, "devices", -1) == reply.json
    assert "has a row with the same pk, dk already" in _detail(client.post(f"{ROWS}/devices", json=device), 409)
    assert "the row has no dk" in _detail(client.post(f"{ROWS}/devices", json={"pk": "new"}), 409)


def test_a_full_table_takes_no_row():
    client = _client(rows=11)
    share = {"shareCode": "a", "pk": "p", "dk": "d", "sharer": "s", "acceptingExpireAt": "now + 1d"}
    assert "shares is full" in _detail(client.post(f"{ROWS}/shares", json=share), 409)


def test_a_row_is_deleted_once(client):
    path = f"{ROWS}/devices/{_row(client, 'devices')['id']}"
    assert client.delete(path).status_code == 204
    assert client.get(f"{ROWS}/devices").json["total"] == 6
    for method in ("DELETE", "PATCH"):
        assert "read the rows again" in _detail(client.open(path, method=method, json={}), 404)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_table_is_a_sentence(client, method):
    assert "no table device (did you mean devices?)" in _detail(client.open(f"{ROWS}/device", method=method, json={}), 404)


def test_an_integer_that_javascript_would_round_survives_a_browser(client):
    """What a page does: it parses numbers as doubles, and writes back what it has read."""
    row = _row(client, "sessions")
    path = f"{ROWS}/sessions/{row['id']}"
    shown = client.patch(path, json={"expiresAt": str(LARGE)}, headers=TEXT)
    read = json.loads(shown.text, parse_int=float)["values"]["expiresAt"]
    assert read == str(LARGE)
    assert client.patch(path, json={"expiresAt": read}).json["values"]["expiresAt"] == LARGE
    for place in (ROWS + "/sessions", "/_mock/worlds/default/state", "/_mock/worlds/default/tables"):
        text = client.get(place, headers=TEXT).text
        assert not any(abs(float(each)) > 2**53 - 1 for each in _integers(text))
        assert any(abs(each) > 2**53 - 1 for each in _integers(client.get(place).text))


def _integers(text):
    found = []
    json.loads(text, parse_int=lambda digits: found.append(int(digits)))
    return found


@pytest.mark.parametrize(
    ("value", "shown"), [(2**53 - 1, 2**53 - 1), (2**53, str(2**53)), (-(2**53), str(-(2**53))), (True, True)]
)
def test_only_integers_that_are_not_exact_become_text(value, shown):
    from mockserver.control.integers import safe

    assert safe({"a": [value]}) == {"a": [shown]}


def test_another_wish_for_integers_is_a_sentence(client):
    assert "it wants text" in _detail(client.get("/_mock/worlds", headers={"Mock-Integers": "numbers"}), 400)

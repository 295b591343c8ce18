"""The journal: reasons of each reply, verification of calls, and secrets that it never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

import openapi
from mockserver import Bounds, Mock, Origin, create_app
from mockserver.control.access import Guard

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
URL = CONTRACT.operations["shareInfo"].path
ALICE = {"Authorization": "Bearer demo-token-alice"}
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}
JOURNAL = "/_mock/worlds/default/journal"


@pytest.fixture
def mock():
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD), {}), Bounds(journal=20))


@pytest.fixture
def client(mock):
    return create_app(mock).test_client()


def _share(client, headers=ALICE, **changes):
    return client.post(URL, query_string=SHARE | changes, headers=headers).json["code"]


def _entries(client, query=""):
    return client.get(f"{JOURNAL}?{query}").json["entries"]


def _verify(client, **wanted):
    return client.post(f"{JOURNAL}/verify", json=wanted).json


def test_an_entry_says_what_was_asked_why_and_what_changed(client):
    _share(client)
    entry = _entries(client)[0]
    assert entry["outcome"] == "shareInfo/200"
    assert entry["request"]["parameters"] == SHARE | {"token": "[redacted]"}
    assert entry["request"]["query"] == [[name, value] for name, value in SHARE.items()]
    assert entry["rule"]["line"].endswith(f":{CONTRACT.operations['shareInfo'].success.line}")
    assert "shareInfo/5135: when: device.owner != caller.uid" in " ".join(entry["reasons"])
    assert "device.owner is 'C10000001', caller.uid is 'C10000001'" in " ".join(entry["reasons"])
    assert entry["changes"][0]["table"] == "shares"
    assert (entry["changes"][0]["before"], entry["changes"][0]["after"]["dk"]) == (None, "D001")
    assert entry["reply"]["data"] == entry["changes"][0]["after"]["shareCode"]
    assert entry["milliseconds"] > 0
    assert not entry["tainted"]


def test_the_last_reason_is_the_row_that_answered(client):
    _share(client, dk="D004")
    entry = _entries(client)[0]
    assert entry["outcome"] == "shareInfo/5135"
    assert entry["reasons"][-1].startswith(f"shareInfo/5135: {entry['rule']['holds']} holds")
    assert all("does not hold" in reason or "only permitted" in reason for reason in entry["reasons"][:-1])


def test_a_form_is_shown_as_it_came(client):
    client.post(URL, data=SHARE, headers=ALICE)
    assert _entries(client)[0]["request"]["form"] == [[name, value] for name, value in SHARE.items()]


def test_entries_come_newest_first_and_are_chosen(client):
    for changes in ({}, {"dk": "D004"}, {"pk": ""}):
        _share(client, **changes)
    client.get("/v2/binding/enduserapi/deviceShareUserList", headers=ALICE)
    numbers = [entry["number"] for entry in _entries(client)]
    assert numbers == [4, 3, 2, 1]
    assert [entry["number"] for entry in _entries(client, "operation=shareInfo&limit=2")] == [3, 2]
    assert [entry["number"] for entry in _entries(client, "outcome=shareInfo/5135")] == [2]
    assert [entry["number"] for entry in _entries(client, "outcome=200")] == [1]
    assert _entries(client, "tainted=true") == []


def test_entries_are_chosen_by_the_clock_of_the_world(client):
    client.patch("/_mock/worlds/default/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    _share(client)
    client.patch("/_mock/worlds/default/clock", json={"advance": "1h"})
    _share(client)
    assert [entry["number"] for entry in _entries(client, "since=now - 30m")] == [2]
    assert [entry["number"] for entry in _entries(client, "until=2030-01-01T00:30:00Z")] == [1]
    assert [entry["number"] for entry in _entries(client, "since=1893456000000&until=1893456000000")] == [1]


def test_a_test_suite_counts_what_was_asked(client):
    _share(client)
    _share(client)
    _share(client, dk="D002")
    wanted = {"operation": "shareInfo", "outcome": "200"}
    assert _verify(client, **wanted, parameters={"dk": "D001"}, exactly=2)["verified"]
    assert _verify(client, **wanted, parameters={"dk": "D002", "coverMark": None}, exactly=1)["verified"]
    assert _verify(client, **wanted, parameters={"acceptingExpireAt": 4102444800000}, atLeast=3, atMost=3)["verified"]
    assert _verify(client, outcome="shareInfo/5135", exactly=0)["verified"]
    wrong = _verify(client, **wanted, exactly=2)
    assert (wrong["verified"], wrong["count"], wrong["message"]) == (False, 3, "3 matched, exactly 2 expected")
    assert not _verify(client, outcome="5134")["verified"]


def test_the_journal_is_bounded_and_does_not_claim_what_it_forgot(client):
    for _ in range(25):
        _share(client)
    found = client.get(JOURNAL).json
    assert (len(found["entries"]), found["forgotten"]) == (20, 5)
    verdict = _verify(client, operation="shareInfo", exactly=20)
    assert not verdict["verified"]
    assert "--journal" in verdict["message"]
    assert _verify(client, operation="shareInfo", atLeast=20)["verified"]
    client.delete(JOURNAL)
    assert client.get(JOURNAL).json == {"entries": [], "forgotten": 0}
    assert _verify(client, operation="shareInfo", exactly=0)["verified"]


def test_a_very_large_request_is_kept_as_its_beginning(client, mock):
    _share(client, pk="x" * 60_000, demo="demo-token-alice")
    entry = mock.worlds.default.journal.entries[0]
    assert (entry.decision, entry.call.query) == (None, "")
    shown = client.get(JOURNAL).text
    assert len(shown) < 20_000
    assert "demo-token-alice" not in shown
    assert _entries(client)[0]["outcome"] == "shareInfo/5135"


@pytest.mark.parametrize(
    "leak",
    [
        {"query_string": SHARE, "headers": {"Authorization": "demo-token-alice"}},
        {"query_string": SHARE, "headers": {"Authorization": "Bearer demo-token-alice"}},
        {"query_string": SHARE | {"pk": "demo-token-alice"}, "headers": ALICE},
        {"query_string": SHARE | {"authKey": "Bearer demo-token-alice"}, "headers": ALICE},
        {"data": SHARE | {"dk": "demo-token-alice"}, "headers": ALICE},
        {"query_string": SHARE | {"elsewhere": "demo-token-alice"}, "headers": ALICE},
        {"query_string": SHARE | {"access_token": "not-known-demo-token"}, "headers": ALICE},
        {"query_string": SHARE, "headers": {"Authorization": "not-known-demo-token"}},
    ],
)
def test_no_token_is_in_journal_log_or_world_dump(mock, leak):
    lines = []
    client = create_app(mock, lines.append).test_client()
    client.post(URL, **leak)
    client.get("/v2/demo-token-alice")
    client.post("/_mock/worlds?name=other&from=default")
    shown = [client.get(path).text for path in (JOURNAL, "/_mock/worlds/default/state", "/_mock/worlds/other/state")]
    shown += [client.get(path).text for path in ("/_mock/worlds", "/_mock/metrics")]
    assert "demo-token" not in "".join([*shown, *map(str, lines)])


def test_a_token_that_is_no_longer_in_the_state_is_covered_in_older_entries(client):
    _share(client, pk="demo-token-alice")
    client.put("/_mock/worlds/default/state", json={})
    assert "demo-token-alice" not in client.get(JOURNAL).text


def test_who_holds_the_control_token_may_see_secrets_and_nobody_else(mock):
    guarded = create_app(mock, guard=Guard("control")).test_client()
    holder = {"Authorization": "Bearer control"}
    guarded.post(URL, query_string=SHARE, headers=ALICE)
    for path in (JOURNAL, "/_mock/worlds/default/state"):
        assert "demo-token-alice" in guarded.get(f"{path}?secrets=true", headers=holder).text
        assert "demo-token-alice" not in guarded.get(path, headers=holder).text
        assert guarded.get(f"{path}?secrets=true").status_code == 401
        refused = create_app(mock).test_client().get(f"{path}?secrets=true")
        assert (refused.status_code, "--token" in refused.json["detail"]) == (403, True)


@pytest.mark.parametrize("outcome", [outcome for each in CONTRACT.operations.values() for outcome in each.outcomes])
def test_every_witness_gets_its_outcome(outcome, witnessed):
    app, found = witnessed
    witness, client = found[outcome], app.test_client()
    if "unreachable" in witness:
        assert witness["unreachable"].startswith(("needs rows", "no request can force it"))
        return
    name = outcome.replace("/", ".")
    base = client.post("/_mock/worlds", query_string={"name": name, "from": "default"}).json["url"]
    request = witness["request"]
    url = request["url"].replace("http://localhost", base)
    reply = client.open(url, method=request["method"], headers=request["headers"], json=request.get("body"))
    assert reply.headers["Mock-Outcome"] == outcome
    assert witness["curl"].startswith(f"curl -sS -X {request['method']} ")


@pytest.fixture(scope="module")
def witnessed():
    """An application with a frozen clock, and its witnesses."""
    app = create_app(Mock(CONTRACT, Origin(openapi.read_document(WORLD))))
    client = app.test_client()
    client.patch("/_mock/worlds/default/clock", json={"frozen": True})
    return app, client.get("/_mock/worlds/default/witnesses").json


def test_an_outcome_that_a_world_cannot_reach_says_what_is_missing(client):
    client.put("/_mock/worlds/default/state", json={})
    found = client.get("/_mock/worlds/default/witnesses").json
    assert found["shareInfo/5360"]["unreachable"].startswith("needs rows in devices for which this holds")
    assert "request" in found["shareInfo/5032"]


def test_a_witness_names_a_secret_of_the_environment():
    world = {"sessions": [{"token": "${ALICE}", "uid": "C10000001"}], "devices": [{"pk": "p", "dk": "d", "owner": "C10000001"}]}
    document = openapi.Document("w", world, {})
    client = create_app(Mock(CONTRACT, Origin(document, {"ALICE": "hidden value/1"}))).test_client()
    reply = client.get("/_mock/worlds/default/witnesses")
    assert "hidden" not in reply.text
    assert '-H "Authorization: ${ALICE}"' in reply.json["shareInfo/200"]["curl"]

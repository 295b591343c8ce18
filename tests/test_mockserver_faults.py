"""Faults: every kind, how often each happens, and that changed replies are marked as tainted."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import requests

import openapi
from mockserver import Mock, Origin, create_app, running

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
SHARE_INFO = CONTRACT.operations["shareInfo"]
URL = SHARE_INFO.path
ALICE = {"Authorization": "demo-token-alice"}
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}
FAULTS = "/_mock/worlds/default/faults"


@pytest.fixture
def mock():
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD)))


@pytest.fixture
def client(mock):
    return create_app(mock).test_client()


def _share(client, **headers):
    return client.post(URL, query_string=SHARE, headers=ALICE | headers)


def _add(client, **fault):
    reply = client.post(FAULTS, json=fault)
    assert reply.status_code == 201, reply.text
    return reply.json["id"]


def _last(client):
    return client.get("/_mock/worlds/default/journal?limit=1").json["entries"][0]


@pytest.mark.parametrize("outcome", SHARE_INFO.outcomes)
@pytest.mark.parametrize("written", [str, lambda outcome: outcome.rpartition("/")[2]])
def test_every_outcome_can_be_forced_and_changes_nothing(client, mock, outcome, written):
    before = mock.worlds.default.state
    _add(client, operation="shareInfo", outcome=written(outcome), times=1)
    reply = _share(client)
    assert reply.headers["Mock-Outcome"] == outcome
    assert f"shareInfo/{reply.json['code']}" == outcome
    assert mock.worlds.default.state is before
    assert _last(client)["tainted"]


def test_a_forced_success_has_data_of_the_contract(client):
    _add(client, outcome="200", times=1)
    assert _share(client).json["data"].startswith("share_dv_C10000001")


def test_a_fault_happens_as_often_as_it_says(client):
    _add(client, operation="shareInfo", outcome="5134", times=2)
    assert [_share(client).json["code"] for _ in range(3)] == [5134, 5134, 200]
    assert client.get(FAULTS).json == []


def test_a_rate_comes_from_the_seeded_generator(client):
    _add(client, outcome="5134", operation="shareInfo", rate=0.3)
    name = client.post("/_mock/worlds/default/snapshots").json["snapshot"]
    first = [_share(client).json["code"] for _ in range(60)]
    client.post(f"/_mock/worlds/default/snapshots/{name}/restore")
    assert [_share(client).json["code"] for _ in range(60)] == first
    assert 5 < first.count(5134) < 35


def test_a_fault_is_for_its_operation_alone(client):
    _add(client, operation="shareInfo", outcome="5134")
    other = next(each for each in CONTRACT.operations.values() if each.name != "shareInfo" and each.method == "POST")
    assert client.post(other.path).headers["Mock-Outcome"] == f"{other.name}/5106"
    assert _share(client).json["code"] == 5134


def test_a_delay_waits_and_answers_truly(client):
    _add(client, delay=120, times=1)
    started = time.perf_counter()
    assert _share(client).json["code"] == 200
    assert time.perf_counter() - started >= 0.12
    assert (_last(client)["tainted"], _last(client)["fault"]["delay"]) == (False, 120)


def test_an_error_page_is_html_and_nothing_was_done(client, mock):
    before = mock.worlds.default.state
    _add(client, page=502, times=1)
    reply = _share(client)
    assert (reply.status_code, reply.mimetype) == (502, "text/html")
    assert "502 Bad Gateway" in reply.text
    assert mock.worlds.default.state is before


def test_broken_json_ends_half_way_after_the_change(client, mock):
    before = mock.worlds.default.state
    _add(client, broken=True, times=1)
    reply = _share(client)
    assert reply.text.startswith('{"code": 200')
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(reply.text)
    assert mock.worlds.default.state is not before


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"text": ["/code"]}, {"code": "200"}),
        ({"set": {"/data": None}}, {"data": None}),
        ({"set": {"/code": 9999}}, {"code": 9999}),
        ({"set": {"/extra/deep": 1}}, {}),
    ],
)
def test_an_envelope_is_patched(client, patch, expected):
    _add(client, patch=patch, times=1)
    reply = _share(client).json
    assert reply.items() >= expected.items()
    assert set(reply) == {"code", "msg", "data", "extMsg"}


def test_a_key_is_taken_out_of_the_envelope(client):
    _add(client, patch={"remove": ["/msg", "/nothing/here"]}, times=1)
    assert set(_share(client).json) == {"code", "data", "extMsg"}


@pytest.mark.parametrize(("drop", "added"), [("request", 0), ("reply", 1)])
def test_a_dropped_connection_has_no_reply(drop, added):
    with running() as mock:
        world = mock.create()
        before = len(world.state()["shares"])
        world.faults.add(drop=drop, times=1)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            requests.post(world.url + URL, params=SHARE, headers=ALICE, timeout=10)
        assert len(world.state()["shares"]) == before + added
        entry = world.journal.entries()[0]
        assert (entry["outcome"], entry["status"], entry["tainted"]) == (None, 0, True)
        assert requests.post(world.url + URL, params=SHARE, headers=ALICE, timeout=10).json()["code"] == 200


@pytest.mark.parametrize("prefer", ["code=5134", 'respond-async, code="5134"', "wait=1;code=shareInfo/5134"])
def test_prefer_forces_one_reply(client, prefer):
    assert _share(client, Prefer=prefer).json["code"] == 5134
    assert _last(client)["tainted"]
    assert _share(client).json["code"] == 200


def test_prefer_without_a_code_is_no_wish(client):
    assert _share(client, Prefer="respond-async, encode=5134").json["code"] == 200


def test_an_unknown_code_is_refused_with_the_known_ones(client):
    reply = _share(client, Prefer="code=9999")
    assert (reply.status_code, reply.content_type) == (400, "application/problem+json")
    assert "shareInfo has no outcome 9999 (known: 200, 5032, " in reply.json["detail"]
    assert client.get("/_mock/worlds/default/journal").json["entries"] == []
    reply = client.post(FAULTS, json={"outcome": "9999", "operation": "shareInfo"})
    assert (reply.status_code, "known: 200, 5032" in reply.json["detail"]) == (404, True)


def test_an_unknown_operation_is_refused_with_the_nearest(client):
    reply = client.post(FAULTS, json={"operation": "shareinfo", "page": 500})
    assert (reply.status_code, "did you mean shareInfo?" in reply.json["detail"]) == (404, True)


@pytest.mark.parametrize(
    "fault",
    [
        *({"page": 200}, {"delay": 60_001}, {"rate": 0}, {"rate": 1.1}, {"times": 0}, {"drop": "both"}, {"wait": 1}),
        *({"patch": {"set": {"code": 1}}}, {"outcome": 5134}, "5134", None),
    ],
)
def test_a_fault_that_is_not_understood_is_a_sentence(client, fault):
    assert client.post(FAULTS, data=json.dumps(fault)).status_code == 400


def test_faults_are_removed_and_bounded(client):
    number = _add(client, page=500)
    assert client.delete(f"{FAULTS}/{number}").status_code == 204
    assert client.delete(f"{FAULTS}/{number}").status_code == 404
    statuses = [client.post(FAULTS, json={"page": 500}).status_code for _ in range(101)]
    assert statuses[99:] == [201, 409]
    assert client.delete(FAULTS).status_code == 204
    assert _share(client).status_code == 200

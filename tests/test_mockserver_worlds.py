"""Worlds: chosen by base URL or header, isolated, saved and restored, limited, and deleted when idle."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Barrier, Thread

import pytest

import openapi
from mockserver import Bounds, Mock, Origin, create_app

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
URL = CONTRACT.operations["shareInfo"].path
ALICE = {"Authorization": "demo-token-alice"}
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}


@pytest.fixture
def mock():
    return _mock()


@pytest.fixture
def client(mock):
    return create_app(mock).test_client()


def _mock(**bounds):
    return Mock(CONTRACT, Origin(openapi.read_document(WORLD)), Bounds(**bounds))


def _create(client, name, **more):
    query = "&".join([f"name={name}", *(f"from={value}" for key, value in more.items() if key == "parent")])
    reply = client.post(f"/_mock/worlds?{query}", json=more.get("document"))
    assert reply.status_code == 201, reply.text
    return reply.json


def _share(client, base="", **changes):
    return client.post(base + URL, query_string=SHARE | changes, headers=ALICE).json


def _shares(client, name):
    return client.get(f"/_mock/worlds/{name}/state").json["shares"]


def test_a_base_url_and_a_header_choose_the_same_world(client):
    _create(client, "a")
    assert _share(client, "/worlds/a")["code"] == 200
    assert client.post(URL, query_string=SHARE, headers=ALICE | {"Mock-World": "a"}).json["code"] == 200
    entries = [client.get(f"/_mock/worlds/{name}").json["entries"] for name in ("a", "default")]
    assert entries == [2, 0]


@pytest.mark.parametrize(("path", "headers"), [("/worlds/nobody" + URL, {}), (URL, {"Mock-World": "nobody"})])
def test_a_world_that_does_not_exist_is_a_sentence_and_never_the_default_one(client, path, headers):
    reply = client.post(path, headers=headers)
    assert (reply.status_code, reply.content_type) == (404, "application/problem+json")
    assert "POST /_mock/worlds?name=" in reply.json["detail"]
    assert client.get("/_mock/worlds/default").json["entries"] == 0


def test_a_fork_begins_as_its_parent_is_and_goes_its_own_way(client):
    _share(client)
    _create(client, "b", parent="default")
    assert _shares(client, "b") == _shares(client, "default")
    _share(client, "/worlds/b", coverMark="2")
    assert len(_shares(client, "b")) == len(_shares(client, "default")) + 1
    client.post("/_mock/worlds/b/reset")
    assert _shares(client, "b") == _shares(client, "default")


def test_worlds_of_one_seed_invent_the_same(client):
    _create(client, "a")
    _create(client, "b")
    first, other = ([_share(client, f"/worlds/{name}")["data"] for _ in range(3)] for name in "ab")
    assert first == other
    assert len(set(first)) == 3


def test_a_snapshot_brings_back_rows_clock_randomness_and_faults(client):
    client.patch("/_mock/worlds/default/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    client.post("/_mock/worlds/default/faults", json={"outcome": "5134", "times": 1, "operation": "shareInfo"})
    name = client.post("/_mock/worlds/default/snapshots").json["snapshot"]
    first = [_share(client), _share(client)]
    client.delete("/_mock/worlds/default/clock")
    assert client.post(f"/_mock/worlds/default/snapshots/{name}/restore").status_code == 204
    assert client.get("/_mock/worlds/default/clock").json["now"] == 1_893_456_000_000
    assert [_share(client), _share(client)] == first
    assert [each["code"] for each in first] == [5134, 200]


def test_an_uploaded_world_is_what_is_true(client):
    document = {"sessions": [{"token": "t", "uid": "u"}], "devices": [{"pk": "p", "dk": "d", "owner": "u"}]}
    _create(client, "mine", document=document)
    reply = client.post("/worlds/mine" + URL, query_string=SHARE | {"pk": "p", "dk": "d"}, headers={"Authorization": "t"})
    assert reply.json["code"] == 200


def test_a_yaml_world_is_read_and_its_problems_carry_its_lines(client):
    text = "sessions:\n  - {token: t, uid: u}\n  - {tokn: t, uid: u}\n"
    reply = client.post("/_mock/worlds?name=mine", data=text, content_type="application/yaml")
    assert reply.status_code == 409
    assert "mine:3: sessions has no column tokn (did you mean token?)" in reply.json["detail"]


def test_the_environment_is_not_read_for_a_world_from_the_network(client, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden-value")
    reply = client.post("/_mock/worlds?name=mine", json={"sessions": [{"token": "${SECRET}", "uid": "u"}]})
    assert reply.status_code == 409
    assert "${SECRET} is not looked up for a world that comes over the network" in reply.json["detail"]
    assert "hidden-value" not in reply.text


def test_rows_are_put_in_place_of_those_with_the_same_key(client):
    row = {"pk": "p11pLZ", "dk": "D001", "owner": "C10000001", "verified": False}
    assert client.patch("/_mock/worlds/default/state", json={"devices": [row]}).status_code == 204
    assert _share(client)["code"] == 5360
    assert len(client.get("/_mock/worlds/default/state").json["devices"]) == len(_mock().worlds.default.state.table("devices"))


def test_another_state_replaces_the_whole_one_and_keeps_the_clock(client):
    client.patch("/_mock/worlds/default/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    client.put("/_mock/worlds/default/state", json={"sessions": [{"token": "t", "uid": "u", "expiresAt": "now + 1h"}]})
    state = client.get("/_mock/worlds/default/state").json
    assert (len(state["sessions"]), state["devices"]) == (1, [])
    assert state["sessions"][0]["expiresAt"] == 1_893_456_000_000 + 3_600_000


def test_a_deleted_world_is_gone_and_the_default_one_stays(client):
    _create(client, "a")
    assert client.delete("/_mock/worlds/a").status_code == 204
    assert client.get("/_mock/worlds/a").status_code == 404
    assert client.delete("/_mock/worlds/default").status_code == 409


def test_a_name_is_taken_once(client):
    _create(client, "a")
    assert client.post("/_mock/worlds?name=a").status_code == 409


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "é", "x" * 65, "-a"])
def test_a_name_is_a_plain_word(client, name):
    assert client.post("/_mock/worlds", query_string={"name": name}).status_code == 400


def test_worlds_are_bounded_in_number(mock):
    client = create_app(_mock(worlds=3)).test_client()
    _create(client, "a")
    _create(client, "b")
    reply = client.post("/_mock/worlds?name=c")
    assert (reply.status_code, "--max-worlds" in reply.json["detail"]) == (409, True)


def test_worlds_are_bounded_in_size():
    rows = max(len(list(state.rows(name))) for state in [_mock().worlds.default.state] for name in state.tables)
    client = create_app(_mock(rows=rows + 1)).test_client()
    replies = [client.post(URL, query_string=SHARE | {"coverMark": "2"}, headers=ALICE) for _ in range(rows + 2)]
    assert (replies[0].status_code, replies[-1].status_code) == (200, 507)
    assert "--max-rows" in replies[-1].json["detail"]
    many = [{"pk": "p", "dk": f"d{number}", "owner": "u"} for number in range(rows + 2)]
    reply = client.post("/_mock/worlds?name=a", json={"devices": many})
    assert (reply.status_code, "is full" in reply.json["detail"]) == (409, True)


def test_snapshots_are_bounded(client):
    statuses = [client.post("/_mock/worlds/default/snapshots").status_code for _ in range(101)]
    assert statuses[99:] == [201, 409]


def test_an_unused_world_expires_and_a_used_one_does_not():
    mock = _mock(idle=30.0)
    client = create_app(mock).test_client()
    _create(client, "used")
    _create(client, "unused")
    for name in ("used", "unused"):
        mock.worlds.get(name).used -= 20
    _share(client, "/worlds/used")
    for name in ("used", "unused", "default"):
        mock.worlds._named[name].used -= 20
    assert [each["name"] for each in client.get("/_mock/worlds").json] == ["default", "used"]
    assert client.post("/worlds/unused" + URL).status_code == 404


def test_a_world_is_made_in_milliseconds(mock):
    origin = mock.worlds.origin
    started = time.process_time()
    for number in range(100):
        mock.worlds.create(f"w{number}", origin)
    assert (time.process_time() - started) / 100 < 0.05


def test_forty_worlds_at_once_do_not_disturb_each_other(mock):
    app, barrier, failures = create_app(mock), Barrier(40), []

    def test(number):
        client, base = app.test_client(), f"/worlds/w{number}"
        _create(client, f"w{number}")
        client.patch(f"/_mock{base}/clock", json={"time": str(number), "frozen": True})
        client.post(f"/_mock{base}/faults", json={"outcome": "5134", "times": number % 3 + 1, "operation": "shareInfo"})
        barrier.wait()
        codes = [_share(client, base)["code"] for _ in range(6)]
        entries = client.get(f"/_mock{base}/journal").json["entries"]
        expected = [5134] * (number % 3 + 1)
        if codes != expected + [200] * (6 - len(expected)) or {each["at"] for each in entries} != {number} or len(entries) != 6:
            failures.append((number, codes, [each["at"] for each in entries]))

    threads = [Thread(target=test, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_clock_moves_everything_that_speaks_of_time(client):
    clock = "/_mock/worlds/default/clock"
    client.put(
        "/_mock/worlds/default/state",
        json={
            "sessions": [{"token": "demo-token-alice", "uid": "u", "expiresAt": "now + 10d"}],
            "devices": [{"pk": "p11pLZ", "dk": "D001", "owner": "u"}],
        },
    )
    now = client.patch(clock, json={"frozen": True}).json["now"]
    accepting = {"acceptingExpireAt": str(now + 1000)}
    _share(client, **accepting)
    client.patch(clock, json={"advance": "2s"})  # the first share has expired, so there is none to replace
    _share(client, acceptingExpireAt=str(now + 10_000))
    assert sum(not row["replaced"] for row in _shares(client, "default")) == 2
    client.patch(clock, json={"advance": "5s"})
    _share(client, acceptingExpireAt=str(now + 10_000))
    assert sum(not row["replaced"] for row in _shares(client, "default")) == 2
    entry = client.get("/_mock/worlds/default/journal").json["entries"][0]
    assert entry["at"] == now + 7000
    client.patch(clock, json={"advance": "10d"})
    assert _share(client)["code"] == 5032


def test_a_clock_is_real_shifted_or_frozen(client):
    clock = "/_mock/worlds/default/clock"
    assert client.get(clock).json["mode"] == "real"
    shifted = client.patch(clock, json={"advance": "-1h"}).json
    assert (shifted["mode"], shifted["ahead"]) == ("shifted", -3_600_000)
    frozen = client.patch(clock, json={"time": "2030-01-01T00:00:00Z", "advance": "1d", "frozen": True}).json
    assert (frozen["mode"], frozen["time"]) == ("frozen", "2030-01-02T00:00:00.000Z")
    assert client.get(clock).json["now"] == frozen["now"]
    resumed = client.patch(clock, json={"frozen": False}).json
    assert resumed["mode"] == "shifted"
    assert 0 <= resumed["now"] - frozen["now"] < 60_000
    assert client.delete(clock).json["mode"] == "real"


@pytest.mark.parametrize("asked", [{"time": "tomorrow"}, {"advance": "7 weeks"}, {"frozen": "yes"}, {"speed": 2}, [1]])
def test_a_clock_that_is_not_understood_is_a_sentence(client, asked):
    reply = client.patch("/_mock/worlds/default/clock", json=asked)
    assert (reply.status_code, reply.content_type) == (400, "application/problem+json")

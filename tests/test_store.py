"""Worlds in a database: they survive a restart, several mocks on one store are one, and what cannot be stored changes nothing."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import subprocess
import sys
import time
from functools import partial
from random import Random
from threading import Thread

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import event, func, select, text
from stores import KINDS, stored

import mockserver.store.world
import openapi
from mockserver import Bounds, ControlError, Mock, Origin, create_app, running
from mockserver.cli.main import main
from mockserver.serving.reload import Reloader
from mockserver.store import schema
from mockserver.store.database import Database
from mockserver.store.schema import LOG, WORLDS
from mockserver.store.worlds import StoredWorlds
from mockserver.worlds.world import StoreProblem

CONTRACT = openapi.load()
DEMO = openapi.demo_world()
PATH = CONTRACT.operations["shareInfo"].path
ALICE = {"Authorization": "Bearer demo-token-alice"}
LATER = 4_102_444_800_000
DEFAULT = "/_mock/worlds/default"


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    with stored(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def sqlite(tmp_path):
    return f"sqlite:///{tmp_path / 'mock.db'}"


@pytest.fixture
def opened():
    """Opens mocks on a store, and closes them at the end."""
    mocks = []

    def open_store(url, world=DEMO, contract=CONTRACT, **bounds):
        origin = Origin(openapi.read_document(world), {})
        mocks.append(Mock(contract, origin, Bounds(**bounds), partial(StoredWorlds, address=url)))
        return mocks[-1]

    yield open_store
    for each in mocks:
        each.worlds.close()


def client_of(mock):
    return create_app(mock).test_client()


def share(client, world="default", **query):
    wanted = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER} | query
    return client.post(f"/worlds/{world}{PATH}" if world != "default" else PATH, query_string=wanted, headers=ALICE)


def code(client, **query):
    return share(client, **query).json["data"]


def journal(client, world="default", **query):
    return client.get(f"/_mock/worlds/{world}/journal", query_string={"limit": 1000} | query).json["entries"]


def everything(client):
    paths = ("/state", "/journal", "/faults", "/snapshots")
    names = [each["name"] for each in worlds(client)]
    found = {name: [client.get(f"/_mock/worlds/{name}{path}").json for path in paths] for name in names}
    return found, client.get("/_mock/metrics").text


def worlds(client):
    return client.get("/_mock/worlds").json


def test_all_of_a_mock_survives_a_restart(store, opened):
    client = client_of(opened(store))
    client.patch(f"{DEFAULT}/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    client.post(f"{DEFAULT}/faults", json={"operation": "shareInfo", "outcome": "5134", "times": 3})
    assert [share(client).json["code"] for _ in range(2)] == [5134, 5134]
    client.post(f"{DEFAULT}/snapshots")
    client.post("/_mock/worlds?name=fork&from=default")
    client.post("/_mock/worlds?name=own", json={"users": [{"uid": "U1"}], "seed": 7})
    assert [share(client, world="fork").json["code"] for _ in range(2)] == [5134, 200]
    before = everything(client)
    again = client_of(opened(store))
    assert everything(again) == before
    assert again.get(f"{DEFAULT}/clock").json["time"] == "2030-01-01T00:00:00.000Z"
    assert [share(again).json["code"] for _ in range(2)] == [5134, 200]
    again.post(f"{DEFAULT}/snapshots/s1/restore")
    assert share(again).json["code"] == 5134
    for name in ("fork", "own"):
        assert again.post(f"/_mock/worlds/{name}/reset").status_code == 204
    assert again.get("/_mock/worlds/own/state").json["users"][0]["uid"] == "U1"
    assert [each["number"] for each in journal(again)] == [5, 4, 3, 2, 1]


def answered(client):
    found = client.get(f"{DEFAULT}/operations").json
    return {
        row["row"]: row["answered"] for each in found if each["name"] == "shareInfo" for row in each["rows"] if row["answered"]
    }


def test_how_often_each_row_answered_is_known_to_every_process(store, opened):
    one, two = (client_of(opened(store)) for _ in range(2))
    share(one), share(two), share(one, pk="")
    share(one, sharingExpireAt="x" * 20_000)  # of so large a request the journal keeps the beginning
    before = answered(one)
    assert sum(before.values()) == 4 and len(before) == 3
    assert answered(two) == answered(client_of(opened(store))) == before
    two.post(f"{DEFAULT}/reset")
    share(two)
    assert answered(one) == answered(two) == answered(client_of(opened(store))) == {max(before): 1}


def next_entry(mock, after):
    return next(data for kind, data in mock.world().journal.events(after) if kind == "entry")


def test_events_show_what_another_process_answered(store):
    with running(store=store) as one, running(store=store) as two:
        requests.post(f"{one.url}{PATH}", params={"pk": "p11pLZ"}, headers=ALICE, timeout=10)
        entry = next_entry(two, after=0)
        assert (entry["number"], entry["outcome"], entry["rule"]["kind"]) == (1, "shareInfo/5067", "documented")
        again = two.world().journal.replay(1)
        assert (again["number"], again["outcome"], again["reasons"]) == (2, entry["outcome"], entry["reasons"])
        assert next_entry(one, after=1) | {"curl": ""} == again | {"curl": ""}  # each has its own port


def test_a_row_has_one_name_in_every_process(store, opened):
    one, two = (client_of(opened(store)) for _ in range(2))
    [row, *_] = one.get(f"{DEFAULT}/rows/devices").json["rows"]
    assert two.patch(f"{DEFAULT}/rows/devices/{row['id']}", json={"verified": False}).status_code == 200
    assert one.get(f"{DEFAULT}/rows/devices").json["rows"][0]["values"]["verified"] is False
    assert two.delete(f"{DEFAULT}/rows/devices/{row['id']}").status_code == 204
    assert row["id"] not in [each["id"] for each in client_of(opened(store)).get(f"{DEFAULT}/rows/devices").json["rows"]]


def test_a_world_goes_on_with_random_numbers_as_if_there_had_been_no_restart(sqlite, opened):
    memory = client_of(Mock(CONTRACT, Origin(openapi.read_document(DEMO), {})))
    expected = [code(memory) for _ in range(120)]
    found = []
    for _ in range(4):
        client = client_of(opened(sqlite))
        found += [code(client) for _ in range(30)]
    assert found == expected


def test_several_mocks_on_a_store_are_one(store, opened):
    one, two = (client_of(opened(store)) for _ in range(2))
    codes = [code(each) for _ in range(5) for each in (one, two)]
    assert len(set(codes)) == 10
    assert [each["reply"]["data"] for each in reversed(journal(one))] == codes
    assert everything(one) == everything(two)
    one.post("/_mock/worlds?name=w")
    assert share(two, world="w").json["code"] == 200
    two.delete("/_mock/worlds/w")
    assert (share(one, world="w").status_code, one.get("/_mock/worlds/w").status_code) == (404, 404)
    two.post("/_mock/worlds?name=w")
    assert [each["outcome"] for each in journal(one, "w")] == []
    assert two.post("/_mock/worlds?name=w").status_code == 409


def test_a_mock_that_lags_behind_a_checkpoint_catches_up(sqlite, opened, monkeypatch):
    monkeypatch.setattr(mockserver.store.world, "LONGEST_LOG", 5000)
    quick, slow = (opened(sqlite, journal=10) for _ in range(2))
    one, two = client_of(quick), client_of(slow)
    code(two)
    for _ in range(40):
        code(one)
    with quick.worlds.database.reading() as connection:
        assert 10 <= connection.execute(select(func.count()).select_from(LOG)).scalar_one() < 20
    assert everything(one) == everything(two)
    assert len(journal(two)) == 10
    assert everything(client_of(opened(sqlite, journal=10))) == everything(one)


def test_every_text_of_a_request_can_be_stored(store, opened):
    client = client_of(opened(store))
    name = "a\0b\U0001f600"
    client.patch(f"{DEFAULT}/state", json={"users": [{"uid": name, "nickname": name}]})
    client.post(f"{PATH}?pk=%00&dk=%ff%ed%a0%80", headers=ALICE)
    before = everything(client)
    assert everything(client_of(opened(store))) == before
    assert name in [each["uid"] for each in client.get(f"{DEFAULT}/state").json["users"]]


def test_a_secret_that_rows_no_longer_have_stays_hidden_in_old_entries(sqlite, opened):
    client = client_of(opened(sqlite))
    client.patch(f"{DEFAULT}/state", json={"sessions": [{"token": "once-a-secret", "uid": "C10000001"}]})
    share(client, dk="once-a-secret")
    client.put(f"{DEFAULT}/state", json={})
    for each in (client, client_of(opened(sqlite))):
        assert journal(each)[0]["request"]["parameters"]["dk"] == "[redacted]"


def test_a_full_database_refuses_and_changes_nothing(sqlite, opened):
    mock = opened(sqlite)
    client = client_of(mock)
    code(client)
    before = everything(client)
    pages = [None]

    def limit(connection, record):
        if pages[0] is not None:
            connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    event.listen(mock.worlds.database._engine, "connect", limit)
    mock.worlds.database.close()
    pages[0] = 1
    refused = [client.patch(f"{DEFAULT}/state", json={"users": [{"uid": Random(1).randbytes(100_000).hex()}]})]
    refused += [share(client) for _ in range(60)]
    assert refused[0].status_code == refused[-1].status_code == 507
    assert refused[-1].content_type.startswith("application/problem+json")
    assert "is full; free space" in refused[-1].json["detail"]
    stored = sum(each.status_code == 200 for each in refused)
    assert [len(journal(client)), client.get(f"{DEFAULT}/state").json["users"]] == [1 + stored, before[0]["default"][0]["users"]]
    pages[0] = 1_000_000
    mock.worlds.database.close()
    assert share(client).status_code == 200
    assert [each["number"] for each in journal(client)] == list(range(2 + stored, 0, -1))


def test_a_locked_database_refuses_for_the_time_being(sqlite, opened, tmp_path):
    client = client_of(opened(f"{sqlite}?timeout=0.1"))
    code(client)
    other = sqlite3.connect(tmp_path / "mock.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    found = share(client)
    assert (found.status_code, found.json["status"]) == (503, 503)
    assert "is locked by another program" in found.json["detail"]
    assert client.delete(f"{DEFAULT}/journal").status_code == 503
    other.execute("ROLLBACK")
    assert [each["number"] for each in journal(client)] == [1]
    assert code(client)


def test_a_request_that_nobody_stored_leaves_the_random_numbers_as_they_were(sqlite, opened, tmp_path):
    client, memory = client_of(opened(f"{sqlite}?timeout=0")), client_of(Mock(CONTRACT, Origin(openapi.read_document(DEMO), {})))
    other = sqlite3.connect(tmp_path / "mock.db", isolation_level=None)
    found = []
    for number in range(6):
        if number % 2:
            other.execute("BEGIN EXCLUSIVE")
            assert share(client).status_code == 503
            other.execute("ROLLBACK")
        else:
            found.append(code(client))
    assert found == [code(memory) for _ in found]


def test_only_one_of_several_mocks_resets_the_default_world_for_a_new_file(sqlite, opened, tmp_path):
    world = tmp_path / "world.yaml"
    world.write_text(DEMO.read_text())
    mocks = [opened(sqlite, world) for _ in range(2)]
    said = []
    reloaders = [Reloader(mock, None, said.append) for mock in mocks]
    clients = [client_of(mock) for mock in mocks]
    code(clients[0])
    clients[0].post("/_mock/worlds?name=w")
    code(clients[1], world="w")
    world.write_text(json.dumps(openapi.read_document(DEMO).data | {"seed": 9}))
    reloaders[0].check()
    code(clients[0])
    reloaders[1].check()
    assert [len(journal(each)) for each in clients] == [1, 1]
    assert [len(journal(each, "w")) for each in clients] == [1, 1]
    assert said[0].endswith("began anew: default") and said[1].endswith("began anew: ")


def test_a_world_that_one_mock_uses_does_not_expire_in_another(sqlite, opened, monkeypatch):
    one, two = (client_of(opened(sqlite, idle=100.0)) for _ in range(2))
    one.post("/_mock/worlds?name=used")
    one.post("/_mock/worlds?name=idle")
    now = [time.time()]
    monkeypatch.setattr("mockserver.store.worlds.time", lambda: now[0])
    now[0] += 90
    assert share(one, world="used").status_code == 200
    now[0] += 90
    assert share(two, world="idle").status_code == 404
    assert [each["name"] for each in worlds(two)] == ["default", "used"]
    assert 'outcome="shareInfo/200"' in two.get("/_mock/metrics").text
    now[0] += 1000
    assert [each["name"] for each in worlds(client_of(opened(sqlite, idle=100.0)))] == ["default", "used"]  # a start is a use


def test_the_metrics_of_a_deleted_world_are_kept(sqlite, opened):
    client = client_of(opened(sqlite))
    client.post("/_mock/worlds?name=w")
    code(client, world="w")
    before = client.get("/_mock/metrics").text.replace("mockserver_worlds 2", "mockserver_worlds 1")
    client.delete("/_mock/worlds/w")
    assert client_of(opened(sqlite)).get("/_mock/metrics").text == before


def test_worlds_are_bounded_over_all_mocks(sqlite, opened):
    one, two = (client_of(opened(sqlite, worlds=2)) for _ in range(2))
    assert one.post("/_mock/worlds?name=a").status_code == 201
    assert two.post("/_mock/worlds?name=b").status_code == 409


def test_a_delayed_reply_of_a_store_blocks_no_thread(sqlite):
    with running(store=sqlite, threads=1) as mock:
        world = mock.world()
        world.faults.add(operation="shareInfo", delay=30_000, times=1)
        query = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER}
        delayed = Thread(target=lambda: requests.post(mock.url + PATH, params=query, headers=ALICE, timeout=60))
        delayed.start()
        while not world.journal.entries():
            pass
        assert requests.post(mock.url + PATH, params=query, headers=ALICE, timeout=20).json()["code"] == 200
        assert delayed.is_alive()
    delayed.join()  # the mock that stops sends its reply at once


def test_concurrent_requests_of_two_mocks_have_one_order(store, opened):
    mocks = [opened(store) for _ in range(2)]
    beginning = mocks[0].worlds.default.moment()

    def ask(place):
        client = client_of(mocks[place % 2])
        for _ in range(15):
            code(client)

    threads = [Thread(target=ask, args=(place,)) for place in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    world = opened(store).worlds.default
    assert [entry.number for entry in world.journal.entries] == list(range(1, 91))
    replayed(beginning, world)


def replayed(beginning, world):
    """Answers the calls of the journal once more: that gives the same replies and the state of the world."""
    state, random = beginning.state, Random()
    random.setstate(beginning.random)
    for entry in world.journal.entries:
        decision = openapi.decide(CONTRACT.operations[entry.call.operation], entry.call.raw, state, entry.at, random)
        assert (decision.outcome, decision.data) == (entry.outcome, entry.told.reply.get("data"))
        state = decision.state
    assert state.snapshot() == world.state.snapshot()


# Start, migrations


def refused(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert (result.exit_code, "Traceback" in result.output) == (2, False), result.output
    return result.output.strip()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "would be in memory"),
        ("mysql://host/db", "is in mysql, but a store is in SQLite or PostgreSQL"),
        ("mock.db", "is no address of a database (write sqlite:///mock.db"),
        ("sqlite:////nowhere/at/all.db", "cannot be opened; check that its folder exists"),
        ("postgresql://me:secret@127.0.0.1:9/db", "the store postgresql+psycopg://me:***@127.0.0.1:9/db cannot be reached"),
    ],
)
def test_a_store_that_cannot_be_used_is_a_sentence(url, said):
    assert said in refused("serve", "--port", "0", "--store", url)


def test_a_file_of_something_else_is_refused(tmp_path):
    file = tmp_path / "mock.db"
    file.write_bytes(b"this is a text" * 100)
    assert "is no SQLite database" in refused("serve", "--store", f"sqlite:///{file}")
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE shop (id INTEGER)")
    assert "has tables of something else (shop)" in refused("serve", "--store", f"sqlite:///{file}")
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("shop",)]


def test_a_store_that_cannot_be_written_is_refused_at_start(sqlite, opened, tmp_path):
    opened(sqlite).worlds.close()
    readonly = f"sqlite:///file:{tmp_path / 'mock.db'}?mode=ro&uri=true"
    assert "is read-only; make the file" in refused("serve", "--store", readonly)
    other = sqlite3.connect(tmp_path / "mock.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked by another program" in refused("serve", "--store", f"{sqlite}?timeout=0")
    other.execute("ROLLBACK")


def test_a_store_of_another_contract_is_refused(sqlite, opened):
    opened(sqlite)
    folder = DEMO.parent.parent
    said = refused("serve", "--store", sqlite, "--contract", f"{folder}/library.yaml", "--world", f"{folder}/worlds/library.yaml")
    assert "is of a contract with other tables than" in said


def test_a_newer_store_is_refused_and_an_older_one_is_migrated_at_once(sqlite, opened, monkeypatch):
    client = client_of(opened(sqlite))
    code(client)
    database = Database(sqlite)
    with database.writing() as connection:
        connection.execute(text("UPDATE mock_store SET version = 99"))
    assert "has version 99, and this mockserver knows 1" in refused("serve", "--store", sqlite)
    with database.writing() as connection:  # version 0, of this test, had no digest of the files
        connection.execute(text("ALTER TABLE mock_worlds DROP COLUMN served"))
        connection.execute(text("UPDATE mock_store SET version = 0"))
    assert "has version 0, which this mockserver cannot read" in refused("serve", "--store", sqlite)

    def broken(connection):
        migrate(connection)
        raise StoreProblem("stopped half-way")

    def migrate(connection):
        connection.execute(text("ALTER TABLE mock_worlds ADD COLUMN served VARCHAR DEFAULT '' NOT NULL"))

    monkeypatch.setattr(schema, "MIGRATIONS", {0: broken})
    with pytest.raises(StoreProblem):
        opened(sqlite)
    monkeypatch.setattr(schema, "MIGRATIONS", {0: migrate})
    assert len(journal(client_of(opened(sqlite)))) == 1
    with database.reading() as connection:
        assert connection.execute(text("SELECT version FROM mock_store")).scalar() == schema.VERSION
        assert connection.execute(select(WORLDS.c.served)).scalar() != ""
    database.close()


def test_several_workers_need_a_store():
    assert "use --store URL" in refused("serve", "--workers", "2")


def test_without_its_packages_a_store_is_one_sentence():
    code = "import sys; sys.modules['sqlalchemy'] = None\n"
    code += "from mockserver.cli.main import main; main(['serve', '--store', 'sqlite:///mock.db'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert re.fullmatch(
        r"a store needs the extra: pip install 'contract-mock\[store\]' \(sqlalchemy\S* is not installed\)\n", done.stderr
    )


# Export and import


def test_a_world_moves_to_another_store(sqlite, opened, tmp_path):
    client = client_of(opened(sqlite))
    client.patch(f"{DEFAULT}/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    client.post(f"{DEFAULT}/snapshots")
    code(client)
    client.post(f"{DEFAULT}/faults", json={"operation": "shareInfo", "outcome": "5134", "times": 1})
    file, other = tmp_path / "world.json", f"sqlite:///{tmp_path / 'other.db'}"
    assert CliRunner().invoke(main, ["export", "default", "--store", sqlite, "--output", str(file)]).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert CliRunner().invoke(main, ["export", "default", "--store", sqlite]).stdout_bytes == file.read_bytes()
    assert CliRunner().invoke(main, ["import", "moved", str(file), "--store", other]).exit_code == 0
    assert "there is a world moved already" in refused("import", "moved", str(file), "--store", other)
    assert CliRunner().invoke(main, ["import", "default", str(file), "--store", other, "--replace"]).exit_code == 0
    moved = client_of(opened(other))
    for name in ("moved", "default"):
        assert moved.get(f"/_mock/worlds/{name}/clock").json["now"] == client.get(f"{DEFAULT}/clock").json["now"]
        for path in ("/state", "/faults", "/snapshots"):
            assert moved.get(f"/_mock/worlds/{name}{path}").json == client.get(f"{DEFAULT}{path}").json
    assert share(moved, world="moved").json["code"] == share(client).json["code"] == 5134
    assert code(moved, world="moved") == code(client)
    assert moved.post("/_mock/worlds/moved/snapshots/s1/restore").status_code == 204
    assert moved.post("/_mock/worlds/moved/snapshots").json == {"snapshot": "s2"}
    assert moved.post("/_mock/worlds/moved/reset").status_code == 204


def test_a_world_is_replaced_with_its_snapshots_while_a_mock_serves_it(sqlite, opened, tmp_path):
    client = client_of(opened(sqlite))
    client.patch(f"{DEFAULT}/clock", json={"time": "2030-01-01T00:00:00Z", "frozen": True})
    client.post(f"{DEFAULT}/snapshots")
    file, other = tmp_path / "world.json", f"sqlite:///{tmp_path / 'other.db'}"
    assert CliRunner().invoke(main, ["export", "default", "--store", sqlite, "--output", str(file)]).exit_code == 0
    serving = client_of(opened(other))
    for _ in range(2):
        serving.post(f"{DEFAULT}/snapshots")
    assert serving.post(f"{DEFAULT}/snapshots/s1/restore").status_code == 204
    own = serving.get(f"{DEFAULT}/clock").json
    assert CliRunner().invoke(main, ["import", "default", str(file), "--store", other, "--replace"]).exit_code == 0
    assert serving.get(f"{DEFAULT}/snapshots").json == [{"snapshot": "s1"}]
    serving.patch(f"{DEFAULT}/clock", json={"time": "2031-01-01T00:00:00Z"})
    for each in (serving, client_of(opened(other))):
        assert each.post(f"{DEFAULT}/snapshots/s1/restore").status_code == 204
        assert each.get(f"{DEFAULT}/clock").json["now"] == client.get(f"{DEFAULT}/clock").json["now"] != own["now"]
    assert serving.post(f"{DEFAULT}/snapshots").json == {"snapshot": "s3"}


def test_an_import_that_fails_leaves_the_snapshots(sqlite, opened, tmp_path, monkeypatch):
    client = client_of(opened(sqlite))
    code(client)
    client.post(f"{DEFAULT}/snapshots")
    file = tmp_path / "world.json"
    assert CliRunner().invoke(main, ["export", "default", "--store", sqlite, "--output", str(file)]).exit_code == 0
    before = client.get(f"{DEFAULT}/snapshots").json, client.get(f"{DEFAULT}/state").json
    with monkeypatch.context() as patched:
        patched.setattr(mockserver.store.world.StoredWorld, "_checkpoint", lambda world, connection: 1 / 0)
        assert isinstance(
            CliRunner().invoke(main, ["import", "default", str(file), "--store", sqlite, "--replace"]).exception,
            ZeroDivisionError,
        )
    again = client_of(opened(sqlite))
    assert (again.get(f"{DEFAULT}/snapshots").json, again.get(f"{DEFAULT}/state").json) == before
    assert again.post(f"{DEFAULT}/snapshots/s1/restore").status_code == 204


def _row(data):
    data["moment"]["state"]["users"]["rows"][0][0] = 7


def _twice(data):
    rows = data["moment"]["state"]["users"]["rows"]
    rows.append(rows[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_row, "a row of users is not valid"),
        (lambda data: data["moment"].pop("random"), "'random'"),
        (lambda data: data["moment"]["clock"].__setitem__(0, "soon"), "its clock has no times"),
        (lambda data: data.update(tables="x"), "is of a contract with other tables"),
        (lambda data: data["snapshots"].update({"../x": data["moment"]}), "'../x' is no name of a snapshot"),
        (lambda data: data.update({"mockserver world": 2}), 'it has no `"mockserver world": 1`'),
        (lambda data: data["moment"]["state"]["users"]["rows"][0].pop(), "is no world that `mockserver export` wrote"),
        (_twice, "already has a row"),
    ],
)
def test_a_file_that_is_no_export_is_a_sentence_and_leaves_the_store_as_it_was(sqlite, opened, tmp_path, change, said):
    client = client_of(opened(sqlite))
    data = json.loads(CliRunner().invoke(main, ["export", "default", "--store", sqlite]).stdout_bytes)
    change(data)
    file = tmp_path / "world.json"
    file.write_text(json.dumps(data))
    output = refused("import", "w", str(file), "--store", sqlite)
    assert output.startswith(f"{file}:1: ") and said in output
    assert len(worlds(client)) == 1


def test_what_cannot_be_exported_or_imported_is_a_sentence(sqlite, opened, tmp_path):
    opened(sqlite)
    assert "the store has no world defalt (did you mean default?" in refused("export", "defalt", "--store", sqlite)
    assert "name it with --store URL" in refused("export", "default")
    assert "cannot be read: No such file" in refused("import", "w", str(tmp_path / "no"), "--store", sqlite)
    assert "'a/b' is no name of a world" in refused("import", "a/b", __file__, "--store", sqlite)


def test_a_mock_in_python_takes_a_store(sqlite):
    with running(store=sqlite) as mock:
        name = mock.create("kept").name
    with running(store=sqlite) as mock:
        assert mock.world(name).state()["users"]
        mock.world(name).delete()
        with pytest.raises(ControlError):
            mock.world(name)

"""Processes on one store: what was acknowledged survives kill -9, and all of them together have one serial order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest
import requests
from stores import KINDS, stored

import openapi
from mockserver import Bounds, Mock, Origin
from mockserver.store.worlds import StoredWorlds

ROOT = Path(__file__).parent.parent
CONTRACT = openapi.load()
SHARE, ACCEPT = (CONTRACT.operations[name].path for name in ("shareInfo", "shareDevice"))
ALICE, BOB, CAROL = ({"Authorization": f"Bearer demo-token-{name}"} for name in ("alice", "bob", "carol"))
LATER = 4_102_444_800_000
JOURNAL = 100_000


@pytest.fixture
def processes():
    running = []
    yield running
    for each in running:
        each.kill()
        each.communicate()


def serve(processes, store, *more, port=0):
    arguments = ["--store", store, "--journal", str(JOURNAL), "--port", str(port), "--no-reload", "--quiet", *more]
    command = [sys.executable, "-m", "mockserver", "serve", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes.append(process)
    process.base = process.stdout.readline().split()[-1]
    return process


def world_of(store):
    """The default world, as a process that starts now reads it."""
    origin = Origin(openapi.read_document(openapi.demo_world()), {})
    mock = Mock(CONTRACT, origin, Bounds(journal=JOURNAL), partial(StoredWorlds, address=store))
    world = mock.worlds.default
    mock.worlds.close()
    return world


def asking(base, stop, seed, codes):
    """Shares a device and accepts the share, until it is stopped; remembers each reply that came."""
    chance, said = Random(seed), []

    def ask():
        while not stop.is_set():
            try:
                if codes and chance.random() < 0.5:
                    query, path, who = {"shareCode": codes[-1]}, ACCEPT, chance.choice((BOB, CAROL))
                else:
                    query, path, who = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER}, SHARE, ALICE
                reply = requests.post(base[0] + path, params=query, headers=who, timeout=5)
                if reply.status_code == 200:
                    said.append((path, query.get("shareCode"), reply.json()))
                    if path == SHARE:
                        codes.append(reply.json()["data"])
            except requests.RequestException:
                stop.wait(0.05)  # it is being started

    return Thread(target=ask), said


def check(store, beginning, said):
    """The journal is one serial order that explains the state and each reply that a client got."""
    world = world_of(store)
    entries = list(world.journal.entries)
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    state, random = beginning.state, Random()
    random.setstate(beginning.random)
    for entry in entries:
        decision = openapi.decide(CONTRACT.operations[entry.call.operation], entry.call.raw, state, entry.at, random)
        assert (decision.outcome, decision.data) == (entry.outcome, entry.told.reply.get("data"))
        assert [each.described() for each in decision.changes] == [dict(each) for each in entry.told.changes]
        state = decision.state
    assert state.snapshot() == world.state.snapshot()
    assert world.tallies and sum(each.count for each in world.tallies.values()) == len(entries)
    counted = {}
    for entry in entries:
        key = entry.call.path, entry.call.raw.get("shareCode"), json.dumps(entry.told.reply, sort_keys=True)
        counted[key] = counted.get(key, 0) + 1
    for path, code, reply in said:
        key = path, code, json.dumps(reply, sort_keys=True)
        assert counted.get(key, 0) > 0, f"{key} is in no entry"
        counted[key] -= 1
    minted = [entry.told.reply["data"] for entry in entries if entry.outcome == "shareInfo/200"]
    assert len(set(minted)) == len(minted)
    assert {row["shareCode"] for row in world.state.rows("shares")} >= set(minted)
    accepted = [entry.call.raw["shareCode"] for entry in entries if entry.outcome == "shareDevice/200"]
    assert len(set(accepted)) == len(accepted)
    return entries


THOROUGH = [*KINDS[1].marks, pytest.mark.thorough]


@pytest.mark.parametrize(
    ("kind", "kills"),
    [
        ("sqlite", 8),
        pytest.param("sqlite", 100, marks=pytest.mark.thorough),
        pytest.param("postgresql", 100, marks=THOROUGH),
    ],
)
def test_what_was_acknowledged_survives_kill_9_at_any_moment(kind, kills, tmp_path, processes):
    with stored(kind, tmp_path) as store:
        beginning, chance = world_of(store).moment(), Random(kills)
        base, stop, codes = [""], Event(), []
        clients = [asking(base, stop, seed, codes) for seed in range(4)]
        process = serve(processes, store)
        base[0] = process.base
        for client, _ in clients:
            client.start()
        for _ in range(kills):
            begun = sum(len(said) for _, said in clients)
            while sum(len(said) for _, said in clients) < begun + 5:  # it answers again
                time.sleep(0.01)
            time.sleep(chance.random() * 0.1)
            process.kill()
            process.wait()
            process = serve(processes, store, port=process.base.rpartition(":")[2])
        stop.set()
        for client, _ in clients:
            client.join()
        entries = check(store, beginning, [each for _, said in clients for each in said])
        assert len(entries) >= 5 * kills
        assert {"shareInfo/200", "shareDevice/200"} <= {entry.outcome for entry in entries}


@pytest.mark.parametrize("kind", KINDS)
def test_four_processes_of_which_one_is_killed_are_one_mock(kind, tmp_path, processes):
    with stored(kind, tmp_path) as store:
        beginning, stop, codes = world_of(store).moment(), Event(), []
        mocks = [serve(processes, store) for _ in range(4)]
        clients = [asking([mocks[place % 4].base], stop, place, codes) for place in range(8)]
        for client, _ in clients:
            client.start()
        wait_for(lambda: len(codes) > 20)
        mocks[0].kill()
        wait_for(lambda: sum(len(said) for _, said in clients) > 150)
        stop.set()
        for client, _ in clients:
            client.join()
        check(store, beginning, [each for _, said in clients for each in said])
        states = [requests.get(f"{each.base}/_mock/worlds/default/state", timeout=20).json() for each in mocks[1:]]
        journals = [requests.get(f"{each.base}/_mock/worlds/default/journal?limit=1000", timeout=20).json() for each in mocks[1:]]
        for entry in (entry for each in journals for entry in each["entries"]):
            del entry["curl"]  # each process has its own port
        assert states[0] == states[1] == states[2]
        assert journals[0] == journals[1] == journals[2]


def test_a_code_that_many_accept_at_once_in_several_processes_is_accepted_once(tmp_path, processes):
    store = f"sqlite:///{tmp_path / 'mock.db'}"
    mocks = [serve(processes, store) for _ in range(2)]
    query = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER}
    for _ in range(5):
        code = requests.post(mocks[0].base + SHARE, params=query, headers=ALICE, timeout=20).json()["data"]
        said = []

        def accept(place, code=code, said=said):
            who = BOB if place % 2 else CAROL
            base = mocks[place // 2 % 2].base
            said.append(requests.post(base + ACCEPT, params={"shareCode": code}, headers=who, timeout=20).json())

        threads = [Thread(target=accept, args=(place,)) for place in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert [each["code"] for each in said].count(200) == 1


def test_workers_serve_one_port_are_replaced_and_end_together(tmp_path, processes):
    process = serve(processes, f"sqlite:///{tmp_path / 'mock.db'}", "--workers", "2")
    query = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": LATER}
    ask = partial(requests.post, process.base + SHARE, params=query, headers=ALICE)
    wait_for(lambda: answered(ask))
    first = children(process)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: len(children(process)) == 2 and first[0] not in children(process))
    wait_for(lambda: answered(ask))
    found = requests.get(f"{process.base}/_mock/worlds/default/journal?limit=1000", timeout=20).json()["entries"]
    assert [each["number"] for each in found] == list(range(len(found), 0, -1))
    workers = children(process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "a worker ended (signal 9); another one takes its place\n")
    assert not any(Path(f"/proc/{each}").exists() for each in workers)


def test_workers_end_when_their_parent_is_killed(tmp_path, processes):
    process = serve(processes, f"sqlite:///{tmp_path / 'mock.db'}", "--workers", "2")
    wait_for(lambda: len(children(process)) == 2)
    workers = children(process)
    process.kill()
    wait_for(lambda: not any(running(each) for each in workers))


def answered(ask):
    """Whether a request is answered; a worker that was killed may have taken the connection of one."""
    with suppress(requests.RequestException):
        return ask(timeout=5).json()["code"] == 200
    return False


def children(process):
    return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def running(number):
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{number}/status").read_text()
    return False


def wait_for(condition):
    """Waits as long as it takes; a test that never goes on is stopped from outside."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

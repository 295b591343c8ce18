"""Each request is one transaction, even with concurrent requests."""

from __future__ import annotations

from pathlib import Path
from random import Random
from threading import Barrier, Thread

import pytest

import openapi
from mockserver import Bounds, Mock, Origin, create_app, running

CONTRACT = openapi.load()
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
SHARE_INFO = CONTRACT.operations["shareInfo"]
THREADS, REQUESTS = 16, 625


def _together(number, action):
    barrier = Barrier(number)

    def run(place):
        barrier.wait()
        action(place)

    threads = [Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(scope="module")
def mixed():
    """A mock after 10,000 requests of every kind from 16 threads, and its initial moment."""
    mock = Mock(CONTRACT, Origin(openapi.read_document(WORLD)), Bounds(journal=THREADS * REQUESTS))
    app, world = create_app(mock), mock.worlds.default
    beginning = world.moment()
    operations = list(CONTRACT.operations.values())
    asked = [
        (operation, raw)
        for operation in operations
        for raw in openapi.witnesses(operation, world.state, world.now()).values()
        if all(each.location in ("query", "header") for each in operation.parameters)
    ]

    def send(place):
        client, chance = app.test_client(), Random(place)
        for _ in range(REQUESTS):
            operation, raw = chance.choice(asked)
            query = {name: value for name, value in raw.items() if name != "token"}
            headers = {"Authorization": raw["token"]} if "token" in raw else {}
            client.open(operation.path, method=operation.method, query_string=query, headers=headers)

    _together(THREADS, send)
    return beginning, world


def test_ten_thousand_mixed_requests_are_explained_by_one_serial_order(mixed):
    beginning, world = mixed
    entries, state, random = list(world.journal.entries), beginning.state, Random()
    random.setstate(beginning.random)
    assert [entry.number for entry in entries] == list(range(1, THREADS * REQUESTS + 1))
    for entry in entries:
        decision = openapi.decide(CONTRACT.operations[entry.call.operation], entry.call.raw, state, entry.at, random)
        assert decision.outcome == entry.outcome
        assert decision.data == entry.decision.data
        state = decision.state
    assert state.snapshot() == world.state.snapshot() != beginning.state.snapshot()
    assert len({entry.outcome for entry in entries}) > 20


def test_no_time_runs_backwards_in_the_journal(mixed):
    times = [entry.at for entry in mixed[1].journal.entries]
    assert times == sorted(times)


def test_the_metrics_count_every_request_once(mixed):
    assert sum(tally.count for tally in mixed[1].tallies.values()) == THREADS * REQUESTS


def test_two_threads_that_race_over_http_for_one_device_leave_one_share_standing():
    import requests

    with running() as mock:
        url = mock.url + SHARE_INFO.path

        def race(place):
            with requests.Session() as session:
                for _ in range(50):
                    query = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000", "coverMark": "1"}
                    assert session.post(url, params=query, headers={"Authorization": "demo-token-alice"}).json()["code"] == 200

        _together(2, race)
        shares = [row for row in mock.world().state()["shares"] if row["dk"] == "D001"]
    assert len(shares) >= 100
    assert sum(not row["replaced"] for row in shares if row["acceptingExpireAt"] == 4102444800000) == 1

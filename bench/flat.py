"""The cost of a decision and of a request with none to many shares; memory per share; the cost of a fork.

It measures processor time in interleaved rounds of all sizes. Each round gives the ratio to the neighbouring round without
shares, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle
from pathlib import Path
from random import Random
from statistics import median
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

import openapi
from mockserver import Bounds, Mock, Origin, create_app
from mockserver.cli.main import spare_the_collector
from mockserver.worlds.world import LiveWorld

NOW = time.time_ns() // 1_000_000
LATER, OVER = NOW + 10**12, NOW - 1
CALLS, ROUNDS = 200, 60
DEVICES = 1000
FORKED, PARTED = 100_000, 100
OWNER, TOKEN = "C10000001", "demo-token-alice"
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
PATH = "/v2/binding/enduserapi/shareInfo"
LAYOUTS = {
    "on one device": (1, LATER, "2"),
    f"on {DEVICES:,} devices": (DEVICES, LATER, "2"),
    "over, on one device": (1, OVER, "1"),
}
"""The number of devices, until when the shares may be accepted (epoch ms), and the coverMark of the requests."""

States = dict[int, openapi.State]
Raw = dict[str, str]
Asking = Callable[[States, int, Iterator[Raw]], Callable[[], None]]
"""From (states, size, requests) to a function that makes one request; no reference to the initial state is kept."""


def main(most: int) -> None:
    """Prints all tables."""
    console, sizes = Console(), sorted({0, most // 100, most // 10, most})
    contract = openapi.load()
    empty = openapi.load_world(WORLD, contract, NOW, os.environ).state
    found: dict[str, dict[str, dict[int, tuple[float, float]]]] = {}
    for layout, (devices, until, mark) in LAYOUTS.items():
        resident = _resident()
        states = _filled(empty, devices, until, sizes)
        memory = (_resident() - resident) / sum(sizes)
        console.print(f"{layout}: {memory:,.0f} bytes per share, of {sum(sizes):,}")
        spare_the_collector()
        mock = Mock(contract, Origin(openapi.read_document(WORLD), os.environ), Bounds(rows=100 * most))
        for title, asking in (("decide()", _deciding(contract)), ("a request through WSGI, in process", _requesting(mock))):
            found.setdefault(title, {})[layout] = _measured(asking, states, devices, mark)
    for title, layouts in found.items():
        table = Table("shares", *layouts, title=f"{title}: µs, and how many times the cost without shares")
        for size in sizes:
            table.add_row(f"{size:,}", *("{:.1f} ({:.2f} x)".format(*each[size]) for each in layouts.values()))
        console.print(table)
    mock = Mock(contract, Origin(openapi.read_document(WORLD), os.environ))
    mock.worlds.default.state = _filled(empty, 1, LATER, [FORKED]).pop(FORKED)
    gone_on, together = _forks(mock, PARTED), _forks(mock, 0)
    console.print(f"fork of a world with {FORKED:,} shares, and its first change: {together:.2f} ms")
    console.print(f"the same after {PARTED} changes of the world that it comes from, which part the two: {gone_on:.2f} ms")


def _filled(state: openapi.State, devices: int, until: int, sizes: list[int]) -> States:
    """States with so many shares, evenly on the devices. They have no data in common."""
    shares, found = state.tables["shares"], {}
    for size in sizes:
        found[size] = state
        for device in _devices(devices) if devices > 1 else ():
            found[size] = found[size].insert("devices", state.tables["devices"].row(device | {"owner": OWNER}))
        turns = cycle(_devices(devices))
        for number in range(size):
            values = {"shareCode": f"share_dv_{OWNER}{number:032x}", "sharer": OWNER, "acceptingExpireAt": until}
            found[size] = found[size].insert("shares", shares.row(values | next(turns)))
    return found


def _devices(number: int) -> list[Raw]:
    return [{"pk": "p11pLZ", "dk": "D001" if number == 1 else f"E{each:05}"} for each in range(number)]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measured(asking: Asking, states: States, spread: int, mark: str) -> dict[int, tuple[float, float]]:
    """Median µs of a success by number of shares, and the median of its ratios to the cost without shares."""
    requests = [device | {"acceptingExpireAt": str(LATER), "coverMark": mark} for device in _devices(spread)]
    rounds: dict[int, list[float]] = {size: [] for size in states}
    actions = {size: asking(states, size, cycle(Random(size).sample(requests, spread))) for size in rounds}
    for _ in range(ROUNDS):
        for size, action in actions.items():
            started = time.process_time()
            for _ in range(CALLS):
                action()
            rounds[size].append((time.process_time() - started) / CALLS * 1e6)
    warm = {size: each[ROUNDS // 10 :] for size, each in rounds.items()}
    return {size: (median(each), median(map(float.__truediv__, each, warm[0]))) for size, each in warm.items()}


def _deciding(contract: openapi.Contract) -> Asking:
    operation = contract.operations["shareInfo"]

    def asking(states: States, size: int, requests: Iterator[Raw]) -> Callable[[], None]:
        chance = Random(4)  # not the seed of the world, because the world mints codes with it

        def decide() -> None:
            states[size] = openapi.decide(operation, {"token": TOKEN, **next(requests)}, states[size], NOW, chance).state

        return decide

    return asking


def _requesting(mock: Mock) -> Asking:
    application, numbers = create_app(mock).wsgi_app, count()

    def asking(states: States, size: int, requests: Iterator[Raw]) -> Callable[[], None]:
        world = mock.worlds.fork(f"w{next(numbers)}", mock.worlds.default)
        world.state = states.pop(size)

        def request() -> None:
            query = urlencode(next(requests))
            environ = {"REQUEST_METHOD": "POST", "PATH_INFO": PATH, "QUERY_STRING": query}
            headers = {"HTTP_AUTHORIZATION": TOKEN, "HTTP_MOCK_WORLD": world.name}
            (body,) = application(environ | headers, lambda status, headers: None)  # type: ignore[arg-type, misc]
            assert b'"code": 200' in body, body

        return request

    return asking


def _forks(mock: Mock, between: int) -> float:
    """Median ms of a fork and its first change, after so many changes of its parent in between."""
    parent, found = mock.worlds.default, []
    for _ in range(11):
        started = time.process_time()
        world = mock.worlds.fork("fork", parent)
        spent = time.process_time() - started
        for _ in range(between):
            _share(mock, parent)
        started = time.process_time()
        _share(mock, world)
        found.append((spent + time.process_time() - started) * 1e3)
        mock.worlds.delete("fork")
    return median(found)


def _share(mock: Mock, world: LiveWorld) -> None:
    raw = {"token": TOKEN, "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(LATER), "coverMark": "2"}
    world.state = openapi.decide(mock.contract.operations["shareInfo"], raw, world.state, NOW, world.random).state

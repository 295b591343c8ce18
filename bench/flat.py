"""Whether the cost is flat: a decision and a request with none to many shares; memory per share, and what a fork takes."""

from __future__ import annotations

import gc
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

NOW = time.time_ns() // 1_000_000
LATER = NOW + 10**12
CALLS, ROUNDS = 200, 60
DEVICES = 1000
FORKED = 100_000
OWNER, TOKEN = "C10000001", "demo-token-alice"
WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
PATH = "/v2/binding/enduserapi/shareInfo"

States = dict[int, openapi.State]
Asking = Callable[[openapi.State, Iterator[dict[str, str]]], Callable[[], None]]


def main(most: int) -> None:
    """Prints it all; rounds of all sizes are interleaved, so that a slow moment of the machine meets every one."""
    console, sizes = Console(), sorted({0, most // 100, most // 10, most})
    contract = openapi.load()
    empty = openapi.load_world(WORLD, contract, NOW, os.environ).state
    resident = _resident()
    one = _filled(empty, 1, sizes)
    gc.collect()
    memory = (_resident() - resident) / most
    many = _filled(empty, DEVICES, sizes)
    gc.collect()
    gc.freeze()  # as `serve` does
    mock = Mock(contract, Origin(openapi.read_document(WORLD), os.environ), Bounds(rows=100 * most))
    for title, asking in (("decide()", _deciding(contract)), ("a request through WSGI, in process", _requesting(mock))):
        table = Table("shares", "on one device, µs", f"on {DEVICES:,} devices, µs", title=title)
        found = [_measured(asking, states, spread) for states, spread in ((one, 1), (many, DEVICES))]
        for size in sizes:
            table.add_row(f"{size:,}", *(f"{each[size]:.1f} ({each[size] / each[0]:.2f} x)" for each in found))
        console.print(table)
    console.print(f"memory: {memory:,.0f} bytes per share, of {most:,}")
    console.print(
        f"fork of a world with {FORKED:,} shares, and its first change: {_fork(mock, _filled(empty, 1, [FORKED])):.2f} ms"
    )


def _filled(state: openapi.State, devices: int, sizes: list[int]) -> States:
    """States with so many shares that stand, in turn on each device; states share what they have in common."""
    shares, found = state.tables["shares"].columns, {}
    for device in _devices(devices) if devices > 1 else ():
        state = state.insert("devices", state.tables["devices"].columns.row(device | {"owner": OWNER}))
    turns = cycle(_devices(devices))
    for number in range(max(sizes) + 1):
        if number in sizes:
            found[number] = state
        values = {"shareCode": f"share_dv_{OWNER}{number:032x}", "sharer": OWNER, "acceptingExpireAt": LATER, **next(turns)}
        state = state.insert("shares", shares.row(values))
    return found


def _devices(number: int) -> list[dict[str, str]]:
    return [{"pk": "p11pLZ", "dk": "D001" if number == 1 else f"E{each:05}"} for each in range(number)]


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measured(asking: Asking, states: States, spread: int) -> dict[int, float]:
    """Median µs of a success by number of shares."""
    devices = _devices(spread)
    actions = {size: asking(state, cycle(Random(size).sample(devices, len(devices)))) for size, state in states.items()}
    rounds: dict[int, list[float]] = {size: [] for size in states}
    for _ in range(ROUNDS):
        for size, action in actions.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                action()
            rounds[size].append((time.perf_counter() - started) / CALLS * 1e6)
    return {size: median(each) for size, each in rounds.items()}


def _deciding(contract: openapi.Contract) -> Asking:
    operation = contract.operations["shareInfo"]

    def asking(state: openapi.State, devices: Iterator[dict[str, str]]) -> Callable[[], None]:
        raw, chance = {"token": TOKEN, "acceptingExpireAt": str(LATER), "coverMark": "2"}, Random(1)

        def decide() -> None:
            nonlocal state
            state = openapi.decide(operation, raw | next(devices), state, NOW, chance).state

        return decide

    return asking


def _requesting(mock: Mock) -> Asking:
    application, numbers = create_app(mock).wsgi_app, count()

    def asking(state: openapi.State, devices: Iterator[dict[str, str]]) -> Callable[[], None]:
        world = mock.worlds.fork(f"w{next(numbers)}", mock.worlds.default)
        world.state = state

        def request() -> None:
            query = urlencode({"acceptingExpireAt": LATER, "coverMark": "2", **next(devices)})
            environ = {"REQUEST_METHOD": "POST", "PATH_INFO": PATH, "QUERY_STRING": query}
            headers = {"HTTP_AUTHORIZATION": TOKEN, "HTTP_MOCK_WORLD": world.name}
            (body,) = application(environ | headers, lambda status, headers: None)  # type: ignore[arg-type, misc]
            assert b'"code": 200' in body, body

        return request

    return asking


def _fork(mock: Mock, states: States) -> float:
    """Median ms."""
    mock.worlds.default.state = states[FORKED]
    operation, found = mock.contract.operations["shareInfo"], []
    raw = {"token": TOKEN, "pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": str(LATER), "coverMark": "2"}
    for number in range(20):
        started = time.perf_counter()
        world = mock.worlds.fork(f"fork{number}", mock.worlds.default)
        world.state = openapi.decide(operation, raw, world.state, NOW, world.random).state
        found.append((time.perf_counter() - started) * 1e3)
    return median(found)

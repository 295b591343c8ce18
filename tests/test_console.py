"""The console in a real browser: what it shows, what its buttons do to the mock, and that nothing from outside runs in it."""

from __future__ import annotations

import re
from contextlib import contextmanager
from time import perf_counter

import pytest
import requests
from console_browser import chromium, opened
from playwright.sync_api import expect

import openapi
from mockserver import Bounds, Client, ControlError, Mock, Origin, create_app
from mockserver.control.access import Guard
from mockserver.http.server import Server, listen
from mockserver.worlds.journal import Call

CONTRACT = openapi.load()
DEMO = openapi.demo_world()
ALICE = {"Authorization": "Bearer demo-token-alice"}
OFFERED = "share_dv_C10000001d5f3c1d2a4b64c7e8f90a1b2c3d4e5f6"
LONG_JOURNAL = 10_000
TABS = ["Traffic", "Decision table", "Outcomes", "State", "Faults", "Life of a row"]


class Console:
    """A mock with a browser. `world` and `page` are those of the test."""

    def __init__(self, browser, server, mock, client):
        self.browser, self.server, self.mock, self.client = browser, server, mock, client

    @contextmanager
    def shown(self, world, tab="traffic", **options):
        url = f"{self.server.url}/_mock/#{world.name}/{tab}"
        with opened(self.browser, url, self.server.url, **options) as page:
            yield page

    def live(self, world):
        return self.mock.worlds.get(world.name)


@pytest.fixture(scope="module")
def console():
    mock = Mock(CONTRACT, Origin(openapi.read_document(DEMO)), Bounds(journal=LONG_JOURNAL))
    with chromium() as browser:
        server = Server(create_app(mock), listen("127.0.0.1", 0), 8)
        with Client(server.url) as client:
            yield Console(browser, server, mock, client)
        server.stop()


@pytest.fixture
def world(console):
    world = console.client.create()
    yield world
    if console.live(world) is not None:
        world.delete()


def share(world, **changes):
    query = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": 4_102_444_800_000} | changes
    sent = {name: value for name, value in query.items() if value is not None}
    return requests.post(f"{world.url}/v2/binding/enduserapi/shareInfo", params=sent, headers=ALICE, timeout=30).json()


def settled(page):
    """Waits until the page follows the world."""
    expect(page.locator(".status")).to_have_text("live")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def until(check):
    """Waits until a check holds; the browser may be slow."""
    end = perf_counter() + 20
    while not check():
        assert perf_counter() < end, "it has not happened"
        requests.get  # noqa: B018

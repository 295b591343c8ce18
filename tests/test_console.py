"""The console in a real browser: what it shows, what its buttons do to the mock, and that nothing from outside runs in it."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import pytest
import requests
from console_browser import PATIENCE, chromium, opened
from playwright.sync_api import expect

import mockserver
import openapi
from mockserver import Bounds, Client, ControlError, Mock, Origin, create_app
from mockserver.control.access import Guard
from mockserver.http.server import Server, listen
from mockserver.worlds.journal import Call

ASSETS = Path(mockserver.__file__).parent / "console" / "assets"
CONTRACT = openapi.load()
ALICE = {"Authorization": "Bearer demo-token-alice"}
BOB = {"Authorization": "Bearer demo-token-bob"}
FOREVER = 2**63 - 1
LONG_JOURNAL = 10_000
TOKEN = "a-control-token"
TABS = ["Traffic", "Decision table", "Outcomes", "State", "Faults", "Life of a row"]
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "${alert(1)}{{alert(1)}}`${alert(1)}`",
    "javascript:alert(1)",
    "a\u202eb\u2066c\u0000d",
    "x" * 4000,
    "字" * 400,
]


class Console:
    """A mock, and a browser that shows its console."""

    def __init__(self, browser, server, mock, client):
        self.browser, self.server, self.mock, self.client = browser, server, mock, client

    @contextmanager
    def shown(self, world, tab="traffic", **options):
        with opened(self.browser, f"{self.server.url}/_mock/#{world}/{tab}", self.server.url, **options) as page:
            yield page


@contextmanager
def served(guard=None, port=0, mock=None):
    mock = mock or Mock(CONTRACT, Origin(openapi.read_document(openapi.demo_world())), Bounds(journal=LONG_JOURNAL))
    server = Server(create_app(mock, guard=guard), listen("127.0.0.1", port), 8)
    try:
        yield server, mock
    finally:
        server.stop()


@pytest.fixture(scope="module")
def console():
    with chromium() as browser, served() as (server, mock), Client(server.url) as client:
        yield Console(browser, server, mock, client)


@pytest.fixture
def world(console):
    world = console.client.create()
    yield world
    if console.mock.worlds.get(world.name) is not None:
        world.delete()


def share(world, dk="D001", headers=ALICE, **more):
    query = {"pk": "p11pLZ", "dk": dk, "acceptingExpireAt": 4_102_444_800_000, **more}
    url = f"{world.url}/v2/binding/enduserapi/shareInfo"
    return requests.post(url, params=query, headers=headers, timeout=30).json()


def button(place, name):
    return place.get_by_role("button", name=name, exact=True)


def choose(page, name):
    """Chooses an operation or a table."""
    page.locator(".sidebar button", has=page.get_by_text(name, exact=True)).click()


def is_live(page):
    expect(page.locator(".status")).to_have_text("live")


def until(page, check):
    """Waits until a check of the mock holds."""
    end = perf_counter() + PATIENCE / 1000
    while not check():
        assert perf_counter() < end, "it has not happened"
        page.wait_for_timeout(30)


def names(rows):
    return [row["name"] for row in rows]


# Traffic


def test_a_request_appears_and_is_explained(console, world):
    share(world)
    with console.shown(world.name) as page:
        rows = page.locator(".entries .row")
        expect(rows).to_have_count(1)
        share(world, dk="D404")
        expect(rows).to_have_count(2)
        expect(rows.first.locator(".outcome")).to_have_text("shareInfo/5135")
        assert rows.first.locator(".outcome").get_attribute("data-kind") == "documented"
        rows.last.click()
        detail = page.locator("#detail")
        expect(detail.locator("h2")).to_have_text("shareInfo/200")
        expect(detail).to_contain_text("device-sharing.yaml:")
        expect(detail.locator(".passed li")).to_have_count(world.journal.entries()[1]["rule"]["row"] - 1)
        detail.get_by_text("rows before it did not answer").click()
        expect(detail.get_by_text("device.verified is True")).to_be_visible()
        expect(detail.locator(".pairs").first).to_contain_text("2100-01-01 00:00:00 UTC")
        code = json.loads(detail.locator(".json").text_content())["data"]
        expect(detail.locator(".change")).to_contain_text(code)
        # Beyond what a number of JavaScript holds, to the last digit.
        expect(detail.locator(".change")).to_contain_text(str(FOREVER))


def test_what_is_shown_is_filtered(console, world):
    share(world)
    share(world, dk="D404")
    requests.get(f"{world.url}/v2/binding/enduserapi/userDeviceList", headers=ALICE, timeout=30)
    share(world, headers=ALICE | {"Prefer": "code=5134"})
    with console.shown(world.name) as page:
        rows = page.locator(".entries .row")
        expect(rows).to_have_count(4)
        page.locator("#filter").fill("D404")
        expect(rows).to_have_count(1)
        expect(page.locator(".entries .foot")).to_have_text("1 of 4 requests")
        page.locator("#filter").fill("shareinfo/200 d001")
        expect(rows).to_have_count(1)
        page.locator("#filter").fill("")
        page.get_by_label("Operation").select_option("userDeviceList")
        expect(rows).to_have_count(1)
        page.get_by_label("Operation").select_option("")
        page.get_by_label("Kind").select_option("fault")
        expect(rows.locator(".mark")).to_have_text("tainted")


def test_the_list_is_paused_resumed_and_cleared(console, world):
    share(world)
    with console.shown(world.name) as page:
        rows = page.locator(".entries .row")
        expect(rows).to_have_count(1)
        button(page, "Pause").click()
        share(world)
        expect(button(page, "Resume (1 new)")).to_be_visible()
        expect(rows).to_have_count(1)
        button(page, "Resume (1 new)").click()
        expect(rows).to_have_count(2)
        button(page, "Clear").click()
        expect(rows).to_have_count(0)
        assert world.journal.entries() == []
        share(world)
        expect(rows).to_have_count(1)


def test_an_entry_is_copied_and_sent_again(console, world):
    share(world)
    with console.shown(world.name) as page:
        page.locator(".entries .row").click()
        button(page, "Copy as curl").click()
        expect(button(page, "Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == world.journal.entries()[0]["curl"]
        button(page, "Replay").click()
        expect(page.locator("#detail")).to_contain_text("entry 2")
        expect(page.locator(".entries .row")).to_have_count(2)
        button(page, "Close the request").click()
        expect(page.locator("#detail")).to_contain_text("Choose a request")
        assert [entry["outcome"] for entry in world.journal.entries()] == ["shareInfo/200"] * 2


@pytest.mark.parametrize("size", [2_000, pytest.param(LONG_JOURNAL, marks=pytest.mark.thorough)])
def test_a_long_journal_stays_light(console, world, size):
    live, operation = console.mock.worlds.get(world.name), CONTRACT.operations["deviceInfo"]
    raw = {"pk": "p11pLZ", "dk": "D001", "token": "demo-token-alice"}
    for _ in range(size):
        live.answer(operation, Call(operation.name, "GET", operation.path, "pk=p11pLZ&dk=D001", "", raw, "en", perf_counter()))
    with console.shown(world.name) as page:
        rows = page.locator(".entries .row")
        expect(page.locator(".entries .foot")).to_have_text(f"{size:,} requests", timeout=6 * PATIENCE)
        assert page.evaluate("document.querySelectorAll('*').length") < 900
        page.evaluate(
            "() => { window.changed = 0; new MutationObserver(all => { for (const each of all)"
            " window.changed += each.addedNodes.length + each.removedNodes.length;"
            " }).observe(document.body, {subtree: true, childList: true}) }"
        )
        page.locator("#entries").focus()
        page.keyboard.press("End")
        expect(rows.last).to_have_attribute("aria-posinset", str(size))
        expect(page.locator("#detail")).to_contain_text("entry 1")
        assert page.evaluate("window.changed") < 1500
        # Somebody who reads further down keeps the rows in sight when a new one arrives, and it costs next to nothing.
        page.evaluate("window.changed = 0")
        number = rows.first.get_attribute("id")
        share(world)
        expect(rows.last).to_have_attribute("aria-setsize", str(size + 1))
        assert page.evaluate("window.changed") < 300
        assert rows.first.get_attribute("id") == number
        page.locator("#filter").fill("shareInfo")
        expect(rows).to_have_count(1)


def test_the_page_goes_on_where_the_stream_was_lost(console):
    with served() as (server, mock):
        port = server.port
        with opened(console.browser, f"{server.url}/_mock/", server.url) as page, Client(server.url) as client:
            share(client.world())
            expect(page.locator(".entries .row")).to_have_count(1)
            server.stop()
            expect(page.locator(".status")).to_have_text("connection lost; trying again")
            with served(port=port, mock=mock) as (again, _), Client(again.url) as fresh:
                share(fresh.world())
                is_live(page)
                expect(page.locator(".entries .row")).to_have_count(2)
                fresh.world().journal.clear()
                expect(page.locator(".entries .row")).to_have_count(0)
                share(fresh.world())
                expect(page.locator(".entries .row")).to_have_count(1)
            # A mock that begins anew counts from 1 again, and what it answered before is gone.
            with served(port=port) as (again, _), Client(again.url) as fresh:
                share(fresh.world(), dk="D404")
                expect(page.locator(".entries .outcome")).to_have_text(["shareInfo/5135"])
                # Before the mock stops, or Chromium would report that its requests were refused.
                page.goto("about:blank")


# Decision table, outcomes, life of a row


def test_the_decision_table_counts_answers(console, world):
    with console.shown(world.name, "decisions") as page:
        success = page.locator(".rules tbody tr").last
        expect(success).to_contain_text("always")
        expect(success.locator(".number").last).to_have_text("0")
        share(world)
        expect(success.locator(".number").last).to_have_text("1")
        share(world, dk="D404")
        expect(page.get_by_text("2 of 12 outcomes seen in this world")).to_be_visible()
        rules = CONTRACT.operations["shareInfo"].rules
        expect(page.locator(".rules tbody tr")).to_have_count(len(rules))
        choose(page, "shareDevice")
        expect(page.locator(".rules tbody tr")).to_have_count(len(CONTRACT.operations["shareDevice"].rules))


def test_an_outcome_is_got_and_copied(console, world):
    with console.shown(world.name, "outcomes") as page:
        button(page, "Get 5360").click()
        expect(page.locator("#detail h2")).to_have_text("shareInfo/5360")
        assert [entry["outcome"] for entry in world.journal.entries()] == ["shareInfo/5360"]
        expect(page.get_by_text("documented, answered 1 time")).to_be_visible()
        button(page.locator(".cards li").first, "Copy curl").click()
        expect(button(page, "Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()").startswith("curl -sS -X POST")


def test_an_outcome_out_of_reach_says_what_the_world_lacks(console):
    poor = console.client.create(document={"sessions": [{"token": "a-token-of-mine", "uid": "C1"}]})
    lacks = poor.witnesses()["shareInfo/5360"]["unreachable"]
    with console.shown(poor.name, "outcomes") as page:
        card = page.locator(".cards li").filter(has_text="5360")
        expect(card.locator(".lacks")).to_have_text(lacks)
        expect(card.get_by_role("button")).to_be_disabled()
    poor.delete()


def test_the_life_of_a_row_is_drawn_and_listed(console):
    # The mock searches for seconds, once for each world: this one is asked by all tests.
    found = console.client.world().call("GET", "/lifecycle")["tables"][0]
    with console.shown("default", "life") as page:
        expect(page.locator(".diagram .phase text")).to_have_count(len(found["phases"]))
        assert sorted(page.locator(".diagram .phase text").all_text_contents()) == sorted(names(found["phases"]))
        pairs = {(each["from"], each["to"]) for each in found["transitions"]}
        expect(page.locator(".diagram .edge")).to_have_count(len(pairs))
        expect(page.locator(".listed li")).to_have_count(len(pairs))
        # Nothing lies upon anything else.
        boxes = page.evaluate("[...document.querySelectorAll('.diagram rect')].map(e => e.getBoundingClientRect().toJSON())")
        apart = [
            one["right"] <= other["left"] + 1
            or other["right"] <= one["left"] + 1
            or one["bottom"] <= other["top"] + 1
            or other["bottom"] <= one["top"] + 1
            for index, one in enumerate(boxes)
            for other in boxes[:index]
        ]
        assert len(apart) > 50 and all(apart)


# State


def row_of(page, text):
    return page.locator(".data tbody tr").filter(has_text=text)


def table(page, name):
    choose(page, name)
    expect(page.locator(".pane h2")).to_have_text(name)


def test_a_row_is_changed(console, world):
    with console.shown(world.name, "state") as page:
        table(page, "devices")
        button(row_of(page, "D001"), "Edit").click()
        expect(page.get_by_role("dialog").locator("input[name=dk]")).to_be_disabled()
        page.get_by_role("dialog").locator("select[name=verified]").select_option("false")
        page.get_by_role("dialog").locator("input[name=name]").fill("Lampe")
        button(page, "Save").click()
        expect(row_of(page, "D001")).to_contain_text("Lampe")
        device = world.state()["devices"][0]
        assert (device["dk"], device["verified"], device["name"]) == ("D001", False, "Lampe")
        button(row_of(page, "D001"), "Edit").click()
        page.get_by_role("dialog").locator(".column").filter(has_text="name").get_by_label("none").check()
        button(page, "Save").click()
        expect(row_of(page, "D001")).not_to_contain_text("Lampe")
        assert world.state()["devices"][0]["name"] is None


def test_integers_keep_their_digits_and_times_can_be_read(console, world):
    with console.shown(world.name, "state") as page:
        expect(row_of(page, "C10000002")).to_contain_text(str(FOREVER))
        button(row_of(page, "C10000002"), "Edit").click()
        field = page.get_by_role("dialog").locator("input[name=expiresAt]")
        expect(field).to_have_value(str(FOREVER))
        field.fill("4102444800000")
        expect(page.get_by_role("dialog")).to_contain_text("2100-01-01 00:00:00 UTC")
        field.fill(str(FOREVER - 1))
        button(page, "Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert [row["expiresAt"] for row in world.state()["sessions"]].count(FOREVER - 1) == 1


def test_a_wrong_value_is_refused_and_nothing_that_was_typed_is_lost(console, world):
    with console.shown(world.name, "state") as page:
        table(page, "shares")
        button(page.locator(".data tbody tr").first, "Edit").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("input[name=coverMark]").fill("many")
        button(page, "Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("coverMark")
        expect(dialog.locator("input[name=coverMark]")).to_have_value("many")
        dialog.locator("input[name=coverMark]").fill("3")
        button(page, "Save").click()
        expect(dialog).to_have_count(0)
        assert world.state()["shares"][0]["coverMark"] == 3


def test_rows_are_added_and_deleted(console, world):
    with console.shown(world.name, "state") as page:
        table(page, "users")
        button(page, "Add a row").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("input[name=uid]").fill("C9")
        dialog.locator("input[name=nickname]").fill("Dora")
        button(page, "Add").click()
        expect(row_of(page, "Dora")).to_have_count(1)
        assert [row["nickname"] for row in world.state()["users"]][-1] == "Dora"
        button(row_of(page, "Dora"), "Delete").click()
        button(page.get_by_role("dialog"), "Cancel").click()
        assert len(world.state()["users"]) == 4
        button(row_of(page, "Dora"), "Delete").click()
        button(page.get_by_role("dialog"), "Delete").click()
        expect(row_of(page, "Dora")).to_have_count(0)
        assert len(world.state()["users"]) == 3


def test_a_secret_is_never_seen_but_can_be_replaced(console, world):
    with console.shown(world.name, "state") as page:
        button(page, "Add a row").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("input[name=token]").fill("another-token")
        dialog.locator("input[name=uid]").fill("C10000001")
        button(page, "Add").click()
        expect(page.locator(".data tbody tr")).to_have_count(5)
        assert "demo-token" not in page.content() and "another-token" not in page.content()
        assert share(world, headers={"Authorization": "another-token"})["code"] == 200
        button(page.locator(".data tbody tr").last, "Edit").click()
        expect(dialog.locator("input[name=token]")).to_have_value("")
        button(dialog, "Cancel").click()


def test_rows_come_in_pages(console):
    users = [{"uid": f"U{number:04}"} for number in range(250)]
    many = console.client.create(document={"users": users})
    with console.shown(many.name, "state") as page:
        table(page, "users")
        expect(page.get_by_text("1 to 100 of 250 rows")).to_be_visible()
        button(page, "Next").click()
        button(page, "Next").click()
        expect(page.get_by_text("201 to 250 of 250 rows")).to_be_visible()
        expect(button(page, "Next")).to_be_disabled()
        button(page, "Previous").click()
        expect(row_of(page, "U0100")).to_have_count(1)
    many.delete()


def test_snapshots_and_a_reset(console, world):
    with console.shown(world.name, "state") as page:
        table(page, "shares")
        button(page, "Take snapshot").click()
        expect(button(page, "Restore s1")).to_be_visible()
        before = len(world.state()["shares"])
        share(world)
        expect(page.locator(".data tbody tr")).to_have_count(before + 1)
        button(page, "Restore s1").click()
        expect(page.locator(".data tbody tr")).to_have_count(before)
        button(page, "Delete snapshot s1").click()
        expect(button(page, "Restore s1")).to_have_count(0)
        assert world.call("GET", "/snapshots") == []
        world.write(users=[{"uid": "C77"}])
        button(page, "Reset world").click()
        button(page.get_by_role("dialog"), "Reset").click()
        until(page, lambda: len(world.state()["users"]) == 3)


# Faults


@pytest.fixture
def faults(console, world):
    with console.shown(world.name, "faults") as page:
        yield page


def add_fault(page, effect, value=None, **more):
    page.locator("select[name=effect]").select_option(effect)
    field = page.locator("[name=value]")
    if effect == "drop":
        field.select_option(value)
    elif value is not None:
        field.fill(value)
    for name, text in more.items():
        if name == "operation":
            page.locator("select[name=operation]").select_option(text)
        else:
            page.locator(f"input[name={name}]").fill(text)
    button(page, "Add fault").click()


def test_faults_of_every_kind(faults, world):
    expected = []
    for effect, value, meant in (
        ("outcome", "5134", {"outcome": "5134"}),
        ("delay", "15", {"delay": 15}),
        ("page", "502", {"page": 502}),
        ("drop", "reply", {"drop": "reply"}),
        ("broken", None, {"broken": True}),
        ("patch", '{"set": {"/data": null}}', {"patch": {"set": {"/data": None}}}),
    ):
        add_fault(faults, effect, value, operation="shareInfo", times="2", rate="0.5")
        expected.append({"operation": "shareInfo", "times": 2, "rate": 0.5, **meant})
        expect(faults.locator(".cards li")).to_have_count(len(expected))
    found = world.call("GET", "/faults")
    assert [{name: value for name, value in each.items() if name != "id"} for each in found] == expected
    expect(faults.locator(".badge")).to_have_text("6")
    button(faults, f"Remove fault {found[0]['id']}").click()
    expect(faults.locator(".cards li")).to_have_count(5)
    button(faults, "Clear all").click()
    expect(faults.get_by_text("No faults")).to_be_visible()
    assert world.call("GET", "/faults") == []


def test_what_is_left_of_a_fault_follows_the_traffic(faults, world):
    add_fault(faults, "outcome", "5134", times="3")
    expect(faults.locator(".cards li")).to_contain_text("3 times left")
    assert share(world)["code"] == 5134
    expect(faults.locator(".cards li")).to_contain_text("2 times left")


def test_a_wrong_fault_is_refused_with_the_reason(faults, world):
    for effect, value, reason in (
        ("outcome", "5143", "no outcome 5143"),
        ("page", "200", "page"),
        ("delay", "long", "delay"),
        ("patch", "{", "must be JSON"),
    ):
        add_fault(faults, effect, value)
        expect(faults.locator("form [role=alert]")).to_contain_text(reason)
        expect(faults.locator("[name=value]")).to_have_value(value)
    assert world.call("GET", "/faults") == []


# The clock, worlds, links


def test_the_clock_is_set(console, world):
    def clock():
        return world.call("GET", "/clock")

    with console.shown(world.name) as page:
        button(page, "Clock of the world").click()
        button(page, "Freeze").click()
        expect(page.locator(".clock")).to_contain_text("stands still")
        start = clock()["now"]
        for name, milliseconds in (("1m", 60_000), ("1h", 3_600_000), ("1d", 86_400_000)):
            button(page, f"Advance by {name}").click()
            start += milliseconds
            until(page, lambda: clock()["now"] == start)  # noqa: B023
        page.locator("input[name=advance]").fill("-90s")
        button(page, "Advance").click()
        until(page, lambda: clock()["now"] == start - 90_000)
        page.locator("input[name=time]").fill("2031-02-03T04:05:06Z")
        button(page, "Set").click()
        expect(page.locator(".clock time")).to_have_text("2031-02-03 04:05:06")
        page.locator("input[name=time]").fill("tomorrow")
        button(page, "Set").click()
        expect(page.locator(".panel [role=alert]")).to_contain_text("time is not understood")
        expect(page.locator("input[name=time]")).to_have_value("tomorrow")
        button(page, "Run").click()
        expect(page.locator(".clock")).to_contain_text("not real time")
        button(page, "Real time").click()
        expect(page.locator(".clock")).to_contain_text("real time")
        until(page, lambda: clock()["mode"] == "real")


def test_worlds_are_created_forked_chosen_and_deleted(console, world):
    world.write(users=[{"uid": "C55"}])
    with console.shown(world.name, "state") as page:
        button(page, "Worlds").click()
        button(page, "New world…").click()
        page.get_by_role("dialog").locator("input[name=name]").fill("no name")
        button(page, "Create").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("name")
        page.get_by_role("dialog").locator("input[name=name]").fill("a-new-one")
        button(page, "Create").click()
        expect(page.locator("#world")).to_have_value("a-new-one")
        assert len(console.client.world("a-new-one").state()["users"]) == 3
        page.locator("#world").select_option(world.name)
        expect(page.get_by_role("navigation")).to_contain_text("users4")
        button(page, "Worlds").click()
        button(page, f"Fork {world.name}…").click()
        page.get_by_role("dialog").locator("input[name=name]").fill("a-fork")
        button(page, "Create").click()
        expect(page.locator("#world")).to_have_value("a-fork")
        expect(page.get_by_role("navigation")).to_contain_text("users4")
        for name in ("a-fork", "a-new-one"):
            page.locator("#world").select_option(name)
            button(page, "Worlds").click()
            button(page, f"Delete {name}…").click()
            button(page.get_by_role("dialog"), "Delete").click()
            expect(page.locator("#world")).to_have_value("default")
            with pytest.raises(ControlError):
                console.client.world(name)
        button(page, "Worlds").click()
        expect(button(page, "Delete default…")).to_be_disabled()


def test_a_deleted_world_is_said_to_be_gone(console, world):
    with console.shown(world.name) as page:
        is_live(page)
        world.delete()
        expect(page.locator(".status")).to_have_text("this world was deleted")


def test_links_and_themes(console, world):
    with console.shown(world.name, color_scheme="dark") as page:
        button(page, "Links").click()
        assert [each.get_attribute("href") for each in page.locator(".choices a").all()] == [
            *("/_mock/docs", "/_mock/openapi.yaml", "/_mock/metrics")
        ]
        paper = "getComputedStyle(document.querySelector('.top')).backgroundColor"
        dark = page.evaluate(paper)
        page.emulate_media(color_scheme="light")
        light = page.evaluate(paper)
        assert light != dark
        button(page, "Colours: auto").click()
        button(page, "Colours: light").click()
        assert page.evaluate(paper) == dark
        page.reload()
        expect(button(page, "Colours: dark")).to_be_visible()
        assert page.evaluate(paper) == dark


# The token


def test_a_token_is_asked_for_and_kept_for_the_tab(console):
    with served(Guard(TOKEN)) as (server, _), Client(server.url, TOKEN) as client:
        share(client.world())
        with opened(console.browser, f"{server.url}/_mock/", server.url) as page:
            dialog = page.get_by_role("dialog")
            dialog.locator("input[name=token]").fill("wrong")
            button(dialog, "Use token").click()
            expect(dialog).to_contain_text("The mock refused this token.")
            dialog.locator("input[name=token]").fill(TOKEN)
            button(dialog, "Use token").click()
            expect(dialog).to_have_count(0)
            expect(page.locator(".entries .row")).to_have_count(1)
            expect(page.locator("h1")).to_have_text(CONTRACT.document["info"]["title"])
            page.reload()
            expect(page.locator(".entries .row")).to_have_count(1)
            assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
            # A link cannot carry the token, so the page fetches the text.
            button(page, "Links").click()
            page.get_by_role("link", name="Metrics").click()
            expect(page.get_by_role("dialog")).to_contain_text("# HELP")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_without_the_token_there_is_nothing_to_see(console):
    with served(Guard(TOKEN)) as (server, _), opened(console.browser, f"{server.url}/_mock/", server.url) as page:
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        expect(page.locator(".toast.error").first).to_contain_text("Bearer TOKEN")
        assert "share" not in page.locator("main").text_content()


# Keyboard, narrow screens, hostile texts


def test_everything_is_reached_by_the_keyboard(console, world):
    share(world)
    share(world, dk="D404")
    with console.shown(world.name) as page:
        expect(page.locator(".entries .row")).to_have_count(2)
        focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        seen = []
        for _ in range(14):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(focused))
        wanted = ["World", "Worlds", "Clock of the world", "Links", "Colours: auto", "Keyboard shortcuts", "Traffic"]
        assert seen == [*wanted, "Filter by any text", "Operation", "Kind", "Pause", "Clear", "Requests, newest first", seen[-1]]
        page.locator("#entries").focus()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#detail h2")).to_have_text("shareInfo/5135")
        page.keyboard.press("ArrowDown")
        expect(page.locator("#detail h2")).to_have_text("shareInfo/200")
        assert page.locator("#entries").get_attribute("aria-activedescendant") == "entry-1"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "detail"
        page.keyboard.press("Escape")
        expect(page.locator("#detail")).to_contain_text("Choose a request")
        page.keyboard.press("p")
        expect(button(page, "Resume")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("2")
        page.locator("#tab-decisions[aria-selected=true]").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#tab-outcomes")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#tab-life")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("/")
        expect(page.locator("#filter")).to_be_focused()
        page.keyboard.type("?p2")
        expect(page.locator("#filter")).to_have_value("?p2")
        page.locator("#entries").focus()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("filter the traffic")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator("#entries")).to_be_focused()
        page.keyboard.press("?")
        button(page, "Close").press("Enter")
        expect(page.locator("#entries")).to_be_focused()
        button(page, "Links").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link")).to_have_count(3)
        page.keyboard.press("Escape")
        expect(page.get_by_role("link")).to_have_count(0)
        expect(button(page, "Links")).to_be_focused()


def test_a_control_that_has_the_focus_shows_it(console, world):
    with console.shown(world.name) as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_narrow_screens_need_no_scrolling_sideways(console, world):
    share(world, dk="x" * 300)
    world.write(users=[{"uid": "y" * 300, "nickname": "字" * 300}])
    world.faults.add(operation="shareInfo", patch={"set": {"/" + "z" * 300: 1}})
    with console.shown(world.name, viewport={"width": 360, "height": 700}) as page:
        sideways = "document.documentElement.scrollWidth"
        expect(page.locator(".entries .row")).to_have_count(1)
        assert page.evaluate(sideways) == 360
        page.locator(".entries .row").click()
        expect(page.locator("#detail h2")).to_be_visible()
        assert page.evaluate(f"Math.max({sideways}, document.getElementById('detail').scrollWidth)") <= 360
        button(page, "Close the request").click()
        for name, ready in zip(TABS[1:5], (".rules", ".cards", ".data", ".cards"), strict=True):
            page.get_by_role("tab", name=name).click()
            page.locator(ready).first.wait_for()
            assert page.evaluate(sideways) == 360, name
        page.get_by_role("tab", name="State").click()
        table(page, "users")
        button(row_of(page, "y" * 300), "Edit").click()
        assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().width") <= 336
        assert page.evaluate(sideways) == 360
        button(page, "Cancel").click()
        page.locator("#world").select_option("default")
        page.get_by_role("tab", name="Life of a row").click()
        page.locator(".diagram").wait_for()
        assert page.evaluate(sideways) == 360


def test_hostile_texts_are_only_texts(console, world):
    world.write(users=[{"uid": f"C{index}{text[:50]}", "nickname": text} for index, text in enumerate(HOSTILE)])
    for text in HOSTILE:
        share(world, dk=text, **{text[:40]: text})
    world.faults.add(operation="shareInfo", patch={"set": {f"/{HOSTILE[0]}": HOSTILE[1]}})
    share(world)
    with console.shown(world.name) as page:
        rows = page.locator(".entries .row")
        expect(rows).to_have_count(len(HOSTILE) + 1)
        for index in range(len(HOSTILE) + 1):
            rows.nth(index).click()
            expect(rows.nth(index)).to_have_attribute("aria-selected", "true")
            for each in page.locator("#detail summary").all():
                each.click()
        page.locator("#filter").fill(HOSTILE[0])
        expect(rows).not_to_have_count(0)
        page.locator("#filter").fill("")
        # Characters that turn the direction of others are written as escapes.
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u0000]", page.locator("main").text_content())
        for tab in TABS[1:5]:
            page.get_by_role("tab", name=tab).click()
            page.locator(".pane").first.wait_for()
        page.get_by_role("tab", name="State").click()
        table(page, "users")
        expect(row_of(page, HOSTILE[0])).to_have_count(1)
        for text in HOSTILE[:3]:
            button(row_of(page, text), "Edit").click()
            expect(page.get_by_role("dialog").locator("[name=nickname]")).to_have_value(text)
            button(page, "Cancel").click()
        button(row_of(page, HOSTILE[1]), "Delete").click()
        expect(page.get_by_role("dialog")).to_contain_text(HOSTILE[1])
        button(page, "Cancel").click()
        assert page.locator("main img, main script, dialog img, dialog script").count() == 0


def test_chinese_texts_are_marked_as_such(console, world):
    requests.post(f"{world.url}/v2/binding/enduserapi/shareInfo", headers=ALICE | {"X-Q-Language": "zh"}, timeout=30)
    with console.shown(world.name) as page:
        page.locator(".entries .row").click()
        expect(page.locator("#detail .json [lang=zh-Hans]")).to_be_visible()


def test_a_hostile_address_of_the_page_is_no_error(console):
    for place in ("%E0%A4%A/x", "<img src=x onerror=alert(1)>/traffic", "a/../../b/c"):
        with console.shown(place) as page:
            expect(page.get_by_role("tab", selected=True)).to_have_text("Traffic")


# What is served


def test_the_sources_make_no_html_of_texts():
    own = [file for file in ASSETS.iterdir() if file.suffix == ".js" and file.name != "preact.js"]
    assert len(own) > 10
    for file in own:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", file.read_text()), (
            file
        )
    assert "eval" not in (ASSETS / "preact.js").read_text()


def test_the_page_loads_every_file_of_the_folder_and_nothing_else(console, world):
    with console.browser.new_context() as context:
        page = context.new_page()
        loaded = set()
        page.on("response", lambda reply: loaded.add((reply.url.removeprefix(console.server.url), reply.status)))
        page.goto(f"{console.server.url}/_mock/#{world.name}")
        is_live(page)
        files = {f"/_mock/console/{file.name}" for file in ASSETS.iterdir()}
        asked = {path.partition("#")[0] for path, status in loaded if status == 200 and "/console/" in path}
        assert asked | {"/_mock/console/icon.svg"} == files - {"/_mock/console/index.html", "/_mock/console/preact.LICENSE.txt"}
        page.goto("about:blank")

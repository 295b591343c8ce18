"""What stands in front of a server: rate limits, gateways, redirects. Each is one finding by its status."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import wrong_servers
from wrong_servers import CONTRACT, WORLD, Entry, Outage, serving, sometimes

import openapi
from contracts import Manners, Plan, Reply, Target, examine
from contracts.run.backoff import Backoff
from contracts.run.examination import open_session

HTML = (("Content-Type", "text/html"),)
PAGE = b"<html><h1>502 Bad Gateway</h1></html>"
LIMIT = Outage(429, (("Retry-After", "0"), ("Content-Type", "application/json")))
ALWAYS = {
    "a redirect": (Outage(302, (("Location", "https://login.example/?next=1"), *HTML)), "it redirects to https://login.example"),
    "a page of a gateway": (Outage(502, HTML, PAGE), "a gateway answers in place of the server"),
    "a login page": (Outage(401, HTML, PAGE), "a login page answers in HTML"),
}


def examined(monkeypatch, outage, most_requests=600, seed=0, operations=("shareInfo",), **options):
    contract = CONTRACT.only(*operations)
    monkeypatch.setitem(wrong_servers.CATALOGUE, "outage", Entry(outage=outage))
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    with serving("outage") as base:
        plan = Plan(seed=seed, breadth=False, **{"walks": 3} | options)
        return examine(contract, world, Target(base, Manners(most_requests=most_requests)), plan)


@pytest.mark.parametrize("name", ALWAYS)
def test_a_target_that_never_reaches_its_server_is_one_finding_with_a_hint(monkeypatch, name):
    outage, hint = ALWAYS[name]
    record = examined(monkeypatch, lambda: outage, most_requests=100)
    [found] = record.found("violation")
    assert found.verdict.rule.startswith(f"HTTP status: the target answers {outage.status}")
    assert hint in found.verdict.detail
    assert record.exit_code() == 1


def test_a_target_that_only_asks_to_slow_down_ends_the_run(monkeypatch):
    record = examined(monkeypatch, lambda: LIMIT)
    assert record.exit_code() == 2
    assert "has answered HTTP 429 to 30 requests in a row; use a lower --rate" in record.gone


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_server_that_asks_to_slow_down_is_asked_again(monkeypatch, carried_out):
    limit = Outage(LIMIT.status, LIMIT.headers, carried_out=carried_out)
    record = examined(monkeypatch, sometimes(15, limit))
    assert record.pauses > 20
    assert {each.verdict.rule.partition(":")[0] for each in record.found("violation")} <= {"HTTP status"}
    assert record.cases["shareInfo/5135"]


def test_a_pause_is_as_long_as_the_server_asks_and_ends_with_the_run():
    started = time.monotonic()
    replies = [Reply(429, {"retry-after": seconds}) for seconds in ("100000", "1")]
    Backoff("http://h", lambda: time.monotonic() > started + 1.2).send(
        lambda: replies.pop() if replies[1:] else replies[0], frozenset()
    )
    assert 1 <= time.monotonic() - started < 20


def test_parallel_requests_pause_together_and_one_burst_is_one_refusal():
    began, sent = time.monotonic(), Counter()

    def send():
        sent["all"] += 1
        time.sleep(0.01)
        return Reply(429 if time.monotonic() < began + 0.5 else 200, {})

    backoff = Backoff("http://h", lambda: False)
    with ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(lambda _: backoff.send(send, frozenset()), range(40)))
    assert {each.status for each in replies} == {200}
    assert backoff.pauses < 10
    assert sent["all"] > 80


def test_a_server_that_asks_to_slow_down_gets_fewer_requests_at_once():
    contract = CONTRACT.only("shareInfo")
    world = openapi.load_world(WORLD, contract, 0, {})
    session = open_session(contract, world, Target("http://127.0.0.1:9"), Plan(workers=8))
    replies = [Reply(200, {}, tries=2), Reply(200, {})]
    session._answer = lambda request: replies.pop()
    session._answers(["one", "two"])
    assert session.workers == 4

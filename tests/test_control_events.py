"""The events of a world: what is sent, where it begins, when it ends, and that streams and slow clients are bounded."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager

import pytest
import requests

import openapi
from mockserver import Bounds, Mock, Origin, create_app, running
from mockserver.control import events
from mockserver.control.access import Guard
from mockserver.http import stream
from mockserver.http.server import Server, listen

CONTRACT = openapi.load()
URL = CONTRACT.operations["shareInfo"].path
SHARE = {"pk": "p11pLZ", "dk": "D001", "acceptingExpireAt": "4102444800000"}
ALICE = {"Authorization": "Bearer demo-token-alice"}
EVENTS = "/_mock/worlds/default/events"


def _mock(**bounds):
    return Mock(CONTRACT, Origin(openapi.read_document(openapi.demo_world()), {}), Bounds(**bounds))


@contextmanager
def _served(mock, guard=None, tls=None):
    server = Server(create_app(mock, guard=guard), listen("127.0.0.1", 0), 4, tls)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def plain():
    with running() as client:
        yield client


@pytest.fixture
def world(plain):
    world = plain.create()
    yield world
    world.delete()


def _share(url):
    return requests.post(f"{url}{URL}", params=SHARE, headers=ALICE, timeout=20)


def _entries(found, number):
    """The next entries of a stream."""
    entries = []
    for kind, data in found:
        if kind == "entry":
            entries.append(data)
        if len(entries) == number:
            return entries
    return entries


def test_a_stream_begins_with_the_world_and_then_sends_what_happens(world):
    _share(world.url)
    found = world.journal.events()
    kind, first = next(found)
    assert (kind, first["name"], first["entries"]) == ("world", world.name, 1)
    for _ in range(2):
        _share(world.url)
    assert [each["number"] for each in _entries(found, 2)] == [2, 3]
    assert next(data for kind, data in found if kind == "world")["entries"] == 3
    found.close()


def test_an_event_has_the_entry_as_the_journal_shows_it(world):
    found = world.journal.events(after=0)
    _share(world.url)
    (entry,) = _entries(found, 1)
    assert entry == world.journal.entries()[0]
    assert "demo-token" not in json.dumps(entry)
    assert entry["curl"].startswith("curl -sS -X POST ")
    found.close()


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        ("?after=2", {}, 3),
        ("", {"Last-Event-ID": "1"}, 2),
        ("?after=0", {"Last-Event-ID": "2"}, 3),
        ("?after=99", {}, 1),  # a number of an earlier mock
    ],
)
def test_a_stream_goes_on_after_a_number(world, query, headers, first):
    for _ in range(3):
        _share(world.url)
    url = f"{world.client.url}/_mock/worlds/{world.name}/events{query}"
    with requests.get(url, headers=headers, stream=True, timeout=20) as reply:
        ids = (line for line in reply.iter_lines(chunk_size=None) if line.startswith(b"id: "))
        assert next(ids) == b"id: %d" % first


def test_many_entries_come_in_their_order_and_only_once(plain):
    world = plain.create()
    with requests.Session() as session:
        for _ in range(250):
            session.post(f"{world.url}{URL}", params=SHARE, headers=ALICE, timeout=20)
    found = world.journal.events(after=0)
    assert [each["number"] for each in _entries(found, 250)] == list(range(1, 251))
    found.close()
    world.delete()


def test_a_deleted_world_is_gone_and_so_is_one_that_was_made_again(plain):
    world = plain.create("again")
    found = world.journal.events()
    next(found)
    world.delete()
    plain.create("again")
    assert list(found) == [("gone", {"name": "again"})]
    plain.world("again").delete()


def test_a_cleared_journal_ends_no_stream(world):
    found = world.journal.events(after=0)
    _share(world.url)
    _entries(found, 1)
    world.journal.clear()
    _share(world.url)
    assert [each["number"] for each in _entries(found, 1)] == [2]
    found.close()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{EVENTS}?after=-1", {}, 400),
        (f"{EVENTS}?from=1", {}, 400),
        (EVENTS, {"Last-Event-ID": "one"}, 400),
        (EVENTS, {"Mock-Integers": "all"}, 400),
        (f"{EVENTS}?secrets=true", {}, 403),
        ("/_mock/worlds/nobody/events", {}, 404),
        (EVENTS, {"Origin": "https://evil.example"}, 403),
        (EVENTS, {"Host": "evil.example"}, 421),
    ],
)
def test_what_is_refused_opens_no_stream(path, headers, status):
    reply = create_app(_mock()).test_client().get(path, headers=headers)
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json")


def test_secrets_come_only_with_the_token():
    mock = _mock()
    client = create_app(mock, guard=Guard("secret")).test_client()
    assert client.get(EVENTS).status_code == 401
    client.post(URL, query_string=SHARE, headers=ALICE)
    for query, shown in (("", False), ("&secrets=true", True)):
        reply = client.get(f"{EVENTS}?after=0{query}", headers={"Authorization": "Bearer secret"}, buffered=False)
        assert (b"demo-token-alice" in next(iter(reply.response))) is shown
        reply.close()


def test_large_integers_are_text_where_a_browser_asks_for_it():
    mock = _mock()
    client = create_app(mock).test_client()
    mock.worlds.default.set_clock(lambda clock: clock.stopped().at(2**60))
    reply = client.get(EVENTS, headers={"Mock-Integers": "text"}, buffered=False)
    assert f'"now": "{2**60}"'.encode() in next(iter(reply.response))
    reply.close()


def test_silence_is_broken_by_a_comment(monkeypatch):
    monkeypatch.setattr(events, "BEAT", 0.0)
    reply = create_app(_mock()).test_client().get(EVENTS, buffered=False)
    parts = iter(reply.response)
    assert next(parts).startswith(b"event: world\n")
    assert next(parts) == b":\n\n"
    reply.close()


def test_the_number_of_streams_is_bounded_and_a_client_that_leaves_makes_room(monkeypatch):
    monkeypatch.setattr(events, "MOST_STREAMS", 2)
    with _served(_mock()) as server:
        url = f"{server.url}{EVENTS}"
        one, two, three = (requests.get(url, stream=True, timeout=20) for _ in range(3))
        assert [each.status_code for each in (one, two, three)] == [200, 200, 503]
        assert "2 streams of events are open already" in three.json()["detail"]
        one.close()
        _until(lambda: requests.get(url, stream=True, timeout=20).status_code == 200)


def test_a_head_request_takes_no_place(plain):
    for _ in range(events.MOST_STREAMS + 1):
        assert requests.head(f"{plain.url}{EVENTS}", timeout=20).headers["Content-Type"] == events.EVENTS


def test_streams_take_no_thread_from_other_requests():
    with _served(_mock()) as server:  # which has four
        streams = [requests.get(f"{server.url}{EVENTS}", stream=True, timeout=20) for _ in range(20)]
        assert requests.get(f"{server.url}/_mock/worlds", timeout=20).status_code == 200
        for each in streams:
            each.close()


def test_a_stop_ends_streams_at_once():
    with _served(_mock()) as server:
        reply = requests.get(f"{server.url}{EVENTS}", stream=True, timeout=20)
        lines = reply.iter_lines(chunk_size=None)
        assert next(lines) == b"event: world"
    assert not any(line.startswith(b"event: ") for line in lines)  # it is complete, and has an end


class Endless(stream.Stream):
    """A stream that always has more."""

    def __init__(self):
        self.asked, self.closed = 0, 0

    def more(self):
        self.asked += 1
        return b"x" * 65536

    def close(self):
        self.closed += 1


def _endless(found):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return found

    return application


@contextmanager
def _reading_nothing(found):
    server = Server(_endless(found), listen("127.0.0.1", 0), 2)
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        yield server, client
    server.stop()


def _until(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def _settled(found):
    asked = -1
    while asked != found.asked:
        asked = found.asked
        time.sleep(0.3)
    return asked


def test_a_client_that_does_not_read_is_asked_for_no_more_and_then_dropped(monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE", 2)
    found = Endless()
    with _reading_nothing(found):
        assert _settled(found) < 200  # what the buffers of sockets hold
        _until(lambda: found.closed)
    assert found.closed == 1


def test_a_slow_client_gets_the_rest_when_it_reads_again():
    found = Endless()
    with _reading_nothing(found) as (_, client):
        asked = _settled(found)
        client.settimeout(20)
        size = 0
        while size < (asked + 3) * 65536:
            size += len(client.recv(1_000_000))
        assert found.asked > asked


def test_a_stop_does_not_wait_for_a_client_that_does_not_read():
    found = Endless()
    with _reading_nothing(found) as (server, _):
        _settled(found)
        server.stop()  # which would hang


def test_a_stream_that_fails_ends_and_is_closed(capfd):
    class Failing(Endless):
        def more(self):
            raise RuntimeError("no more")

    found = Failing()
    server = Server(_endless(found), listen("127.0.0.1", 0), 2)
    assert requests.get(server.url, timeout=20).content == b""
    _until(lambda: found.closed)
    server.stop()
    assert "no more" in capfd.readouterr().err


def test_requests_behind_one_for_a_stream_are_not_answered_and_hold_nothing(plain):
    with socket.create_connection(("127.0.0.1", int(plain.url.rpartition(":")[2]))) as client:
        request = f"{{}} {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.sendall((request.format("GET") + request.format("HEAD")).encode())
        client.settimeout(20)
        head = client.recv(65536)
        while b"event: world" not in head:
            head += client.recv(65536)
    assert head.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in head


def test_a_client_of_http_1_0_reads_to_the_end_of_the_connection(plain):
    world = plain.create("old")
    with socket.create_connection(("127.0.0.1", int(plain.url.rpartition(":")[2]))) as client:
        client.settimeout(20)
        client.sendall(b"GET /_mock/worlds/old/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        text = client.recv(65536)
        world.delete()
        while part := client.recv(65536):
            text += part
    assert b"chunked" not in text
    assert text.endswith(b'event: gone\ndata: {"name": "old"}\n\n')


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_streams_work_over_tls(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl")
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        _served(_mock(), tls=(certificate, key)) as server,
        socket.create_connection((server.host, server.port), timeout=20) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        text = b""
        while b"event: world" not in text:
            text += client.recv(65536)
        _share_over(server)
        while b"event: entry" not in text:
            text += client.recv(65536)


def _share_over(server):
    assert requests.post(f"{server.url}{URL}", params=SHARE, headers=ALICE, timeout=20, verify=False).status_code == 200

"""The HTTP server, byte by byte: what it accepts, what it refuses, and the order of replies."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from unittest.mock import patch

import pytest

import openapi
from mockserver import Mock, Origin, create_app, running
from mockserver.http import server as http_server
from mockserver.http.server import Server, listen

URL = openapi.load().operations["shareInfo"].path
SHARE = f"POST {URL}?pk=p11pLZ&dk=D001&acceptingExpireAt=4102444800000 HTTP/1.1\r\nHost: a\r\n"
ALICE = "Authorization: demo-token-alice\r\n"
HEALTH = "GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n"
CLOCK = "PATCH /_mock/worlds/default/clock HTTP/1.1\r\nHost: localhost\r\n"
DATE = '{"time": "2030-01-01T00:00:00Z", "frozen": true}'


class Wire:
    """One connection on which bytes are sent and received."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        return self

    def reply(self, method="POST"):
        """The status, the headers and the body of the next reply; None where the connection closed."""
        first = self.file.readline()
        if not first:
            return None
        headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        return int(first.split()[1]), headers, self.file.read(0 if method == "HEAD" else int(headers.get("Content-Length", 0)))

    def closed(self):
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def served():
    """Serves an application until the test ends; returns the server."""
    servers = []

    def serve(application, host="127.0.0.1", threads=1):
        servers.append(Server(application, listen(host, 0), threads))
        return servers[-1]

    yield serve
    for each in servers:
        each.stop()


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def mock(request):
    """A mock on each event loop: uvloop and asyncio."""
    new_event_loop = pytest.importorskip(request.param).new_event_loop
    with patch.object(http_server, "new_event_loop", new_event_loop), running(threads=1) as client:
        client.port = int(client.url.rpartition(":")[2])
        yield client


@pytest.fixture
def wire(mock):
    mock.world().reset()
    found = Wire(mock.port)
    yield found
    found.socket.close()


def _outcome(reply):
    return reply[1]["Mock-Outcome"]


def test_pipelined_requests_are_answered_in_their_order_also_where_one_takes_longer(wire):
    wire.send(f"{SHARE}\r\n{HEALTH}\r\n{SHARE}{ALICE}\r\n{HEALTH}\r\n{SHARE}\r\n")
    assert _outcome(wire.reply()) == "shareInfo/5106"
    assert json.loads(wire.reply()[2]) == {"status": "ok"}
    assert _outcome(wire.reply()) == "shareInfo/200"
    assert json.loads(wire.reply()[2]) == {"status": "ok"}
    assert _outcome(wire.reply()) == "shareInfo/5106"


@pytest.mark.parametrize("cut", [1, 60])
def test_a_request_is_counted_from_where_it_begins(wire, cut):
    request, many = f"{SHARE}{ALICE}\r\n", 500
    wire.send(request * many + request[:cut])
    assert [_outcome(wire.reply()) for _ in range(many)] == ["shareInfo/200"] * many
    wire.send(request[cut:])
    assert _outcome(wire.reply()) == "shareInfo/200"


def test_a_body_does_not_count_for_the_head_of_the_next_request(wire):
    body = json.dumps(json.loads(DATE)) + " " * 70_000
    wire.send(f"{CLOCK}Content-Length: {len(body)}\r\n\r\n{body}{HEALTH[:20]}")
    assert wire.reply()[0] == 200
    assert wire.send(f"{HEALTH[20:]}\r\n").reply()[0] == 200


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 431)])
@pytest.mark.parametrize("before", [0, 200])
def test_a_head_may_have_64_kib(wire, before, size, status):
    for _ in range(before):
        wire.send(f"{SHARE}{ALICE}\r\n").reply()
    head = f"{SHARE}{ALICE}Long: "
    wire.send(head + "a" * (size - len(head) - 4) + "\r\n\r\n")
    assert wire.reply()[0] == status


def test_a_request_may_come_byte_by_byte(wire):
    for byte in f"{SHARE}{ALICE}\r\n":
        wire.send(byte)
    assert _outcome(wire.reply()) == "shareInfo/200"


def test_a_body_may_come_in_chunks_and_a_trailer_is_no_header(wire):
    half = len(DATE) // 2
    chunks = "".join(f"{len(part):x};extension=1\r\n{part}\r\n" for part in (DATE[:half], DATE[half:]))
    wire.send(f"{CLOCK}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\nHost: elsewhere.example\r\n\r\n")
    status, _, body = wire.reply()
    assert (status, json.loads(body)["mode"]) == (200, "frozen")
    wire.send(f"{SHARE}Transfer-Encoding: chunked\r\n\r\n0\r\n{ALICE}\r\n")
    assert _outcome(wire.reply()) == "shareInfo/5106"


@pytest.mark.parametrize(
    "request_",
    [
        f"{SHARE}Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        f"{SHARE}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        f"{SHARE}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{SHARE}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        f"{SHARE}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        f"{SHARE}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        f"{SHARE}Content-Length: +1\r\n\r\na",
        f"{SHARE}Content-Length: 1a\r\n\r\na",
        f"{SHARE}Transfer-Encoding: chunked\r\n\r\nx\r\n",
        f"{SHARE}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        f"{SHARE}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        f"{SHARE}Folded: a\r\n b\r\n\r\n",
        f"{SHARE}Zero: a\0b\r\n\r\n",
        f"{SHARE}Feed: a\n\r\n",
        SHARE.replace("\r\n", "\n") + "\n",
        f"POST {URL} HTTP/1.1\r\n{ALICE}\r\n",
        f"{SHARE}Host: b\r\n\r\n",
        f"{SHARE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".replace("HTTP/1.1", "HTTP/1.0"),
        f"{SHARE}Upgrade: a\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".replace("/1.1", "/1.0"),
        "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "BREW / HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\0\x01",
    ],
)
def test_what_is_no_request_is_refused_and_nothing_after_it_is_read(wire, mock, request_):
    wire.send(f"{request_}{SHARE}{ALICE}\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    status, headers, _ = wire.reply()
    assert (status, headers["Connection"], headers["Content-Type"]) == (400, "close", "application/problem+json")
    assert wire.closed()
    assert mock.world().journal.entries() == []


def test_a_name_with_an_underscore_does_not_pass_for_a_header(wire):
    wire.send(f"{SHARE}Mock_World: nowhere\r\n{ALICE}\r\n")
    assert _outcome(wire.reply()) == "shareInfo/200"


def test_http_1_0_needs_no_host(wire):
    assert wire.send(f"POST {URL} HTTP/1.0\r\n{ALICE}Upgrade: a\r\nConnection: Upgrade\r\n\r\n").reply()[0] == 200


@pytest.mark.parametrize("strange", ["a\0: b", "a: b\0", "\xe4: b", "a: \x01", "a b: c", ": c"])
def test_what_cannot_be_read_is_answered_also_after_a_request_that_takes_longer(wire, strange):
    wire.send(f"{HEALTH}\r\n{SHARE}{strange}\r\n\r\n")
    assert [wire.reply()[0], wire.reply()[0]] == [200, 400]
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.closed()


@pytest.mark.parametrize(
    "header", ["Mock-World: \xff\x80", "a!#$%&'*+-.^`|~1: \xe4\t ", "Cookie: \xff=\xfe", "Prefer: code=\xff"]
)
@pytest.mark.parametrize("target", [f"POST {URL}", "GET /_mock/worlds", "GET /nowhere"])
def test_strange_bytes_that_a_header_may_have_get_a_reply_like_any_other(wire, target, header):
    status = wire.send(f"{target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n").reply()[0]
    assert status in (200, 400, 404)
    assert wire.send(f"{HEALTH}\r\n").reply()[0] == 200


MIB = 1024 * 1024
CONTRACT_PATHS = [
    URL,
    f"http://a{URL}",
    f"http://a{URL}?/_mock/worlds",
    "/worlds/_mock/worlds",
    "/_mock/health",
    "/a/../_mock/worlds",
]
WORLD_PATHS = ["/_mock/worlds/w", "http://a/_mock/worlds/w", "/%5Fmock/w%6frlds/w"]


@pytest.mark.parametrize(
    ("path", "size"),
    [*((path, MIB + 1) for path in CONTRACT_PATHS), *((path, 8 * MIB + 1) for path in WORLD_PATHS), (WORLD_PATHS[0], 10**15)],
)
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(wire, path, size, monkeypatch):
    monkeypatch.setattr("mockserver.http.connection.LINGER", 0)
    wire.send(f"PUT {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n")
    assert (wire.reply()[0], wire.closed()) == (413, True)


@pytest.mark.parametrize(
    ("path", "size"), [*((path, MIB) for path in CONTRACT_PATHS), *((path, 8 * MIB) for path in WORLD_PATHS)]
)
def test_a_body_that_is_not_too_large_is_asked_for(wire, path, size):
    wire.send(f"PUT {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n")
    assert wire.file.readline() == b"HTTP/1.1 100 Continue\r\n"


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(wire):
    wire.send(f"{SHARE}Transfer-Encoding: chunked\r\n\r\n")
    wire.send(f"{MIB:x}\r\n{'a' * MIB}\r\n1\r\na")
    assert wire.reply()[0] == 413


def test_the_bodies_of_all_connections_together_have_a_bound(served, monkeypatch):
    monkeypatch.setattr("mockserver.http.connection.MOST_STORED", 3000)
    server = served(create_app(_mock()))
    head = f"{SHARE}{ALICE}Content-Length: 2000\r\n\r\n"
    first, second, third = (Wire(server.port) for _ in range(3))
    first.send(f"{HEALTH}\r\n").reply()
    first.send(head + "a" * 1999)
    assert _until(lambda: server._service.stored == 1999)
    status, headers, body = second.send(head + "a" * 2000).reply()
    assert (status, headers["Connection"]) == (503, "close")
    assert "3000 bytes" in json.loads(body)["detail"]
    assert _outcome(first.send("a").reply()) == "shareInfo/200"
    assert _outcome(third.send(head + "a" * 2000).reply()) == "shareInfo/200"
    third.send(head + "a" * 1000)
    assert _until(lambda: server._service.stored == 1000)
    for each in (third.file, third.socket):
        each.close()
    assert _until(lambda: server._service.stored == 0)


def test_the_bodies_that_wait_for_a_thread_count_until_they_are_answered(served):
    go_on = Event()

    def slow(environ, start_response):
        go_on.wait(10)
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()[:1]]

    server = served(slow)
    wires = [Wire(server.port).send(f"{SHARE}Content-Length: 1000\r\n\r\n{'a' * 1000}") for _ in range(3)]
    assert _until(lambda: server._service.stored == 3000)
    go_on.set()
    assert [each.reply()[2] for each in wires] == [b"a"] * 3
    assert server._service.stored == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_client_too_many_is_told_so(served, monkeypatch, capfd, loop):
    monkeypatch.setattr("mockserver.http.connection.MOST_CONNECTIONS", 1)
    monkeypatch.setattr("mockserver.http.connection.MOST_REFUSED", 2)
    monkeypatch.setattr(http_server, "new_event_loop", pytest.importorskip(loop).new_event_loop)
    server = served(create_app(_mock()))
    first = Wire(server.port)
    assert first.send(f"{HEALTH}\r\n").reply()[0] == 200
    refused = [Wire(server.port) for _ in range(4)]
    for each in refused:
        status, headers, body = each.reply()
        assert (status, headers["Connection"], json.loads(body)["status"]) == (503, "close", 503)
    assert refused[-1].closed()
    assert capfd.readouterr().err == "1 clients are connected, so further ones get 503\n"
    assert first.send(f"{HEALTH}\r\n").reply()[0] == 200


def test_a_body_without_end_is_refused(wire):
    wire.send(f"{CLOCK}Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(180):
        wire.send(b"1\r\na\r\n" * 10_000)
    assert wire.reply()[0] == 413


@pytest.mark.parametrize("endless", [b"a" * 4096, b"A: b\r\n" * 1000, b"Cookie: b\r\n" * 1000, b"A: " + b"b" * 4096])
def test_a_head_without_end_is_refused(wire, endless):
    wire.send(SHARE)
    for _ in range(40):
        wire.send(endless)
    assert wire.reply()[0] == 431


def test_who_asks_before_sending_a_body_while_another_request_is_answered_is_not_told(wire):
    wire.send(f"{HEALTH}\r\n{CLOCK}Expect: 100-continue\r\nContent-Length: {len(DATE)}\r\n\r\n")
    assert wire.reply()[0] == 200
    wire.send(DATE)
    assert wire.reply()[0] == 200


def test_a_request_to_go_on_is_answered_before_the_body(wire):
    wire.send(f"{CLOCK}Expect: 100-continue\r\nContent-Length: {len(DATE)}\r\n\r\n")
    assert wire.file.readline() + wire.file.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(DATE)
    assert wire.reply()[0] == 200


def test_a_wish_for_another_protocol_is_not_granted_and_the_body_is_read(wire):
    wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n"
    wire.send(f"{CLOCK}{wish}Content-Length: {len(DATE)}\r\n\r\n{DATE}{SHARE}{ALICE}{wish}\r\n")
    assert wire.reply()[0] == 200
    assert _outcome(wire.reply()) == "shareInfo/200"
    wire.send(f"{CLOCK}{wish}Transfer-Encoding: chunked\r\n\r\n{len(DATE):x}\r\n")
    wire.send(f"{DATE}\r\n0\r\n\r\n{SHARE}\r\n")
    assert wire.reply()[0] == 200
    assert _outcome(wire.reply()) == "shareInfo/5106"


def test_it_is_no_proxy_but_understands_a_client_that_takes_it_for_one(wire):
    wire.send(SHARE.replace("POST ", "POST http://mock.example") + f"{ALICE}\r\n")
    assert _outcome(wire.reply()) == "shareInfo/200"
    wire.send("CONNECT mock.example:443 HTTP/1.1\r\n\r\n")
    assert wire.reply()[0] == 501


@pytest.mark.parametrize(("version", "header"), [("1.0", ""), ("1.1", "Connection: close\r\n")])
def test_a_connection_closes_where_the_client_wants_no_more(wire, version, header):
    wire.send(SHARE.replace("HTTP/1.1", f"HTTP/{version}") + f"{header}\r\n")
    status, headers, _ = wire.reply()
    assert (status, headers["Connection"], wire.closed()) == (200, "close", True)


@pytest.mark.parametrize("path", [URL, "/_mock/health", "/nowhere"])
def test_a_reply_to_head_has_a_length_and_no_body(wire, path):
    wire.send(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n{HEALTH}\r\n")
    _, headers, _ = wire.reply("HEAD")
    assert int(headers["Content-Length"]) > 0
    assert json.loads(wire.reply()[2]) == {"status": "ok"}


def test_a_reply_without_a_body_has_no_length(wire):
    wire.send("DELETE /_mock/worlds/default/faults HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status, headers, _ = wire.reply()
    assert (status, "Content-Length" in headers) == (204, False)


def test_every_reply_has_the_time(wire):
    wire.send(f"{HEALTH}\r\n")
    assert wire.reply()[1]["Date"].endswith(" GMT")


def test_a_slow_request_is_given_up_and_so_is_a_connection_that_does_nothing(mock, wire, monkeypatch):
    monkeypatch.setattr("mockserver.http.connection.PATIENCE", 1)
    monkeypatch.setattr("mockserver.http.connection.IDLE", 1)
    idle = Wire(mock.port).send(f"{HEALTH}\r\n")
    assert idle.reply()[0] == 200
    wire.send(SHARE)
    for _ in range(20):
        wire.send("a")  # bytes that arrive slowly do not extend the time limit
        time.sleep(0.1)
    assert wire.reply()[0] == 408
    assert idle.closed()


def test_who_does_not_read_replies_is_given_up_and_cannot_fill_the_memory(mock, monkeypatch):
    monkeypatch.setattr("mockserver.http.connection.PATIENCE", 1)
    wire = Wire(mock.port)
    asked = 2000
    Thread(target=lambda: wire.send("GET /_mock/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * asked), daemon=True).start()
    time.sleep(3.5)
    got = 0
    with pytest.raises((OSError, ValueError, KeyError, IndexError, TypeError)):
        while wire.reply()[0] == 200:
            got += 1
    assert got < asked / 10


def test_delayed_replies_hold_nobody_up(mock, wire):
    mock.world().faults.add(operation="shareInfo", delay=1500, times=20)
    delayed = [Wire(mock.port).send(f"{SHARE}{ALICE}\r\n") for _ in range(20)]
    started = time.perf_counter()
    deviceinfo = f"POST {URL.replace('shareInfo', 'shareDevice')} HTTP/1.1\r\nHost: a\r\n\r\n"
    assert _outcome(wire.send(deviceinfo).reply()) == "shareDevice/5106"
    assert wire.send(f"{HEALTH}\r\n").reply()[0] == 200
    assert time.perf_counter() - started < 1.2
    assert [_outcome(each.reply()) for each in delayed] == ["shareInfo/200"] * 20
    assert 1.4 < time.perf_counter() - started < 4


def test_a_delayed_reply_comes_before_those_that_were_asked_for_later(mock, wire):
    mock.world().faults.add(operation="shareInfo", delay=300, times=1)
    wire.send(f"{SHARE}{ALICE}\r\n{HEALTH}\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert [_outcome(wire.reply()), wire.reply()[0], wire.closed()] == ["shareInfo/200", 200, True]


@pytest.mark.parametrize("drop", ["request", "reply"])
def test_a_dropped_connection_closes_without_a_byte_after_what_came_before(mock, wire, drop):
    mock.world().faults.add(operation="shareInfo", drop=drop, times=1)
    wire.send(f"{HEALTH}\r\n{SHARE}{ALICE}\r\n")
    assert (wire.reply()[0], wire.closed()) == (200, True)


def test_stopping_answers_what_came_and_takes_no_more():
    def slow(environ, start_response):
        time.sleep(0.6)
        start_response("200 OK", [])
        return [b"done"]

    server = Server(slow, listen("127.0.0.1", 0), 1)
    idle, busy = Wire(server.port), Wire(server.port).send(f"{HEALTH}\r\n{HEALTH}\r\n")
    time.sleep(0.2)
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(server.stop)
        time.sleep(0.2)
        assert (idle.closed(), stopped.done()) == (True, False)
        with pytest.raises(OSError, match="refused"):
            Wire(server.port)
        first, second = busy.reply(), busy.reply()
        assert (first[2], second[2], second[1]["Connection"], busy.closed()) == (b"done", b"done", "close", True)
        stopped.result(5)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_stopping_sends_delayed_replies_at_once_and_waits_for_no_client_that_has_gone(monkeypatch, loop):
    monkeypatch.setattr(http_server, "new_event_loop", pytest.importorskip(loop).new_event_loop)
    mock = _mock()
    mock.worlds.default.faults.add({"delay": 60_000}, mock.contract)
    server = Server(create_app(mock), listen("127.0.0.1", 0), 1)
    gone, there = (Wire(server.port).send(f"{SHARE}{ALICE}\r\n{SHARE}\r\n") for _ in range(2))
    assert _until(lambda: sum(each.delayed is not None for each in server._service.connections) == 2)
    gone.file.close()
    gone.socket.close()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.stop).result(20)
    assert [_outcome(there.reply()), _outcome(there.reply()), there.closed()] == ["shareInfo/200", "shareInfo/5106", True]


def test_a_stopped_server_may_be_stopped_again_and_its_port_taken():
    server = Server(create_app(_mock()), listen("127.0.0.1", 0), 1)
    server.stop()
    server.stop()
    listen("127.0.0.1", server.port).close()


def test_it_listens_on_ipv6(served):
    server = served(create_app(_mock()), host="::1")
    assert server.url == f"http://[::1]:{server.port}"
    assert _outcome(Wire(server.port, "::1").send(f"{SHARE}{ALICE}\r\n").reply()) == "shareInfo/200"


def test_middleware_around_flask_sees_requests_of_the_contract_too(served):
    app, seen = create_app(_mock()), []
    inner = app.wsgi_app

    def middleware(environ, start_response):
        seen.append((environ["PATH_INFO"], environ["REQUEST_METHOD"], environ["wsgi.url_scheme"]))
        return inner(environ, start_response)

    app.wsgi_app = middleware
    assert _outcome(Wire(served(app).port).send(f"{SHARE}{ALICE}\r\n").reply()) == "shareInfo/200"
    assert seen == [(URL, "POST", "http")]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_application_that_fails_costs_a_reply_and_not_the_server(served, capfd, at_once):
    def broken(environ, start_response=None):
        raise RuntimeError("on purpose")

    if at_once:
        broken.reply = broken
    wire = Wire(served(broken).port).send(f"{HEALTH}\r\n{HEALTH}\r\n")
    assert (wire.reply()[0], wire.reply()[0]) == (500, 500)
    assert "on purpose" in capfd.readouterr().err


def test_a_contract_cannot_break_a_header(served, tmp_path):
    file = tmp_path / "contract.yaml"
    file.write_text(
        "openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths: {/a: {get: {responses: {'200': {description: a, content: "
        '{"text/plain\\r\\nX-Split: 1": {example: a}}}}}}}\n'
    )
    contract = openapi.load(file, plain=True)
    app = create_app(Mock(contract, Origin(openapi.parse_document("{}", "world"))))
    status, headers, _ = Wire(served(app).port).send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").reply()
    assert (status, "X-Split" in headers) == (500, False)


def _until(holds):
    """Whether it holds within ten seconds."""
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def _mock():
    return Mock(openapi.load(), Origin(openapi.read_document(openapi.__path__[0] + "/worlds/demo.yaml")))

"""`contracts watch`: the proxy changes nothing, survives everything, and judges what passes by."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner

from contracts.cli.main import main
from contracts.traffic.proxy import LARGEST_BODY, Proxy
from mockserver import running

SHARE = "/v2/binding/enduserapi/shareInfo?pk=p11pLZ&dk=D001&acceptingExpireAt=4102444800000"


@contextmanager
def proxied(target, certificates=None):
    """The URL of a proxy before a server, and the exchanges that it has seen."""
    seen, ready, stop = [], threading.Event(), asyncio.Event()
    address, loop = [], asyncio.new_event_loop()

    def run():
        def begin(url):
            address.append(url)
            ready.set()

        proxy = Proxy(target, certificates)
        loop.run_until_complete(proxy.serve("127.0.0.1", 0, stop, begin, lambda exchange, earliest: seen.append(exchange)))

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield address[0], seen
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def server(answer):
    """A server that reads one request per connection and sends the bytes that `answer` gives for them."""
    got, stopped = [], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def serve():
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
                while len(body) < length or (b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n")):
                    body += connection.recv(65536)
                got.append((head, body))
                for part in answer(head, body):
                    connection.sendall(part)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
    finally:
        stopped.set()
        thread.join()
        listener.close()


def raw(url, data):
    """The bytes of a reply to the bytes of a request, until the connection is closed."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def fixed(*parts):
    return lambda head, body: parts


REPLIES = {
    "a length": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhello",
    "no headers at all": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "another phrase": b"HTTP/1.1 299 Quite So\r\nContent-Length: 2\r\nContent-Type: x/y; a=b\r\n\r\n\xff\x00",
    "no content": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(b"x", mtime=0))
    + gzip.compress(b"x", mtime=0),
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
    "an error": b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nbusy",
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_forwarded_as_it_is(name):
    with server(fixed(REPLIES[name])) as (target, _), proxied(target) as (url, seen):
        found = raw(url, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert found.replace(b"Connection: close\r\n", b"") == REPLIES[name]
    assert seen[0].status == int(REPLIES[name][9:12])


def test_a_reply_in_chunks_is_forwarded_as_it_comes():
    def answer(head, body):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        assert first.wait(10)
        yield b"3\r\ntwo\r\n0\r\n\r\n"

    first = threading.Event()
    with server(answer) as (target, _), proxied(target) as (url, seen):
        reply = requests.get(url, stream=True, timeout=10)
        parts = reply.iter_content(None)
        assert next(parts) == b"one"  # before the server has sent the rest
        first.set()
        assert b"".join(parts) == b"two"
    assert seen[0].reply_body == b"onetwo"


@pytest.mark.parametrize(
    "line", ["GET /a%2Fb//c?x=%41&y=+&z", "DELETE /", "OPTIONS /", "GET http://other.example/p?q=1", "PURGE /x"]
)
def test_a_request_is_forwarded_as_it_is(line):
    own = b"x-Odd_Name: a b\r\nCookie: a=1\r\n"
    with server(fixed(REPLIES["a length"])) as (target, got), proxied(target) as (url, seen):
        raw(url, line.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\n" + own + b"\r\n")
    first, *headers = got[0][0].decode().split("\r\n")
    assert first == f"{line.replace('http://other.example', '')} HTTP/1.1"
    headers = [each for each in headers if each != "Content-Length: 0"]  # which some methods without a body are given
    assert sorted(headers) == ["Cookie: a=1", f"Host: {urlsplit(target).netloc}", "x-Odd_Name: a b"]
    path = urlsplit(line.split()[1])._replace(scheme="", netloc="").geturl()
    assert f"{seen[0].path}{'?' if seen[0].query else ''}{seen[0].query}" == path


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_body_is_forwarded_byte_for_byte(size):
    def echo(head, sent):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(sent), sent

    body, headers = bytes(os.urandom(size)), {"Content-Encoding": "gzip"} if size == 1 else {}
    with server(echo) as (target, got), proxied(target) as (url, seen):
        assert requests.post(url, data=body, headers=headers, timeout=20).content == body
    assert got[0][1] == body == seen[0].body == seen[0].reply_body


def test_a_body_that_is_too_large_passes_and_is_not_kept():
    body = bytes(LARGEST_BODY + 1)
    with server(fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (target, got), proxied(target) as (url, seen):
        assert requests.post(url, data=body, timeout=30).status_code == 200
    assert (len(got[0][1]), seen[0].body) == (len(body), None)


def test_a_server_that_is_not_there_is_said_and_the_proxy_goes_on():
    with socket.create_server(("127.0.0.1", 0)) as free:
        target = f"http://127.0.0.1:{free.getsockname()[1]}"
    with proxied(target) as (url, seen):
        replies = [requests.get(f"{url}/a", timeout=10) for _ in range(2)]
    assert [(each.status_code, "the target gave no reply" in each.json()["detail"]) for each in replies] == [(502, True)] * 2
    assert [(each.status, bool(each.why)) for each in seen] == [(0, True)] * 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
    ],
)
def test_a_reply_that_breaks_off_is_no_whole_reply(reply):
    status = 502
    with server(fixed(reply)) as (target, _), proxied(target) as (url, seen), suppress(requests.RequestException):
        status = requests.get(url, timeout=10).status_code  # or the client sees that it was cut off
    assert (status, seen[0].status, bool(seen[0].why)) == (502, 0, True)


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nA" + b"a" * 200_000 + b": 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: \xff\xfe\r\nConnection: close\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
        bytes(range(256)) * 10,
    ],
)
def test_a_hostile_client_does_not_end_the_proxy(request_):
    with server(fixed(REPLIES["a length"])) as (target, _), proxied(target) as (url, _seen):
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=5) as connection:
            connection.sendall(request_)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            with suppress(OSError):
                while connection.recv(65536):
                    pass
        assert requests.get(url, timeout=10).content == b"hello"


def test_a_client_that_goes_away_does_not_end_the_proxy():
    def answer(head, body):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        time.sleep(0.2)
        yield b"hello"

    with server(answer) as (target, _), proxied(target) as (url, seen):
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as connection:
            connection.sendall(b"GET /gone HTTP/1.1\r\nHost: x\r\n\r\n")
        assert requests.get(f"{url}/there", timeout=10).content == b"hello"
        deadline = time.monotonic() + 10
        while len(seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert {each.path: each.reply_body for each in seen if not each.why}["/there"] == b"hello"


def test_a_server_with_tls_is_trusted_by_its_certificate_alone(tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make, *names], check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    httpd = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    target = f"https://localhost:{httpd.server_address[1]}"
    try:
        with proxied(target, str(certificate)) as (url, _):
            assert requests.get(url, timeout=10).content == b"ok"
        with proxied(target) as (url, _):
            reply = requests.get(url, timeout=10)
        assert (reply.status_code, "certificate" in reply.json()["detail"].lower()) == (502, True)
    finally:
        httpd.shutdown()


@contextmanager
def watching(target, *arguments):
    """The URL of `contracts watch`, and its process."""
    command = [sys.executable, "-m", "contracts", "watch", "--target", target, "--listen", ":0", "--quiet", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        yield re.search(r"http://\S+", line)[0], process
    finally:
        process.kill()
        process.communicate()


def finished(process, with_signal=signal.SIGINT):
    process.send_signal(with_signal)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def share(url, token="demo-token-alice", **more):
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return requests.post(f"{url}{SHARE}{query}", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()


def test_live_traffic_is_judged_and_recorded_without_secrets(tmp_path):
    file = tmp_path / "traffic.har"
    with running() as mock, watching(mock.url, "--record", file, "--json", tmp_path / "report.json") as (url, process):
        codes = [share(url)["code"], share(url, coverMark=9)["code"], share(url, "x" * 20)["code"]]
        assert requests.get(f"{url}/elsewhere", timeout=10).status_code == 404
        code, output, errors = finished(process)
    assert (codes, code, errors) == ([200, 5133, 5032], 0, "")
    assert " 0 violations" in output
    assert "Not judged, 1: GET /elsewhere: the contract has no such path" in output
    report = json.loads((tmp_path / "report.json").read_text())
    assert {outcome for outcome, each in report["outcomes"].items() if each["cases"]} >= {"shareInfo/5133", "shareInfo/5032"}
    assert "demo-token" not in output + "".join(each.read_text() for each in tmp_path.iterdir())
    world = tmp_path / "traffic.world.yaml"
    with running(world=world) as mock:
        arguments = ["replay", str(tmp_path / "traffic.replay.json"), "--target", mock.url, "--world", str(world)]
        result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "passes now" in result.output) == (0, True)


def test_a_wrong_server_is_found_in_live_traffic_and_sigterm_gives_the_report_too(tmp_path):
    with running() as mock, watching(mock.url) as (url, process):
        requests.post(f"{mock.url}/_mock/worlds/default/faults", json={"patch": {"set": {"/data": None}}}, timeout=10)
        share(url)
        code, output, _ = finished(process, signal.SIGTERM)
    assert (code, "Violation: " in output, "in 1 of 1 exchanges" in output) == (1, True, True)


def test_without_traffic_nothing_is_verified(tmp_path):
    with running() as mock, watching(mock.url, "--for", "200ms") as (_, process):
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, "no request was sent" in output) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "nowhere"], "--target is not a URL"),
        (["--target", "http://a", "--listen", "nowhere"], "--listen 'nowhere' is no address; write :4020"),
        (["--target", "http://a", "--listen", ":99999"], "--listen ':99999' is no address"),
        (["--target", "http://a", "--listen", "192.0.2.1:0"], "cannot listen on 192.0.2.1:0"),
        (["--target", "http://a", "--record", "/nowhere/x.har"], "/nowhere/x.har cannot be written: its folder does not exist"),
        (["--target", "http://a", "--ca", "/nowhere.pem"], "--ca /nowhere.pem: No such file or directory"),
        (["--target", "http://a", "--world", "missing.yaml"], "missing.yaml:1: cannot be read"),
        (["--target", "http://a", "--contract", "missing.yaml"], "missing.yaml:1: cannot be read"),
    ],
)
def test_what_cannot_be_watched_is_a_sentence(arguments, sentence):
    result = CliRunner().invoke(main, ["watch", "--quiet", "--for", "1s", *arguments])
    assert (result.exit_code, sentence in result.output, "Traceback" in result.output) == (2, True, False)

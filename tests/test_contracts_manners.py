"""Options of the connection to the server: certificates, a proxy, time limits, retries."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from click.testing import CliRunner
from family_servers import WORLD, serving

import openapi
from contracts import Manners, Request, Target
from contracts.cli.main import main
from contracts.http.target import NoReply, RunEnded
from mockserver import Mock, Origin, create_app
from mockserver.http.server import Server, listen

CONTRACT = openapi.load()
REQUEST = Request("userDeviceList", "GET", "/v2/binding/enduserapi/userDeviceList")


def run(base, *arguments, **options):
    command = ["fuzz", "--target", base, "--world", str(WORLD), "--max-requests", "30", "--retries", "0", *arguments]
    return CliRunner().invoke(main, command, **options)


def test_a_certificate_is_trusted_when_it_is_named(tmp_path):
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert, *subject]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl to make a certificate")
    app = create_app(Mock(CONTRACT, Origin(openapi.read_document(WORLD), {})))
    server = Server(app, listen("127.0.0.1", 0), 2, (cert, key))
    try:
        unknown, known, broken = run(server.url), run(server.url, "--ca", str(cert)), run(server.url, "--ca", str(WORLD))
    finally:
        server.stop()
    sentence = "does not answer (SSLError); is its certificate in the file of --ca, or trusted by this machine?"
    for each in (unknown, broken):
        assert (each.exit_code, sentence in each.output) == (2, True), each.output
    assert (known.exit_code, "0 violations" in known.output) == (0, True), known.output


@contextmanager
def proxying():
    """A forwarding proxy; yields its address, and the list of requested URLs with their proxy credentials."""
    asked, pool = [], urllib3.PoolManager()

    class Handler(BaseHTTPRequestHandler):
        def forward(self):
            asked.append((self.path, self.headers.get("Proxy-Authorization")))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            own = {name: value for name, value in self.headers.items() if not name.lower().startswith(("proxy", "host"))}
            reply = pool.request(self.command, self.path, body=body, headers=own, redirect=False)
            self.send_response_only(reply.status)
            for name in ("Content-Type", "Date"):
                self.send_header(name, reply.headers[name])
            self.send_header("Content-Length", str(len(reply.data)))
            self.end_headers()
            self.wfile.write(reply.data)

        do_GET = do_POST = do_PUT = do_DELETE = forward

        def log_message(self, format, *arguments):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{http.server_port}", asked
    finally:
        http.shutdown()
        http.server_close()


def test_a_proxy_is_gone_through_with_its_name_and_password():
    with serving(CONTRACT) as base, proxying() as (proxy, asked):
        result = run(base, "--proxy", f"http://me:${{PROXY_PASSWORD}}@{proxy}", env={"PROXY_PASSWORD": "se%20cret"})
    assert (result.exit_code, "se%20cret" in result.output) == (0, False), result.output
    assert len(asked) == 30
    assert all(url.startswith(base) for url, _ in asked)
    assert {authority for _, authority in asked} == {urllib3.make_headers(proxy_basic_auth="me:se cret")["proxy-authorization"]}


@contextmanager
def silent(seconds):
    """A server that reads requests and closes after some seconds without a reply; yields its URL and what it read."""
    listener, read = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            read.append(connection.recv(65536))
            time.sleep(seconds)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", read
    finally:
        listener.close()


def test_what_was_sent_is_never_sent_again():
    with silent(0) as (base, read):
        target = Target(base, Manners(retries=5))
        for _ in range(3):
            with pytest.raises(NoReply, match="no reply"):
                target.send(REQUEST)
    assert len(read) == 3


def test_a_silent_server_is_waited_for_no_longer_than_said():
    with silent(2) as (base, _):
        started = time.monotonic()
        with pytest.raises(NoReply, match="ReadTimeoutError"):
            Target(base, Manners(timeout=0.2)).send(REQUEST)
        assert time.monotonic() - started < 1.5


def test_a_connection_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(NoReply, match="no reply"):
        Target(f"http://127.0.0.1:{port}", Manners(retries=2)).send(REQUEST)
    assert time.monotonic() - started > 0.3  # the pause before the first retry


def test_the_bound_on_requests_holds_for_any_number_of_threads():
    with serving(CONTRACT) as base:
        target, refused = Target(base, Manners(most_requests=20, connections=8)), []

        def send():
            for _ in range(10):
                try:
                    target.send(REQUEST)
                except RunEnded:
                    refused.append(1)

        threads = [threading.Thread(target=send) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert (target.sent, len(refused)) == (20, 60)

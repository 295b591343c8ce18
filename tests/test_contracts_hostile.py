"""Servers that never end a reply, lie about its size, or send what nobody can read: each ends as a finding or a sentence."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wrong_servers import WORLD

import openapi
from contracts import Manners, Request, Target, Unreachable
from contracts.cli.main import main
from contracts.http.target import MOST_UNANSWERED, NoReply, RunEnded
from contracts.judge import causes
from contracts.judge.record import MOST_FINDINGS, MOST_UNDOCUMENTED

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SHARE = Request("shareInfo", "POST", "/v2/binding/enduserapi/shareInfo")
PATIENCE = 0.25
"""Seconds for one reply."""
SOON = 10 * PATIENCE
"""Seconds after which a reply certainly hangs."""


@contextmanager
def serving(answer):
    """A server that lets `answer(connection)` write what it likes after each request; gives its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(connection):
        with connection:
            try:
                while not over.is_set() and connection.recv(65536):
                    if answer(connection, over) == "close":
                        return
            except OSError:
                return

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def repeating(head, part, pause=0.0):
    """Sends a part again and again, until the client has gone."""

    def answer(connection, over):
        connection.sendall(head)
        while not over.wait(pause):
            connection.sendall(part)
        return "close"

    return answer


def once(content, close=True):
    def answer(connection, over):
        connection.sendall(content)
        return "close" if close else None

    return answer


ENDLESS = {
    "a body that drips": repeating(OK + b"Content-Length: 100000\r\n\r\n", b" ", 0.05),
    "headers that drip": repeating(b"HTTP/1.1 200 OK\r\n", b"X", 0.05),
    "a status line that drips": repeating(b"", b"H", 0.05),
    "chunks that drip": repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.05),
    "a chunk size that drips": repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 0.05),
    "a body without end": repeating(OK + b"\r\n", b" " * 65536),
    "chunks without end": repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "trailers without end": repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 1000),
    "interim replies without end": repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "headers without end": repeating(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "a header without end": repeating(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "silence": repeating(b"", b"", 0.05),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_reply_that_never_ends_is_no_reply(name):
    with serving(ENDLESS[name]) as base:
        target = Target(base, Manners(timeout=PATIENCE))
        started = time.monotonic()
        with pytest.raises(NoReply, match="no reply: "):
            target.send(SHARE)
        with pytest.raises(Unreachable, match="does not answer"):
            target.check()
        with pytest.raises(Unreachable, match="a POST to it should reset the server"):
            Target(base, Manners(timeout=PATIENCE, reset=base)).reset()
        assert time.monotonic() - started < 5 * SOON


BROKEN = {
    "too few bytes": OK + b"Content-Length: 100\r\n\r\n{}",
    "a negative length": OK + b"Content-Length: -1\r\n\r\n{}",
    "a length that is none": OK + b"Content-Length: many\r\n\r\n{}",
    "a bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "nothing": b"",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "no compression at all": OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "a compressed gigabyte": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(gzip.compress(bytes(64 * 1024 * 1024))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_reply_is_no_reply_or_one_that_can_be_judged(name):
    with serving(once(BROKEN[name])) as base:
        target = Target(base, Manners(timeout=PATIENCE))
        try:
            assert len(target.send(SHARE).body) < 1_000_000
        except NoReply as error:
            assert str(error).startswith("no reply: ")


def test_a_reply_that_takes_all_of_its_time_in_parts_is_a_reply():
    """The time is for the whole reply, and not for each part of it."""

    def answer(connection, over):
        for part in (OK, b"Content-Length: 2\r\n\r\n", b"{", b"}"):
            connection.sendall(part)
            over.wait(0.02)

    with serving(answer) as base:
        target = Target(base, Manners(timeout=5))
        assert [target.send(SHARE).body for _ in range(3)] == [b"{}"] * 3


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_server_sends_is_a_reply_or_none(content, polite):
    with serving(once((OK + b"\r\n" if polite else b"") + content)) as base:
        try:
            assert Target(base, Manners(timeout=PATIENCE)).send(SHARE).status > 0
        except NoReply as error:
            assert str(error).startswith("no reply: ")


def verify(base, tmp_path, *options):
    report = tmp_path / "report.json"
    arguments = ["--target", base, "--world", str(WORLD), "--operation", "shareInfo", "--no-breadth", "--json", str(report)]
    result = CliRunner().invoke(main, ["verify", *arguments, "--timeout", "300ms", "--quiet", *options])
    return result, json.loads(report.read_text())


def test_a_server_that_dies_ends_the_run_with_a_sentence_and_the_report(tmp_path):
    left = [20]

    def answer(connection, over):
        left[0] -= 1
        if left[0] > 0:
            connection.sendall(OK + b'Content-Length: 35\r\n\r\n{"code": 5106, "msg": "", "data":""}'[: 35 + 27])
        return "close"

    with serving(answer) as base:
        result, report = verify(base, tmp_path)
    assert result.exit_code == 2
    [unanswered] = re.findall(r"does not answer \(ProtocolError\), as (\d+) requests before", result.output)
    assert MOST_UNANSWERED <= int(unanswered) < 2 * MOST_UNANSWERED  # some may be sent at the same time
    assert report["requests"] < 200
    assert report["exit_code"] == 2


BODIES = {
    "nested 900 deep": b"[" * 900 + b"]" * 900,
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "a number of 5,000 digits": b'{"code": ' + b"9" * 5000 + b', "msg": ""}',
    "data of 5,000 digits": b'{"code": 200, "msg": "", "data": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"code": 5106, "msg": "\\ud800", "data": "\\udfff"}',
    "a lone surrogate as a key": b'{"code": 200, "msg": "", "data": {"\\ud800": 1}}',
    "a code that is a lone surrogate": b'{"code": "\\ud800", "msg": ""}',
    "not a number": b'{"code": NaN, "msg": ""}',
    "a huge exponent": b'{"code": 1e999999999, "msg": ""}',
    "a NUL": b'{"code": 5106, "msg": "\\u0000\x00"}',
    "a byte that is no UTF-8": b'{"code": 5106, "msg": "\xff\xfe"}',
    "control characters": b'{"code": 5106, "msg": "\\u001b[31m\\u009b1m\\u202e\\r\\n"}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_hardly_anybody_can_read_is_judged_and_reported(name, tmp_path):
    body = BODIES[name]
    with serving(once(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body, close=False)) as base:
        files = ["--html", str(tmp_path / "report.html"), "--junit", str(tmp_path / "report.xml")]
        result, report = verify(base, tmp_path, "--max-requests", "40", "--failures", str(tmp_path / "failures"), *files)
    assert result.exit_code in (1, 3), result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    assert report["violations"] or report["lacking"]
    shown = [each for each in result.output if not each.isprintable() and each != "\n"]
    assert shown == []


def test_another_code_with_each_reply_does_not_fill_the_report(tmp_path):
    codes = itertools.count(10_000)

    def answer(connection, over):
        body = b'{"code": %d, "msg": "", "data": ""}' % next(codes)
        connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    with serving(answer) as base:
        _, report = verify(base, tmp_path, "--max-requests", "600")
    kinds = MOST_UNDOCUMENTED + len(report["outcomes"])
    assert report["requests"] == 600
    assert report["replies"].keys() == report["latency"]["replies"].keys()
    assert kinds < len(report["replies"]) <= kinds + 1
    assert report["replies"]["shareInfo/other outcomes"] > 100
    assert len(report["violations"]) + len(report["notes"]) + len(report["unexplained"]) <= MOST_FINDINGS


def test_requests_of_too_many_violations_are_not_kept(monkeypatch):
    monkeypatch.setattr(causes, "MOST_VIOLATIONS", 3)
    found, operation = causes.Causes(), openapi.load().operations["shareInfo"]
    keys = [(str(number),) for number in range(5)]
    for key in keys * 2:
        found.fail(found.count(SHARE, operation, {}, 1, 200), key, 0.0)
    assert [each.keys for each in found.of(keys)] == [tuple(keys[:3])]


HOSTILE = [
    "${HOME}",
    "$(id)",
    "`id`",
    "!!",
    "'",
    '"',
    "\\",
    "a b",
    "*",
    "~",
    "@/etc/passwd",
    "-o",
    "\n",
    "$HOME",
    "${ALICE}",
    "a${BOB}b",
    "#",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_curl_line_leaves_nothing_but_secrets_to_the_shell(value):
    """A shell runs the line with a `curl` that prints its arguments."""
    headers = (("Authorization", f"Bearer s3cret/x {value}"),) if "\n" not in value else ()
    request = Request("share", "POST", "/x", query=(("code", value),), form=((value, value),), headers=headers)
    body = Request("share", "POST", "/x", body={"id": f"{value} s3cret/x"})
    for each, expected in ((request, f"{value}={value}"), (body, json.dumps({"id": f"{value} s3cret/x"}, ensure_ascii=False))):
        line = each.curl("http://h", {"s3cret/x": "${ALICE}"}, {})
        assert "s3cret" not in line
        script = f"curl() {{ printf '%s\\0' \"$@\"; }}\nALICE=s3cret/x\nHOME=wrong\nBOB=wrong\n{line}"
        words = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
        assert expected in words
        assert each.url("http://h") in words
        assert all(f"{name}: {text}" in words for name, text in each.headers)


def test_nobody_waits_for_a_turn_when_the_run_is_over():
    target = Target("http://127.0.0.1:9", Manners(rate=0.001))
    target.over = lambda: True
    with pytest.raises(NoReply):
        target.send(SHARE)
    started = time.monotonic()
    with pytest.raises(RunEnded):
        target.send(SHARE)
    assert time.monotonic() - started < SOON


STEP = '"operation": "shareInfo", "method": "POST", "path": "/v2/binding/enduserapi/shareInfo"'
DIGITS, BRACKETS = "9" * 5000, "[" * 900 + "]" * 900
FILES = {
    "a number of 5,000 digits": (f'{{"format": 1, "steps": [{{{STEP}, "body": {DIGITS}}}]}}', "a number has too many digits"),
    "values 900 deep": (f'{{"format": 1, "steps": [{{{STEP}, "body": {BRACKETS}}}]}}', "values are nested more than 64 deep"),
    "steps that are none": ('{"format": 1, "steps": 5}', "steps is not a list"),
    "a step that is none": ('{"format": 1, "steps": [5]}', "steps is not a list"),
    "headers that are none": (f'{{"format": 1, "steps": [{{{STEP}, "headers": 5}}]}}', "step 1: a request needs"),
    "a header of two lines": (
        f'{{"format": 1, "steps": [{{{STEP}, "headers": [["X", "a\\r\\nY: b"]]}}]}}',
        "a value on one line",
    ),
    "a header name with a blank": (f'{{"format": 1, "steps": [{{{STEP}, "headers": [["X y", "a"]]}}]}}', "a header has a name"),
    "a list": ("[1]", "is not "),
    "a NUL": ("\0", "x.jsonl:1: "),
}


@pytest.mark.parametrize("command", ["replay", "fuzz"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_of_ours_gets_a_sentence(name, command, tmp_path):
    text, words = FILES[name]
    file = tmp_path / "x.jsonl"
    file.write_text(text)
    with serving(once(OK + b"Content-Length: 2\r\n\r\n{}", close=False)) as base:
        arguments = [str(file)] if command == "replay" else ["--corpus", str(file), "--max-requests", "5", "--quiet"]
        result = CliRunner().invoke(main, [command, *arguments, "--target", base, "--world", str(WORLD)])
    assert (result.exit_code, "x.jsonl:1: " in result.output, words in result.output) == (2, True, True), result.output


def test_a_corpus_that_shows_no_list_gets_a_sentence(tmp_path):
    (tmp_path / "x.jsonl").write_text(f'{{"format": 1, "shows": 5, "steps": [{{{STEP}}}]}}')
    with serving(once(OK + b"Content-Length: 2\r\n\r\n{}", close=False)) as base:
        arguments = ["--corpus", str(tmp_path / "x.jsonl"), "--max-requests", "5", "--target", base, "--world", str(WORLD)]
        result = CliRunner().invoke(main, ["fuzz", *arguments])
    assert (result.exit_code, "x.jsonl:1: shows is not a list of texts" in result.output) == (2, True)

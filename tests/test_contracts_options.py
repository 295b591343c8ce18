"""Options and profiles of the suite: precedence, invalid input, and runs that must not pass."""

from __future__ import annotations

import io
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import wrong_servers
from click.testing import CliRunner
from family_servers import FORGETFUL, WORLD, mutated, serving
from rich.console import Console
from wire_tap import tapped

import openapi
from contracts.cli.main import main
from contracts.judge.record import Record
from contracts.report.progress import Progress

CONTRACT = openapi.load()
QUICK = ["--operation", "userDeviceList", "--no-breadth", "--walks", "1"]


def run(command, *arguments, **options):
    result = CliRunner().invoke(main, [command, *map(str, arguments)], **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def read(command, profile, *arguments):
    """The options that a command would run with."""
    with main.commands[command].make_context(command, ["--profile", str(profile), *arguments]) as context:
        return context.params


@pytest.fixture
def profile(tmp_path):
    """Writes a profile, in a folder with a world file."""
    (tmp_path / "world.yaml").write_text(WORLD.read_text())

    def write(text):
        (tmp_path / "staging.yaml").write_text(text)
        return tmp_path / "staging.yaml"

    return write


PROFILE = """
target: http://127.0.0.1:${PORT}
world: world.yaml
rate: 50
max-requests: 300
timeout: 3s
retries: 0
workers: 2
tolerance: 5s
require: [shareInfo/5106, userDeviceList/*]
strict-order: true
breadth: false
headers: {X-Gate: '${GATE}', X-Team: blue}
"""


def test_a_flag_wins_over_the_profile_over_the_default(profile, monkeypatch):
    monkeypatch.setenv("PORT", "4010")
    monkeypatch.setenv("GATE", "open-sesame")
    found = read("verify", profile(PROFILE), "--rate", "7", "--workers", "3")
    assert (found["rate"], found["workers"]) == (7, 3)
    assert (found["target"], found["max_requests"], found["timeout"]) == ("http://127.0.0.1:4010", 300, 3000)
    assert (found["retries"], found["tolerance"], found["strict_order"], found["breadth"]) == (0, 5000, True, False)
    assert found["require"] == ("shareInfo/5106", "userDeviceList/*")
    assert [(each.name, each.value) for each in found["header"]] == [("X-Gate", "open-sesame"), ("X-Team", "blue")]
    assert (found["walks"], found["seed"], found["breadth"]) == (None, 0, False)


def test_one_profile_serves_every_command(profile, monkeypatch):
    monkeypatch.setenv("PORT", "4010")
    monkeypatch.setenv("GATE", "open-sesame")
    file = profile(PROFILE + "walks: 2\n")
    assert read("fuzz", file)["max_requests"] == 300
    assert read("replay", file, "x.json")["timeout"] == 3000


def test_a_profile_may_hold_its_world_and_keeps_its_lines(profile, tmp_path):
    rows = "  sessions: [{token: demo-token-alice, uid: C10000001}]\n"
    (tmp_path / "small.yaml").write_text(rows)
    with tapped(tmp_path / "small.yaml") as (base, _):
        text = f"target: {base}\nworld:\n{rows}"
        wrong = run("verify", "--profile", profile(f"{text}  devices:\n    - {{pk: a}}\n"), *QUICK)
        assert wrong.exit_code == 2
        assert "staging.yaml:5: the row has no dk" in wrong.output
        right = run("fuzz", "--profile", profile(text), "--max-requests", 100)
        assert "documented outcomes verified, 0 violations" in right.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tagret: x", "staging.yaml:1: unknown key tagret (did you mean target?)"),
        ("[1]", "staging.yaml:1: is not a profile"),
        ("a: b: c", "staging.yaml:1: is not YAML"),
        ("world: nowhere.yaml", "nowhere.yaml:1: cannot be read"),
        ("target: http://127.0.0.1:9\n\nrate: fast", "staging.yaml:3: rate: 'fast' is not a number of requests per second"),
        ("timeout: soon", "staging.yaml:1: timeout: 'soon' is not a duration; write 500ms, 90s, 30m or 1h"),
        ("workers: 0", "staging.yaml:1: workers: '0' is not a number of parallel requests"),
        ("workers: [1]", "staging.yaml:1: workers must have plain values"),
        ("rate:", "staging.yaml:1: rate must have plain values"),
        ("headers: {X-Gate: {a: b}}", "staging.yaml:1: headers must have plain values"),
        ("require: [[a]]", "staging.yaml:1: require must have plain values"),
        ("target: 'http://${NOBODY_SET_THIS}'", "staging.yaml:1: target: ${NOBODY_SET_THIS} is not in the environment"),
        ("headers: {'a b': c}", "staging.yaml:1: headers: a b is not a header"),
        ("headers: {X-Gate: '${NOBODY_SET_THIS}'}", "${NOBODY_SET_THIS} is not in the environment"),
    ],
)
def test_a_profile_that_is_wrong_is_a_sentence_with_its_line(profile, text, message):
    result = run("verify", "--profile", profile(text), "--target", "http://127.0.0.1:9", "--world", WORLD)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--require", "shareinfo/5032"], "has no such outcome (did you mean shareInfo/5032?)"),
        (["--header", "Authorization: x"], "--header Authorization: it is a parameter of the contract"),
        (["--header", "nonsense"], "nonsense is not a header; write 'Name: value'"),
        (["--ca", "nowhere.pem"], "--ca nowhere.pem: there is no such file"),
        (["--proxy", "nonsense"], "--proxy is not a URL"),
        (["--rate", "0"], "is not a number of requests per second"),
        (["--target", "http://me:pass@127.0.0.1:9"], "--target contains a user name or a password; pass them with --header"),
        (["--json", "no/such/folder.json"], "its folder does not exist"),
        (["--failures", str(WORLD)], "is a file; --failures is a folder"),
        (["--operation", "shareInf"], "has no operation shareInf (did you mean shareInfo?)"),
        (["--profile", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
    ],
)
def test_an_option_that_is_wrong_is_a_sentence(arguments, message):
    with serving(CONTRACT) as base:
        result = run("verify", "--target", base, "--world", WORLD, "--max-requests", 5, "--no-breadth", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "pass@" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "set a limit: --for 30m, --max-requests 100000, --max-inputs 5000, or several"),
        (["--for", "soon"], "'soon' is not a duration"),
        (["--for", "1s", "--shard", "4/3"], "'4/3' is not a shard; write 3/16"),
        (["--for", "1s", "--resume"], "--resume needs --corpus"),
        (["--for", "1s", "--corpus", str(WORLD / "x")], "cannot be used: Not a directory"),
    ],
)
def test_fuzzing_without_an_end_or_with_a_wrong_option_is_a_sentence(arguments, message):
    with serving(CONTRACT) as base:
        result = run("fuzz", "--target", base, "--world", WORLD, *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_what_is_required_must_be_verified_even_where_the_world_cannot_reach_it(tmp_path):
    (tmp_path / "world.yaml").write_text("sessions: [{token: demo-token-alice, uid: C10000001}]")
    with tapped(tmp_path / "world.yaml") as (base, _):
        options = ["--target", base, "--world", tmp_path / "world.yaml", "--operation", "userDeviceList", *BOUND["verify"]]
        assert run("verify", *options).exit_code == 0
        assert run("verify", *options, "--require", "userDeviceList/200").exit_code == 0
        fuzz = ["fuzz", *options[:6], "--max-requests", 100]
        assert run(*fuzz).exit_code == 0
        for command, pattern in (
            (["verify", *options], "all"),
            (["verify", *options], "userDeviceList/*"),
            (["verify", *options], "*/5047"),
            (fuzz, "*/5047"),
        ):
            result = run(*command, "--require", pattern)
            assert (result.exit_code, "Too little covered: not covered: userDeviceList/5047" in result.output) == (3, True)


def test_headers_go_with_every_request_and_their_values_are_shown_nowhere(monkeypatch):
    monkeypatch.setenv("GATE", "open-sesame")
    headers = ["--header", "X-Gate: Key ${GATE}", "--header", "X-Team: blue-and-green"]
    with tapped(WORLD, mutated(FORGETFUL["new-end-forgotten"])) as (base, sent):
        result = run("fuzz", "--target", base, "--world", WORLD, "--max-requests", 60, *headers)
    assert result.exit_code == 1
    assert all({"HTTP_X_GATE=Key open-sesame", "HTTP_X_TEAM=blue-and-green"} <= set(each) for each in sent)
    assert '-H "X-Gate: Key ${GATE}" -H "X-Team: ${X_TEAM}"' in result.output
    assert "open-sesame" not in result.output
    assert "blue-and-green" not in result.output


@pytest.mark.parametrize("echoed", [False, True])
def test_a_planted_secret_is_in_no_file(tmp_path, monkeypatch, echoed):
    values = {"ALICE": "demo-token-alice", "GATE": "open-sesame", "HOST": "127.0.0.1"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "world.yaml").write_text(WORLD.read_text().replace("demo-token-alice", "'${ALICE}'"))
    files = {name: tmp_path / "out" / f"report.{name}" for name in ("json", "html", "junit")}
    options = [word for name, file in files.items() for word in (f"--{name}", file)]
    options += ["--corpus", tmp_path / "out" / "corpus", "--failures", tmp_path / "out" / "failures"]
    where = ["--world", tmp_path / "in" / "world.yaml", "--header", "X-Gate: ${GATE}", "--header", "X-Team: blue-and-green"]

    def ran(*arguments):
        with echoing(*values.values(), "blue-and-green") if echoed else serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
            return run(*arguments, "--target", base.replace("127.0.0.1", "${HOST}"), *where)

    result = ran("fuzz", *options, "--max-requests", 300)
    again = ran("replay", next((tmp_path / "out" / "failures").iterdir()))
    assert (result.exit_code, again.exit_code) == (1, 1)
    written = [each for each in (tmp_path / "out").rglob("*") if each.is_file()]
    assert len(written) >= 6
    texts = [result.output, again.output, *(each.read_text() for each in written), *(each.name for each in written)]
    assert any("${ALICE}" in text for text in texts)
    assert any("${GATE}" in text for text in texts)
    for secret in (*values.values(), "blue-and-green"):
        assert [text[:100] for text in texts if secret in text] == []


@contextmanager
def echoing(*words):
    """A server that gives the same reply to every request; the reply contains the words."""
    body = json.dumps({"code": 200, "msg": "", "data": {"said": " ".join(words)}}).encode()

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format, *arguments):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


BOUND = {"verify": ["--no-breadth", "--walks", "3", "--max-requests", "400"], "fuzz": ["--max-requests", "400"]}


@pytest.mark.parametrize("command", BOUND)
def test_a_server_that_says_one_thing_to_everything_is_never_green(command):
    with echoing("yes") as base:
        result = run(command, "--target", base, "--world", WORLD, *BOUND[command])
    assert result.exit_code == 1
    assert re.search("Too little covered: the server answered .* to every request", result.output)


@pytest.mark.parametrize("command", BOUND)
def test_an_empty_world_is_never_green(command, tmp_path):
    (tmp_path / "world.yaml").write_text("{}")
    with tapped(tmp_path / "world.yaml") as (base, _):
        result = run(command, "--target", base, "--world", tmp_path / "world.yaml", *BOUND[command])
        (tmp_path / "world.yaml").write_text("")
        nothing = run(command, "--target", base, "--world", tmp_path / "world.yaml", *BOUND[command])
    assert result.exit_code == 3
    assert "Too little covered: no request succeeded; check that the world file describes this server" in result.output
    assert (nothing.exit_code, "world.yaml:1: is not a world" in nothing.output) == (2, True)


@pytest.mark.parametrize("command", BOUND)
def test_no_cases_are_never_green(command, tmp_path):
    with serving(CONTRACT) as base:
        result = run(command, "--target", base, "--world", WORLD, *BOUND[command][:-1], 1)
        assert (result.exit_code, "Too little covered: no request was sent" in result.output) == (3, True)
        (tmp_path / "plain.yaml").write_text("openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\n")
        plain = run(command, "--target", base, "--world", WORLD, "--contract", tmp_path / "plain.yaml", *BOUND[command])
        assert (plain.exit_code, "so there is nothing to test" in plain.output) == (2, True)


@pytest.mark.parametrize("command", BOUND)
def test_an_unreachable_target_is_never_green(command):
    result = run(command, "--target", "http://127.0.0.1:9", "--world", WORLD, "--retries", 0, *BOUND[command])
    assert (result.exit_code, "http://127.0.0.1:9 does not answer" in result.output) == (2, True)


def test_progress_is_a_live_line_on_a_terminal_and_a_plain_one_now_and_then_elsewhere():
    def shown(terminal, moments):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200)
        record = Record(("get/200", "get/404"), {}, "http://localhost")
        with Progress(console) as progress:
            for record.seconds in moments:
                record.requests += 100
                record.replies["get/200"] += 1
                record.is_new(str(record.seconds // 40))
                progress(record)
        return console.file.getvalue()

    text = "1 of 2 outcomes seen, 1 behaviours (the last new one 1 s ago), 0 violations"
    assert text in shown(True, (0.1, 0.2, 1.1))
    assert "1 of 2" in shown(True, (0.1, 0.5))
    assert shown(False, (1, 20, 29.9)) == ""
    assert shown(False, (1, 31, 32, 45, 62)).count("requests") == 2


@pytest.mark.parametrize(
    "command", [["verify", "--operation", "shareInfo", "--no-breadth", "--walks", "1"], ["fuzz", "--max-requests", "300"]]
)
def test_fail_fast_stops_at_the_first_violation(command, tmp_path):
    with wrong_servers.serving("always-code-0") as base:
        found = {}
        for option in ([], ["--fail-fast"]):
            report = tmp_path / "report.json"
            result = run(*command, "--target", base, "--world", WORLD, "--json", report, *option)
            assert result.exit_code == 1
            found[bool(option)] = json.loads(report.read_text())
    assert len(found[True]["violations"]) == 1
    assert found[True]["requests"] < found[False]["requests"]


def test_verify_ends_after_the_time_that_it_has(tmp_path):
    with serving(CONTRACT) as base:
        result = run("verify", "--target", base, "--world", WORLD, "--for", "1s", "--rate", "20")
    assert result.exit_code == 3
    assert "outcome" in result.output

"""`contracts load`: users of Locust, each with a world of its own, and every reply judged."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import gevent
import gevent.socket
import jsonschema
import pytest
import wrong_servers
import yaml
from click.testing import CliRunner
from wrong_servers import CONTRACT, WORLD, Entry, Outage, serving, sometimes

import contracts
import openapi
from contracts import Manners, Plan, Target, examine
from contracts.cli.main import main
from contracts.generate.stream import Stream
from contracts.http.target import RunEnded, Turns
from contracts.load.user import Floor
from contracts.report.reading import read_report
from mockserver import running

SCHEMA = json.loads((Path(contracts.__file__).parent / "report" / "report.schema.json").read_text())
ROOT = Path(__file__).parent.parent
DOCS = (ROOT / "docs" / "load.md").read_text()
AT_ONCE = (("Retry-After", "0"),)
LISTENERS = """
import json, locust
heard = []

@locust.events.request.add_listener
def note(request_type, name, response_time, exception, context, **more):
    heard.append([request_type, name, response_time, exception and str(exception), context])

@locust.events.test_stop.add_listener
def write(environment, **more):
    open("heard.json", "w").write(json.dumps(heard))
"""


def pool_file(folder, worlds):
    (folder / "pool.yaml").write_text(yaml.safe_dump({"worlds": worlds}))
    return folder / "pool.yaml"


def pool_of(mock, folder, users, resets=True):
    """A pool of worlds of a mock; gives the file and the worlds. A reset removes faults and empties journals."""
    worlds = [mock.create(f"w{number}") for number in range(1, users + 1)]
    reset = {each.name: {"reset": f"{mock.url}/_mock/worlds/{each.name}/reset"} if resets else {} for each in worlds}
    return pool_file(folder, [{"target": each.url, "world": str(WORLD), **reset[each.name]} for each in worlds]), worlds


def command(*options):
    return [sys.executable, "-m", "contracts", "load", *map(str, options)]


def run(folder, *options):
    """A load test in a process of its own; gives it with its JSON report, None where there is none."""
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    words = command(*options, "--json", folder / "report.json")
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    file = folder / "report.json"
    report = json.loads(file.read_text()) if file.exists() else None
    if report is not None:
        jsonschema.validate(report, SCHEMA)
    return done, report


def refused(*options):
    """The output of a load test that cannot begin."""
    result = CliRunner().invoke(main, ["load", *map(str, options)])
    assert result.exit_code == 2, result.output
    return result.output


def test_a_correct_server_passes_and_each_user_has_its_own_world(tmp_path):
    (tmp_path / "listeners.py").write_text(LISTENERS)
    with running() as mock:
        pool, worlds = pool_of(mock, tmp_path, 5, resets=False)
        options = ("--pool", pool, "--spawn-rate", 100, "--max-requests", 500, "--listeners", "listeners.py", "--html", "r.html")
        done, report = run(tmp_path, *options)
        served = [len(each.journal.entries()) for each in worlds]
    assert (done.returncode, done.stderr) == (0, "")
    assert "documented outcomes verified, 0 violations" in done.stdout
    assert report["requests"] == 500
    load = report["load"]
    assert (load["users"], load["violations"], load["errors"], load["gave_up"]) == (5, 0, {}, [])
    assert all(each >= 20 for each in served)
    by_outcome = {each["outcome"]: each for each in load["outcomes"]}
    assert by_outcome.keys() <= report["outcomes"].keys() and "shareInfo/200" in by_outcome
    assert sum(each["requests"] for each in load["outcomes"]) == load["total"]["requests"] > 400
    assert all(each["median"] <= each["p95"] <= each["p99"] <= each["most"] for each in load["outcomes"])
    successes = sum(each["requests"] for name, each in by_outcome.items() if name.endswith("/200"))
    assert successes > load["total"]["requests"] / 3
    heard = json.loads((tmp_path / "heard.json").read_text())
    assert len(heard) == load["total"]["requests"]
    assert {each[1] for each in heard} == set(by_outcome)
    assert {each[4]["user"] for each in heard} == {1, 2, 3, 4, 5}
    assert "<h2>Load</h2>" in (tmp_path / "r.html").read_text()
    record = read_report(report, "report.json")
    assert record.exit_code() == 0


def test_a_wrong_server_is_found_by_the_same_rule_as_without_load(tmp_path):
    fault = {"operation": "userDeviceList", "patch": {"set": {"/data": None}}}
    with running() as mock:
        pool, worlds = pool_of(mock, tmp_path, 3, resets=False)
        for each in worlds:
            each.faults.add(**fault)
        quick = ("--operation", "userDeviceList", "--operation", "shareInfo")
        done, report = run(tmp_path, "--pool", pool, "--spawn-rate", 100, "--for", "1s", "--failures", "failures", *quick)
        contract = CONTRACT.only("userDeviceList", "shareInfo")
        alone = mock.create("alone")
        alone.faults.add(**fault)
        world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
        record = examine(contract, world, Target(alone.url, Manners(most_requests=300)), Plan(walks=2, breadth=False))
    assert done.returncode == 1, done.stdout + done.stderr
    rules = {each.verdict.rule for each in record.found("violation")}
    assert rules and {each["key"][1] for each in report["violations"]} <= rules
    best = report["violations"][0]
    assert best["expected"] == "userDeviceList/200"
    assert best["steps"] and best["curl"][-1].startswith("curl ")
    assert report["load"]["violations"] == sum(each["count"] for each in report["violations"]) >= 3
    assert list((tmp_path / "failures").iterdir())


def test_what_is_repeated_after_the_load_says_whether_it_needs_it(tmp_path):
    with running() as mock:
        pool, worlds = pool_of(mock, tmp_path, 2, resets=False)
        for each in worlds:  # it is over before the load is
            each.faults.add(operation="userDeviceList", patch={"set": {"/data": None}}, times=1)
        _, report = run(tmp_path, "--pool", pool, "--spawn-rate", 100, "--for", "2s", "--operation", "userDeviceList")
    [found] = report["violations"]
    assert found["often"] == f"2 of {found['often'].split()[2]} requests under load, and not when it was repeated after it"
    assert report["load"]["violations"] == 2


@pytest.mark.parametrize(
    ("outage", "percent", "error"),
    [(Outage(0), 15, "no reply"), (Outage(503, AT_ONCE), 60, "HTTP 503"), (Outage(429, AT_ONCE), 60, "HTTP 429")],
    ids=["no reply", "503", "429"],
)
def test_an_overloaded_server_is_not_accused_and_what_it_did_not_answer_is_counted(tmp_path, monkeypatch, outage, percent, error):
    monkeypatch.setitem(wrong_servers.CATALOGUE, "overloaded", Entry(outage=sometimes(percent, outage)))
    with ExitStack() as stack:
        worlds = [{"target": stack.enter_context(serving("overloaded")), "world": str(WORLD)} for _ in range(2)]
        pool = pool_file(tmp_path, worlds)
        quick = ("--operation", "shareInfo", "--operation", "userDeviceList", "--slower-than", "1m")
        done, report = run(tmp_path, "--pool", pool, "--spawn-rate", 100, "--max-requests", 150, *quick)
    assert done.returncode == 0, done.stdout
    assert report["violations"] == []
    assert set(report["load"]["errors"]) == {error}
    assert 5 <= report["load"]["errors"][error] <= 150
    named = {each["outcome"].partition(": ")[2] for each in report["load"]["outcomes"]}
    assert named == {"", error}


def test_a_server_that_ends_during_the_load_ends_it_with_a_report(tmp_path):
    with running() as mock:
        pool, worlds = pool_of(mock, tmp_path, 2)
        options = ("--pool", pool, "--spawn-rate", 100, "--for", "50s", "--retries", 0, "--json", tmp_path / "report.json")
        process = subprocess.Popen(command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(300):
            if all(each.journal.entries() for each in worlds):
                break
            time.sleep(0.05)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "does not answer" in err and "Traceback" not in out + err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["gone"] and len(report["load"]["gave_up"]) == 2


def test_an_interrupt_ends_it_with_a_report_and_the_web_page_is_on_this_machine(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running() as mock:
        pool, _ = pool_of(mock, tmp_path, 2)
        options = ("--pool", pool, "--spawn-rate", 100, "--for", "50s", "--web", port, "--json", tmp_path / "report.json")
        process = subprocess.Popen(command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        stats = {"stats": []}
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats/requests", timeout=5) as reply:
                    stats = json.load(reply)
            except OSError:
                pass
            if stats.get("user_count") == 2 and any(each["name"].endswith("/200") for each in stats["stats"]):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "0 violations" in out
    assert any(each["name"].endswith("/200") for each in stats["stats"])
    assert json.loads((tmp_path / "report.json").read_text())["load"]["users"] == 2


def test_the_rate_is_that_of_all_users_together(tmp_path):
    with running() as mock:
        pool, _ = pool_of(mock, tmp_path, 4)
        done, report = run(tmp_path, "--pool", pool, "--spawn-rate", 100, "--for", "1s", "--rate", 40, "--operation", "shareInfo")
    assert done.returncode == 0, done.stdout
    assert report["load"]["rate"] == 40
    assert report["load"]["total"]["requests"] <= 45


def test_targets_share_their_turns():
    turns = Turns(most=3)
    one, two = (Target("http://127.0.0.1:9", Manners(most_requests=100), turns) for _ in range(2))
    for each in (one, two, one):
        each.take_turn()
    assert (one.sent, two.sent, one.exhausted, two.exhausted) == (2, 1, True, True)
    with pytest.raises(RunEnded):
        two.take_turn()


def test_a_walk_that_is_planned_alone_is_that_of_its_input_and_may_prefer_successes():
    world = openapi.load_world(WORLD, CONTRACT, 0, {})
    assert Stream(CONTRACT, world, 7).walk(3) == Stream(CONTRACT, world, 7).input(3).walk
    assert Stream(CONTRACT, world, 7, 100).walk(3) != Stream(CONTRACT, world, 7).walk(3)


def test_what_cannot_be_loaded_is_a_sentence(tmp_path):
    pool = pool_file(tmp_path, [{"target": "http://127.0.0.1:9", "world": str(WORLD)}])
    ends = ("--max-requests", 10)
    assert "set a limit: --for 10m" in refused("--pool", pool)
    assert "--pool FILE for several users, or --target URL and --world FILE for one" in refused(*ends)
    assert "leave out --world" in refused("--pool", pool, "--world", WORLD, *ends)
    assert "leave out --reset" in refused("--pool", pool, "--reset", "http://127.0.0.1:9/reset", *ends)
    small = refused("--pool", pool, "--users", 3, *ends)
    assert "--users 3 needs 3 worlds, and there is 1" in small and "`contracts worlds --template FILE --count 3`" in small
    assert "needs 2 worlds" in refused("--target", "http://127.0.0.1:9", "--world", WORLD, "--users", 2, *ends)
    assert "needs a process of its own" in refused("--pool", pool, *ends)
    (tmp_path / "pool.yaml").write_text("worlds:\n  - {target: 'http://127.0.0.1:9', world: none.yaml}\n")
    assert "pool.yaml:2: world none.yaml: there is no such file" in refused("--pool", pool, *ends)
    pool_file(tmp_path, [{"target": "http://127.0.0.1:9/${NO_SUCH_NAME}", "world": str(WORLD)}])
    assert "pool.yaml: ${NO_SUCH_NAME} is not in the environment" in refused("--pool", pool, *ends)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--web {port}: cannot listen on 127.0.0.1" in refused("--pool", pool, "--web", port, *ends)


def test_a_target_that_does_not_answer_and_listeners_that_fail_are_sentences(tmp_path):
    (tmp_path / "wrong.py").write_text("1 / 0\n")
    options = ("--target", "http://127.0.0.1:9", "--world", WORLD, "--max-requests", 10, "--retries", 0)
    done, report = run(tmp_path, *options)
    assert (done.returncode, done.stdout, report) == (2, "", None)
    assert done.stderr.startswith("http://127.0.0.1:9 does not answer") and done.stderr.count("\n") == 1
    done, _ = run(tmp_path, *options, "--listeners", "wrong.py")
    assert done.stderr == "--listeners wrong.py fails: ZeroDivisionError: division by zero\n"


def test_without_its_extra_it_is_one_sentence():
    code = "import sys; sys.modules['locust'] = None; sys.argv = ['contracts', 'load']\n"
    code += "from contracts.cli.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "contracts load needs the extra: pip install 'contract-mock[load]' (locust is not installed)\n"


def test_the_table_has_the_options_of_a_load_test():
    options = {each.opts[0]: each for each in main.commands["load"].params if each.param_type_name == "option"}
    table = re.findall(r"^\| (`--.*?) \| (.*?) \|", DOCS, re.MULTILINE)
    rows = {name: default for names, default in table for name in re.findall(r"`(--[a-z-]+)", names)}
    [others] = re.findall(r"^The others are those.*?\n\n", DOCS, re.DOTALL | re.MULTILINE)
    assert {*rows, *re.findall(r"`(--[a-z-]+)`", others)} == set(options)
    assert {rows[name] for name in ("--spawn-rate", "--seed")} == {
        str(options[name].default) for name in ("--spawn-rate", "--seed")
    }


def test_the_example_of_the_docs_runs(tmp_path):
    [example] = re.findall(r"^```sh\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "contracts").write_text(f'#!/bin/sh\nexec {sys.executable} -m contracts "$@"\n')
    (tmp_path / "contracts").chmod(0o755)
    with running() as mock:
        environ = os.environ | {"M": mock.url, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        script = example.replace("10s", "1s")
        done = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    jsonschema.validate(json.loads((tmp_path / "load.json").read_text()), SCHEMA)
    [listener] = re.findall(r"^```python\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    compile(listener, "listeners.py", "exec")


def test_replies_that_have_come_are_read_before_the_next_user_computes():
    ours, theirs = gevent.socket.socketpair()
    floor, order = Floor(), []

    def read():
        ours.recv(1)
        order.append("read")

    def compute():
        floor.take()
        order.append("computed")
        floor.leave()

    floor.take()
    users = [gevent.spawn(each) for each in (read, compute, compute)]
    gevent.sleep(0.01)
    theirs.send(b"1")
    floor.leave()
    gevent.joinall(users, timeout=10)
    assert order == ["read", "computed", "computed"]

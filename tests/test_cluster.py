"""`contracts fuzz --cluster`: the shards of one seed on a Dask cluster find what one run finds, also where workers are lost."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, mutated
from rich.console import Console
from wire_tap import WORLD, frozen, tapped, without_minted

import openapi
from contracts import Manners, Plan, Record, Request, Target
from contracts.cli.main import main
from contracts.cluster import inbox
from contracts.cluster.coordinator import Coordinator
from contracts.cluster.crew import Crew
from contracts.cluster.dask_cluster import difference
from contracts.cluster.entries import Entry
from contracts.cluster.gathered import Entries, Watch, record_of
from contracts.cluster.job import Job, Place, Sending
from contracts.cluster.messages import DONE, ENTRY, FAILED, REPORT, Facts, Message, packed, read_message, unpacked
from contracts.cluster.names import Names, differences
from contracts.cluster.shards import Report, ShardState
from contracts.cluster.task import run_job
from contracts.cluster.texts import ContractText, TextFile, WorldText
from contracts.cluster.worlds import Worlds
from contracts.generate.stream import Stream
from contracts.judge.record import Finding
from contracts.judge.verdict import VIOLATION, Verdict
from contracts.report.progress import Progress
from contracts.run.deadline import Deadline
from contracts.run.examination import open_session
from contracts.run.fuzz import Shard, send_stream
from contracts.sequence.corpus import Corpus

ROOT = Path(__file__).parent.parent
DEFECT = FORGETFUL["new-end-forgotten"]
QUIET = ("--quiet", "--workers", "1")


def run(*arguments, **options):
    return CliRunner().invoke(main, ["fuzz", *map(str, arguments)], **options)


def command(*arguments):
    return [sys.executable, "-m", "contracts", "fuzz", *map(str, arguments)]


@contextmanager
def cluster(folder, workers=2, environ=()):
    """A scheduler and workers, as processes; yields the address and the processes, the scheduler first."""
    file = folder / "scheduler.json"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--host", "127.0.0.1", "--no-nanny", "--no-dashboard"]
    worker += ["--nthreads", "1", "--scheduler-file", str(file), "--local-directory", str(folder)]
    options = {"cwd": ROOT, "stderr": subprocess.PIPE, "text": True, "env": {**os.environ, **dict(environ)}}
    with ExitStack() as stack:
        started = []

        def start(argv):
            process = stack.enter_context(subprocess.Popen(argv, **options))
            stack.callback(process.kill)
            started.append(process)
            return process

        start([*scheduler, "--scheduler-file", str(file)])
        for _ in range(workers):
            start(worker)
        for _ in range(300):
            if file.exists() and (text := file.read_text()).endswith("}"):
                break
            time.sleep(0.05)
        yield json.loads(text)["address"], started


@contextmanager
def pool(folder, count, contract=None, reset=False, world=None):
    """Mocks that record their requests, and a pool file of them; yields the pool file and the lists of requests."""
    world = world or frozen(folder)
    with ExitStack() as stack:
        taps = [stack.enter_context(tapped(world, contract)) for _ in range(count)]
        lines = [f"  - {{target: '{base}', world: '{world}'{_reset(base) if reset else ''}}}" for base, _ in taps]
        file = folder / "pool.yaml"
        file.write_text("\n".join(["worlds:", *lines, ""]))
        yield file, [requests for _, requests in taps]


def _reset(base):
    return f", reset: '{base}/_mock/worlds/default/reset'"


def violations(file):
    return {tuple(each["key"]) for each in json.loads(file.read_text())["violations"]}


def own(requests):
    """The requests of a shard, without resets."""
    return [each for each in without_minted(requests) if not each[1].startswith("/_mock")]


def alone(folder, inputs, contract=None, file="alone.json"):
    """The requests of one run of all inputs, and its report."""
    with tapped(frozen(folder), contract) as (base, requests):
        options = ("--target", base, "--world", folder / "frozen.yaml", "--reset", f"{base}/_mock/worlds/default/reset")
        result = run(*QUIET, *options, "--max-inputs", inputs, "--json", folder / file)
    assert result.exit_code in (0, 1), result.output
    return own(requests), json.loads((folder / file).read_text())


def test_the_shards_of_a_local_cluster_are_together_the_single_run(tmp_path):
    single, report = alone(tmp_path, 6)
    with pool(tmp_path, 2, reset=True) as (file, taps):
        options = ("--max-inputs", 6, "--corpus", tmp_path / "corpus", "--json", tmp_path / "out.json")
        result = run(*QUIET, "--cluster", "local", "--pool", file, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads((tmp_path / "out.json").read_text())
    sent = [each for tap in taps for each in own(tap)]
    assert not Counter(single) - Counter(sent)
    assert set(sent) == set(single)  # more often: what teaches a shard how the server reads, and sequences of the other shard
    assert all(len(tap) > len(single) / 3 for tap in taps)
    assert found["outcomes"].keys() == report["outcomes"].keys()
    assert {each["shard"] for each in found["parts"]} == {"1/2", "2/2"}
    assert set(report["behaviours"]) <= set(found["behaviours"])
    entries = [json.loads(line) for line in (tmp_path / "corpus" / "corpus.jsonl").read_text().splitlines()]
    shown = [each for entry in entries for each in entry["shows"]]
    assert set(shown) == set(found["behaviours"])
    assert all(json.loads((tmp_path / f"corpus/corpus.seed0-shard{n}of2.json").read_text())["next"] >= 6 for n in (1, 2))


def test_a_cluster_finds_what_one_run_finds_and_a_killed_worker_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("contracts.cluster.coordinator.PATIENCE", 0.5)
    contract = mutated(DEFECT)
    single, report = alone(tmp_path, 8, contract)
    with cluster(tmp_path) as (address, processes), pool(tmp_path, 3, contract, reset=True) as (file, taps):

        def kill():
            while len(taps[0]) < 150:
                time.sleep(0.02)
            processes[1].send_signal(signal.SIGKILL)

        killer = Thread(target=kill, daemon=True)
        killer.start()
        options = ("--shards", 2, "--max-inputs", 8, "--json", tmp_path / "out.json", "--failures", tmp_path / "failures")
        result = run(*QUIET, "--cluster", address, "--pool", file, *options)
        killer.join()
    assert result.exit_code == 1, result.output
    assert re.search(r"shard [12]/2 has lost its worker tcp://127.0.0.1:\d+ (at input \d+|before its first input)", result.stderr)
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["gaps"], found["gone"]) == ([], "")
    assert {each["key"][1] for each in found["violations"]} == {each["key"][1] for each in report["violations"]}
    sent = {each for tap in taps for each in own(tap)}
    walks = [each for each in single if each[1].endswith("/setShareTime")]
    assert sent.issuperset(walks)
    assert len(list((tmp_path / "failures").iterdir())) == len(found["violations"])


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)])
def test_an_interrupt_ends_it_everywhere_with_a_full_report(tmp_path, number):
    with pool(tmp_path, 2) as (file, taps):
        options = ("--cluster", "local", "--pool", file, "--for", "60s", "--json", tmp_path / "out.json")
        process = subprocess.Popen(
            command(*options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            for _ in range(600):
                if all(len(each) > 60 for each in taps):
                    break
                time.sleep(0.05)
            started = time.monotonic()
            os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
            out, err = process.communicate(timeout=30)
            took = time.monotonic() - started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        sent = [len(each) for each in taps]
    assert (process.returncode, err) == (0, "")
    assert "documented outcomes verified, 0 violations" in out
    assert took < 15
    found = json.loads((tmp_path / "out.json").read_text())
    assert abs(found["requests"] - sum(sent)) <= 4  # each shard looks whether the server is there


def test_secrets_are_looked_up_on_the_workers_and_stay_there(tmp_path):
    world = frozen(tmp_path)
    secret = "token-of-alice-73"
    world.write_text(world.read_text().replace("demo-token-alice", "'${ALICE}'"))
    served = tmp_path / "served.yaml"
    served.write_text(world.read_text().replace("${ALICE}", secret))
    with cluster(tmp_path, 1, {"ALICE": secret}) as (address, processes), tapped(served) as (base, requests):
        options = ("--target", base, "--world", world, "--header", "X-Test: ${ALICE}", "--max-inputs", 1)
        result = run(*QUIET, "--cluster", address, *options, "--json", tmp_path / "out.json", "--corpus", tmp_path / "corpus")
        missing = run(*QUIET, "--cluster", "local", *options)
        processes[1].kill()
        log = processes[1].stderr.read()
    assert result.exit_code == 0, result.output
    assert any(secret in text for each in requests for text in each)
    for text in (result.output, log, *(each.read_text() for each in (tmp_path / "out.json", tmp_path / "corpus/corpus.jsonl"))):
        assert secret not in text
    assert "${ALICE}" in (tmp_path / "corpus/corpus.jsonl").read_text()
    assert missing.exit_code == 2
    assert re.fullmatch(
        r"worker tcp://\S+ \$\{ALICE\} is not in its environment \(start the worker with ALICE=…\)\n", missing.stderr
    )


@pytest.mark.thorough
def test_a_lost_scheduler_ends_the_run_with_what_is_there(tmp_path):
    with cluster(tmp_path) as (address, processes), pool(tmp_path, 2) as (file, taps):
        options = ("--cluster", address, "--pool", file, "--for", "60s", "--json", tmp_path / "out.json")
        process = subprocess.Popen(command(*options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(600):
            if all(len(each) > 300 for each in taps):
                break
            time.sleep(0.05)
        processes[0].kill()
        out, err = process.communicate(timeout=40)
        before = [len(each) for each in taps]
        time.sleep(1.5)
        after = [len(each) for each in taps]
    assert (process.returncode, err) == (2, f"the scheduler {address} does not answer any more\n")
    assert "documented outcomes verified" in out
    assert json.loads((tmp_path / "out.json").read_text())["requests"] > 50
    assert before == after


class FakeFuture:
    status = "pending"

    def cancel(self):
        self.status = "cancelled"


class FakeCluster:
    """Workers that never do anything; `says` are the messages that come, by the number of the look at the queue."""

    def __init__(self, says=(), workers=("a", "b"), unlike=(), missing=()):
        self.says, self.there, self.other, self.missing = (
            [list(each) for each in says],
            list(workers),
            dict(unlike),
            list(missing),
        )
        self.jobs, self.delivered, self.stopped = [], [], False

    def workers(self):
        return self.there

    def unlike(self):
        return self.other

    def preflight(self, workers, variables):
        return {each: {"process": f"process of {each}", "missing": self.missing} for each in workers}

    def submit(self, job, worker):
        self.jobs.append((job, worker))
        return FakeFuture()

    def receive(self):
        return self.says.pop(0) if self.says else []

    def deliver(self, entries):
        self.delivered.append(entries)
        return True

    def stop(self):
        self.stopped = True


def coordinated(cluster, places, spare=(), job=None, **options):
    """A run of one shard for each place, until it is over."""
    job = job or JOB
    states = [ShardState(Shard(at, len(places)), 1000, place=each) for at, each in enumerate(places, 1)]
    crew = Crew(cluster, [])
    crew.look()
    said = []
    coordinator = Coordinator(
        cluster, job, states, Worlds(spare), crew, deadline=options.pop("deadline", Deadline()), warn=said.append, **options
    )
    coordinator.run()
    return coordinator, said


def place(name, reset=None):
    return Place(f"http://{name}", WorldText(name, b"{}"), reset)


JOB = Job(
    *("run", Shard(), 0, "", ContractText(()), (), place("none"), Plan(), Sending(None, 1.0, 0, None, None, 1), 0, 1000, None),
    *(None, 10, False),
)


@pytest.fixture
def hurried(monkeypatch):
    for name in ("PATIENCE", "LOOK_SECONDS", "POLL_SECONDS", "DELIVERY_SECONDS"):
        monkeypatch.setattr(f"contracts.cluster.coordinator.{name}", 0.0)


def test_a_lost_shard_goes_on_where_it_was_in_a_spare_world(hurried):
    cluster = FakeCluster([[], [Message(REPORT, 1, 0, 7, Facts(40), report=b"one")]])
    ends = iter([[], [Message(DONE, 1, 1, 9, Facts(2), report=b"two"), Message(DONE, 2, 0, 9)]])

    def watch():
        if len(cluster.jobs) == 2 and not cluster.says:
            cluster.there.remove("a")
        elif len(cluster.jobs) == 3:
            cluster.says.append(next(ends, []))

    coordinator, said = coordinated(cluster, [place("w1", "http://reset"), place("w2")], [place("w3")], watch=watch)
    again, worker = cluster.jobs[2]
    assert (worker, again.place.target, again.start, again.attempt, again.reset) == ("b", "http://w3", 7, 1, False)
    assert again.most_requests == 960
    assert [each.content for each in coordinator.states[0].reports] == [b"one", b"two"]
    assert (coordinator.states[0].before.requests, coordinator.gaps) == (42, [])
    assert said == ["shard 1/2 has lost its worker a at input 7"]


def test_without_a_spare_world_the_own_one_is_reset_first(hurried):
    cluster = FakeCluster([[]])

    def watch():
        cluster.there = ["b"]
        if len(cluster.jobs) == 2:
            cluster.says.append([Message(DONE, 1, 1)])

    coordinated(cluster, [place("w1", "http://reset")], watch=watch)
    assert [(job.place.target, job.reset) for job, _ in cluster.jobs] == [("http://w1", False), ("http://w1", True)]


def test_a_shard_that_cannot_go_on_is_a_gap(hurried):
    cluster = FakeCluster([[]])
    coordinator, _ = coordinated(cluster, [place("w1")], watch=lambda: setattr(cluster, "there", ["b"]))
    [gap] = coordinator.gaps
    assert gap.startswith("shard 1/1 has not gone on from the beginning: there is no world to go on in")
    record = record_of(coordinator.states, Record((), {}, ""), 1.0, coordinator.gaps, "")
    assert (record.exit_code(), record.lacking()) == (3, ["no request was sent", gap, "shard 1/1 has reported nothing"])


def test_a_task_that_fails_is_a_sentence_with_its_shard(hurried):
    cluster = FakeCluster([[], [Message(FAILED, 1, 0, text="out of luck")]])
    coordinator, _ = coordinated(cluster, [place("w1")])
    assert coordinator.gaps == ["shard 1/1 on a could not go on: out of luck"]


def test_entries_of_a_shard_are_sent_on_and_old_messages_are_ignored(hurried):
    entry, old = Message(ENTRY, 1, 0, text="new"), Message(DONE, 2, 5, 99)
    cluster = FakeCluster([[], [entry, replace(entry, text="known"), old], [], [Message(DONE, 1, 0), Message(DONE, 2, 0)]])
    looks = []
    coordinator, _ = coordinated(
        cluster,
        [place("w1"), place("w2")],
        keep=lambda message: message.text == "new",
        moved=lambda state: looks.append(state.shard.number),
    )
    assert looks == []  # the old message has a position
    assert cluster.delivered == [[(1, "new")]]
    assert all(each.state == "ended" for each in coordinator.states)


def test_shards_that_do_not_end_are_left_after_a_time(hurried):
    deadline = Deadline()
    deadline.end()
    cluster = FakeCluster()
    _, said = coordinated(cluster, [place("w1")], deadline=deadline, grace=0.05)
    assert cluster.stopped
    assert said == ["shard 1/1 did not end in time; what it had reported before is in the report"]


def test_the_first_violation_ends_all_shards_where_it_should(hurried):
    job = replace(JOB, plan=Plan(stop_early=True))
    done = Message(DONE, 1, 0, facts=Facts(3, (), ("digest",)))
    cluster = FakeCluster([[], [done]])
    coordinated(cluster, [place("w1"), place("w2")], job=job, grace=0.0)
    assert cluster.stopped


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (
            {"python": "3.9.1.final.0", "contract-mock": "1"},
            "has python 3.9, and this machine has 3.11; install the same on both",
        ),
        ({"python": "3.11.2.final.0", "contract-mock": "2"}, "has contract-mock 2, and this machine has 1"),
        ({"python": "3.11.2.final.0", "contract-mock": None}, "has no contract-mock"),
        ({"python": "3.11.9.final.0", "contract-mock": "1"}, ""),
    ],
)
def test_a_worker_with_other_versions_is_told_apart(theirs, says):
    said = difference({"python": "3.11", "contract-mock": "1"}, theirs)
    assert said.startswith(says) and bool(said) == bool(says)


def test_a_worker_with_other_versions_gets_no_shard(hurried):
    crew = Crew(FakeCluster(unlike={"a": "has no contract-mock"}), ["KEY"])
    crew.look()
    assert (crew.unfit, list(crew.processes)) == ({"a": "has no contract-mock"}, ["b"])
    poor = Crew(FakeCluster(missing=["KEY"]), ["KEY"])
    poor.look()
    assert poor.unfit["a"] == "${KEY} is not in its environment (start the worker with KEY=…)"


def test_a_shard_gets_what_others_have_sent_and_ends_when_it_is_told():
    one, two = (inbox.opened("a run", number, 0) for number in (1, 2))
    assert inbox.opened("a run", 1, 0) is None  # an attempt begins once
    inbox.deliver("a run", [(1, "from 1"), *((2, f"{number} from 2") for number in range(6))])
    inbox.deliver("another run", [(1, "not for us")])
    assert (two.take(), one.take()) == (["from 1"], [f"{number} from 2" for number in range(4)])
    assert len(one.take()) == 2
    inbox.stop("a run")
    assert one.stopped and two.stopped and inbox.opened("a run", 3, 0).stopped
    for number in (1, 2, 3):
        inbox.closed("a run", number)


def test_sequences_of_others_are_sent_between_two_inputs(tmp_path):
    contract, world = openapi.load(), openapi.load_world(frozen(tmp_path), openapi.load(), 0, {})
    arriving = [[Request("userDeviceList", "GET", "/v2/binding/enduserapi/userDeviceList", (("arrived", "1"),))]]

    class Store:
        behaviours, position = frozenset(), SimpleNamespace(write=lambda number: None)

        def stored(self, has):
            return ()

        def arrived(self):
            return [arriving.pop()] if arriving else []

        def add(self, sequence):
            pass

    with tapped(tmp_path / "frozen.yaml") as (base, requests):
        session = open_session(contract, world, Target(base, Manners(connections=1)), Plan(workers=1, thorough=False))
        send_stream(session, Stream(contract, world, 0), Shard(), Store(), end=2)
    [at] = [number for number, each in enumerate(requests) if "arrived=1" in each[2]]
    assert 24 <= at <= len(requests) - 24


def test_a_task_that_dask_repeats_does_not_run():
    assert run_job(replace(JOB, process="another"), line=None) == "stale"


def test_requests_are_translated_between_the_worlds_of_a_template():
    first = {"users": [{"token": "a-1", "age": 3}, {"token": "b", "age": 3}]}
    other = {"users": [{"token": "a-2", "age": 3}, {"token": "b", "age": 3}]}
    names = Names(differences(first, other))
    request = Request("op", "GET", "/users/a-1", (("t", "a-1"),), (("Authorization", "Bearer a-1"),))
    there = names.there(request)
    assert there == Request("op", "GET", "/users/a-2", (("t", "a-2"),), (("Authorization", "Bearer a-2"),))
    assert names.back(there) == request
    assert differences(first, {"users": []}) == ()
    assert differences({"x": ["1", "1"]}, {"x": ["2", "3"]}) == ()


@pytest.mark.parametrize("data", [None, 7, {}, {"kind": "report"}, {**Message(DONE, 1, 0).as_data(), "report": "text"}])
def test_what_is_no_message_is_ignored(data):
    assert read_message(data) is None


def test_a_message_comes_back_as_it_was_sent():
    message = Message(REPORT, 3, 1, 57, Facts(9, ("a/1",), ("x",)), "", b"z")
    assert read_message(message.as_data()) == message


def test_a_report_that_is_too_large_is_a_sentence(monkeypatch):
    content = packed(Record(("a/1",), {}, "http://x"))
    assert unpacked(content, "it")["target"] == "http://x"
    monkeypatch.setattr("contracts.cluster.messages.LARGEST_REPORT", 10)
    with pytest.raises(openapi.InvalidDocument, match="it:1: is not a report: is larger than"):
        unpacked(content, "it")


def test_a_contract_travels_with_its_files_and_keeps_their_names(tmp_path):
    file = tmp_path / "api" / "one.yaml"
    shutil.copytree(Path(openapi.__file__).parent, tmp_path / "api", ignore=lambda folder, names: {"worlds", "__pycache__"})
    file.write_text((tmp_path / "api" / "library.yaml").read_text())
    contract = openapi.load(file)
    text = pickle.loads(pickle.dumps(ContractText.of(contract)))
    shutil.rmtree(tmp_path / "api")
    again = text.load()
    rules = [[str(rule) for each in found.operations.values() for rule in each.rules] for found in (contract, again)]
    assert rules[0] == rules[1]
    assert str(file) in rules[0][0]
    with pytest.raises(openapi.InvalidDocument, match="is not a path below the folder of the contract"):
        ContractText((TextFile("../x.yaml", "x", b""),)).load()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--shards", 3), "3 shards need as many worlds, and the pool has 1 world; make more of them"),
        (("--shard", "1/2"), "--shard is one part of a run, and --cluster runs all parts; give --shards N"),
        (
            ("--header", "X-Api-Key: 1234567"),
            "--header X-Api-Key: its value would travel to the workers; write 'X-",
        ),
        (("--max-requests", 1, "--pool", "pool.yaml"), "--target is for one world, and --pool names the worlds"),
        (("--cluster", "tcp://127.0.0.1:9"), "--cluster tcp://127.0.0.1:9: no scheduler answers ("),
        (("--cluster", "nowhere"), "--cluster nowhere: no scheduler answers ("),
    ],
)
def test_what_a_cluster_cannot_do_is_a_sentence(arguments, says, monkeypatch):
    monkeypatch.setattr("contracts.cluster.dask_cluster.CONNECT_SECONDS", 0.3)
    options = ("--cluster", "local", "--target", "http://127.0.0.1:9", "--world", WORLD, "--max-inputs", 1)
    result = run(*QUIET, *options, *arguments)
    assert result.exit_code == 2
    assert result.output.startswith(says), result.output


def test_without_dask_it_is_a_sentence(monkeypatch):
    monkeypatch.setattr("contracts.cli.cluster.find_spec", lambda name: None)
    result = run("--cluster", "local", "--max-inputs", 1)
    assert result.exit_code == 2
    assert result.output == "--cluster needs the extra: pip install 'contract-mock[cluster]' (distributed is not installed)\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--pool", "pool.yaml"), "--pool is for runs on a cluster"),
        ((), "--target is missing"),
        (("--cluster", "local"), "--cluster needs --pool FILE, or --target and --world for one shard; --target is missing"),
    ],
)
def test_what_is_missing_is_a_sentence(arguments, says):
    result = run("--max-inputs", 1, *arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_entries_are_kept_once_and_only_if_they_are_some(tmp_path):
    contract, said = openapi.load(), []
    corpus = Corpus(tmp_path, "s", contract, {})
    entries = Entries(contract, {}, corpus, said.append)
    request = Request("userDeviceList", "GET", "/v2/binding/enduserapi/userDeviceList")
    message = Message(ENTRY, 1, 0, text=Entry(("one", "two"), [request]).line())
    assert entries.keep(message)
    assert not entries.keep(replace(message, shard=2))
    assert entries.keep(replace(message, text=Entry(("two", "three"), [request]).line()))
    assert not entries.keep(replace(message, text="{"))
    assert not entries.keep(replace(message, text=Entry(("four",), [replace(request, path="@evil.example/")]).line()))
    assert len(said) == 2 and all(each.startswith("an entry of shard 1 is not kept: ") for each in said)
    assert Corpus(tmp_path, "s", contract, {}).behaviours == entries.behaviours == {"one", "two", "three"}


def test_the_progress_adds_up_what_all_attempts_have_reported():
    one, two = ShardState(Shard(1, 2), 10), ShardState(Shard(2, 2), 10)
    one.before, one.facts, one.state, one.lost = Facts(5, ("a",), ("x",)), Facts(2, ("b",), ()), "running", 1
    two.facts, two.state = Facts(1, ("a",), ("x", "y")), "ended"
    shown = []

    class Shown(Progress):
        def show(self, counts):
            shown.append(counts)

        def due(self, seconds, behaviours):
            return True

    Watch(Shown(Console(quiet=True)), [one, two], Entries(openapi.load(), {}, None, print), 76, 20)()
    [counts] = shown
    assert (counts.requests, counts.planned, counts.answered, counts.outcomes, counts.violations) == (8, 20, 2, 76, 2)
    assert counts.more == ", shards: 1 running, 1 ended, 1 times lost"


def test_the_parts_of_a_record_are_its_shards_and_steps_are_those_of_the_first_world():
    record = Record(("op/1",), {}, "http://w2", requests=4, seconds=2.0, shard="2/2")
    steps = [Request("op", "GET", "/users/a-2")]
    verdict = Verdict(VIOLATION, "op/1", "op/2", "rule")
    record.findings[verdict.key] = Finding(verdict, steps, ["curl"], "{}", steps[-1].size())
    state = ShardState(Shard(2, 2), 10)
    state.reports = [Report(packed(record), replace(place("w2"), differences=(("a-1", "a-2"),)))] * 2
    found = record_of([state], Record(("op/1",), {}, ""), 9.0, [], "")
    assert [(each.shard, each.requests, each.seconds) for each in found.parts] == [("2/2", 8, 4.0)]
    assert [each.steps[0].path for each in found.findings.values()] == ["/users/a-1"]
    assert (found.requests, found.seconds, found.exit_code()) == (8, 9.0, 1)

"""Fuzzing: the same seed gives the same stream, shards are its parts, and sequences with a new behaviour are kept."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from family_servers import FORGETFUL, mutated, serving
from wire_tap import WORLD, frozen, tapped, without_minted

import openapi
from contracts import Manners, Plan, Request, Target, examine
from contracts.cli.main import main
from contracts.generate.stream import Stream
from contracts.run.examination import open_session
from contracts.run.fuzz import Shard, send_stream
from contracts.sequence.corpus import Corpus
from contracts.sequence.placeholder import Placeholders
from contracts.sequence.sequence import Sequence

CONTRACT = openapi.load()
WHOLE = Shard()


@pytest.fixture
def world(tmp_path):
    return openapi.load_world(frozen(tmp_path), CONTRACT, 0, {})


def sent(world, file, seed=0, shard=WHOLE, workers=1, corpus=None, start=None, numbers=3):
    """The requests that a run sends to a fresh mock."""
    with tapped(file) as (base, requests):
        target = Target(base, Manners(connections=workers))
        session = open_session(CONTRACT, world, target, Plan(workers=workers, thorough=False))
        send_stream(session, Stream(CONTRACT, world, seed), shard, corpus, start, end=numbers)
    assert session.record.exit_code() == 0
    return requests


def run(*arguments, **options):
    return CliRunner().invoke(main, ["fuzz", "--quiet", *map(str, arguments)], **options)


def test_the_same_seed_sends_the_same_requests_and_another_one_others(world, tmp_path):
    file = tmp_path / "frozen.yaml"
    once, again, other = sent(world, file, 1), sent(world, file, 1), sent(world, file, 2)
    assert once == again
    assert len(once) > 100
    assert len(set(once) & set(other)) < len(once) / 2


def test_an_examination_sends_the_same_requests_too(world, tmp_path):
    found = []
    for _ in range(2):
        with tapped(tmp_path / "frozen.yaml") as (base, requests):
            examine(CONTRACT.only("userDeviceList"), world, Target(base), Plan(walks=2, workers=1))
            found.append(requests)
    assert found[0] == found[1]
    assert len(found[0]) > 100


def test_several_workers_send_the_same_requests_in_another_order(world, tmp_path):
    file = tmp_path / "frozen.yaml"
    assert sorted(sent(world, file, workers=8)) == sorted(sent(world, file))


def test_shards_are_disjoint_and_together_the_whole(world, tmp_path):
    file = tmp_path / "frozen.yaml"
    whole = without_minted(sent(world, file, numbers=6))
    shards = [without_minted(sent(world, file, shard=Shard(number, 3), numbers=6)) for number in (1, 2, 3)]
    assert sorted(each for shard in shards for each in shard) == sorted(whole)
    assert all(len(each) == len(whole) / 3 for each in shards)


def test_a_run_that_stopped_goes_on_where_it_stopped(world, tmp_path):
    file, whole = tmp_path / "frozen.yaml", sent(world, tmp_path / "frozen.yaml")
    corpus = Corpus(tmp_path, "s", CONTRACT, {})
    before = sent(world, file, corpus=corpus, numbers=1)
    assert corpus.position.read() == 1
    after = sent(world, file, corpus=corpus, start=corpus.position.read())
    assert without_minted(before + after) == without_minted(whole)


def test_a_walk_is_planned_without_a_server_and_meets_what_it_minted(world):
    walks = [Stream(CONTRACT, world, 0).input(number).walk for number in range(5)]
    assert [len(each) for each in walks] == [24] * 5
    text = json.dumps([step.as_data() for each in walks for step in each])
    assert re.search(r"\$\{\d+\.shareCode\}", text)
    assert "${now+" in text


def test_a_later_run_starts_from_the_corpus(tmp_path):
    with serving(CONTRACT) as base:
        first = run("--target", base, "--world", WORLD, "--max-requests", 600, "--corpus", tmp_path)
        lines = (tmp_path / "corpus.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        assert first.exit_code == 0
        assert len(entries) > 20
        assert len({each for entry in entries for each in entry["shows"]}) == sum(len(entry["shows"]) for entry in entries)
    with tapped(WORLD) as (base, requests):
        options = ("--max-requests", 300, "--corpus", tmp_path / "corpus.jsonl", "--seed", 9, "--workers", 1)
        again = run("--target", base, "--world", WORLD, *options)
        assert again.exit_code == 0
        saved = [(step["method"], step["path"]) for entry in entries for step in entry["steps"]]
        sent = [each[:2] for each in requests]
        probes = next(number for number in range(30) if sent[number:][:50] == saved[:50])
        assert sent[probes:] == saved[: len(sent) - probes]


def test_the_position_is_kept_by_seed_and_shard(tmp_path):
    options = ["--world", WORLD, "--max-requests", 150, "--corpus", tmp_path, "--resume", "--shard", "2/3", "--workers", 1]
    found = []
    for seed in (0, 7, 0):
        with serving(CONTRACT) as base:
            assert run(*options, "--target", base, "--seed", seed).exit_code == 0
        found.append(json.loads((tmp_path / f"corpus.seed{seed}-shard2of3.json").read_text())["next"])
    assert [each % 3 for each in found] == [1, 1, 1]
    assert found[0] > 1
    assert found[2] > found[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "corpus.jsonl:2: is not a corpus entry"),
        ("[]", "is not a corpus entry of format 1"),
        ('{"format": 1, "steps": []}', "steps is not a list"),
        ('{"format": 1, "steps": [{"operation": "shareInf", "method": "POST", "path": "/"}]}', "did you mean shareInfo?"),
        (
            '{"format": 1, "steps": [{"operation": "shareInfo", "method": "GET", "path": "@evil.example/"}]}',
            "is POST /v2/binding/enduserapi/shareInfo, not GET %40evil.example/",
        ),
        (
            '{"format": 1, "steps": [{"operation": "shareInfo", "method": "POST", "path": "/v2/binding/enduserapi/shareInfo",'
            ' "query": [["pk", "${PK}"]]}]}',
            "${PK} has no value here",
        ),
    ],
)
def test_a_corpus_that_does_not_fit_is_a_sentence_with_its_line(tmp_path, line, message):
    (tmp_path / "corpus.jsonl").write_text(f"\n{line}\n")
    with serving(CONTRACT) as base:
        result = run("--target", base, "--world", WORLD, "--max-requests", 10, "--corpus", tmp_path)
    assert result.exit_code == 2
    assert message in result.output


def test_a_file_without_a_last_line_end_takes_more_lines(world, tmp_path):
    corpus, placeholders = Corpus(tmp_path, "s", CONTRACT, {}), Placeholders(0, {})
    request = Request("userDeviceList", "GET", "/v2/binding/enduserapi/userDeviceList")
    corpus.add(Sequence(placeholders, [request], new_behaviours=["one"], needed_length=1))
    corpus.file.write_text(corpus.file.read_text().rstrip())
    corpus.add(Sequence(placeholders, [request, request], new_behaviours=["two"], needed_length=2))
    again = Corpus(tmp_path, "s", CONTRACT, {})
    assert list(again.entries) == [[request], [request, request]]
    assert again.behaviours == {"one", "two"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_a_full_report(tmp_path, number):
    position = tmp_path / "corpus.seed0-shard1of1.json"
    with serving(CONTRACT) as base:
        command = [sys.executable, "-m", "contracts", "fuzz", "--target", base, "--world", str(WORLD), "--for", "60s"]
        process = subprocess.Popen(
            [*command, "--corpus", str(tmp_path), "--json", str(tmp_path / "out.json")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(200):
            if position.exists() and json.loads(position.read_text())["next"] >= 2:
                break
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "documented outcomes verified, 0 violations" in out
    assert json.loads((tmp_path / "out.json").read_text())["requests"] >= 50
    assert json.loads(position.read_text())["next"] >= 2
    assert (tmp_path / "corpus.jsonl").stat().st_size > 5_000


def test_the_time_that_is_given_is_kept():
    with serving(CONTRACT) as base:
        started = time.monotonic()
        result = run("--target", base, "--world", WORLD, "--for", "3s", "--rate", 50)
    assert 3 <= time.monotonic() - started < 30
    assert 5 <= int(result.output.split(" requests")[0].split()[-1]) <= 160


@pytest.mark.parametrize("workers", [1, 6])
def test_the_bound_on_requests_holds_also_while_a_failure_is_made_short(tmp_path, workers):
    with tapped(WORLD, mutated(FORGETFUL["new-end-forgotten"])) as (base, requests):
        result = run("--target", base, "--world", WORLD, "--max-requests", 120, "--workers", workers)
    assert result.exit_code == 1
    assert len(requests) == 119  # the first connection checked that the server answers

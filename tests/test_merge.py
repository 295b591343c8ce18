"""Merging: several runs give the verdict of one, reports can be read again, and corpora are joined without doubles."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from family_servers import WORLD, Change, mutated, serving

import contracts
import openapi
from contracts import Manners, Plan, Record, Request, Target, Verdict, examine
from contracts.cli.main import main
from contracts.generate.stream import Stream
from contracts.judge.causes import Cause
from contracts.judge.merging import merged
from contracts.judge.parts import Part, missing_shards, repeated
from contracts.judge.record import ISOLATED, MOST_FINDINGS, SPORADIC, Finding
from contracts.report.data import as_data
from contracts.report.reading import read_report
from contracts.run.examination import open_session
from contracts.run.fuzz import Shard, send_stream
from contracts.sequence.corpus import Corpus

CONTRACT = openapi.load()
SCHEMA = json.loads((Path(contracts.__file__).parent / "report" / "report.schema.json").read_text())
NAMELESS = "- {code: 5140, missing: named}"
WRONG = mutated(Change("deviceInfo", NAMELESS, "- {code: 5041, missing: named}\n        - {code: 5140, when: pk == 'never'}"))
SHARDS = 3
INPUTS = 6
LATER_MEMBERS = (
    *("shard", "parts", "successes", "required", "thorough", "observed", "branches", "gaps", "times", "first_replies"),
    "behaviours",
)
"""What reports of earlier versions have not."""


def world():
    return openapi.load_world(WORLD, CONTRACT, time.time_ns() // 1_000_000, {})


def fuzzed(shard):
    with serving(WRONG) as base:
        # A reset before each walk, so that what an input shows does not depend on those before it.
        target = Target(base, Manners(reset=f"{base}/_mock/worlds/default/reset", connections=1))
        session = open_session(CONTRACT, world(), target, Plan(workers=1, thorough=False))
        session.record.shard = str(shard)
        send_stream(session, Stream(CONTRACT, world(), 0), shard, end=INPUTS)
    return session.record


@pytest.fixture(scope="module")
def whole():
    return fuzzed(Shard())


@pytest.fixture(scope="module")
def shards():
    return [fuzzed(Shard(number, SHARDS)) for number in range(1, SHARDS + 1)]


@pytest.fixture(scope="module")
def files(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    for number, each in enumerate(shards, 1):
        (folder / f"{number}.json").write_text(json.dumps(as_data(each)))
    return folder


@pytest.fixture(scope="module")
def examined():
    """A run without violations that covers too little, with a race of several repetitions."""
    with serving(CONTRACT) as base:
        found = examine(CONTRACT.only("shareInfo", "shareDevice"), world(), Target(base), Plan(breadth=False, walks=1, races=1))
    raced = finding("note", rule="at the same time", often="3 of 10 repetitions")
    raced.steps = [
        Request("shareDevice", "POST", "/x"),
        Request("shareDevice", "POST", "/x", at_once=True, form=(), body={"a": [1]}),
    ]
    found.findings[raced.verdict.key] = raced
    return found


def run(*arguments):
    return CliRunner().invoke(main, ["merge", *map(str, arguments)])


def finding(
    kind="violation", got="get/200", rule="rule", rank=ISOLATED, count=1, also=(), often="", outcome="get/404", detail=""
):
    steps = [Request("get", "GET", "/"), Request("get", "GET", "/")][: 2 - (rank == ISOLATED)]
    return Finding(Verdict(kind, outcome, got, rule, detail), steps, ["curl"], "said", (0, 0, ""), rank, count, set(also), often)


def record(*findings, outcomes=("get/200", "get/404"), **fields):
    made = Record(outcomes, {}, "http://a", frozenset({"get/200"}), requests=10, **fields)
    made.findings.update({each.verdict.key: each for each in findings})
    return made


def test_shards_find_and_cover_together_what_one_run_does(whole, shards):
    both = merged(shards)
    assert set(both.findings) == set(whole.findings)
    assert {each: both.verdict(each) for each in both.outcomes} == {each: whole.verdict(each) for each in whole.outcomes}
    assert both.exit_code() == whole.exit_code() == 1
    assert any(each.verdict.kind == "violation" for each in both.findings.values())
    assert all(sum(each.rows[row] for each in shards) == count for row, count in both.rows.items())
    assert both.requests == sum(each.requests for each in shards)
    assert both.seconds == max(each.seconds for each in shards)


def test_merging_leaves_the_records_as_they_are(shards):
    before = copy.deepcopy([as_data(each) for each in shards])
    merged(shards).findings.popitem()[1].also.add("x")
    assert [as_data(each) for each in shards] == before


@pytest.mark.parametrize("name", ["whole", "examined", "merged", "observed"])
def test_a_report_that_is_read_gives_the_same_report(name, whole, examined, shards):
    found = {"whole": whole, "examined": examined, "merged": merged(shards), "observed": record(observed=True, thorough=False)}[
        name
    ]
    data = json.loads(json.dumps(as_data(found)))
    jsonschema.validate(data, SCHEMA)
    assert as_data(read_report(data, "here")) == data


def test_the_examined_run_lacks_something_and_the_wrong_one_has_histories(whole, examined):
    assert as_data(examined)["exit_code"] == 3
    assert any("history" in each for each in as_data(whole)["violations"])


def test_a_report_of_an_earlier_version_gives_the_same_verdict(whole, examined):
    for each in (whole, examined):
        data = as_data(each)
        old = {name: value for name, value in data.items() if name not in LATER_MEMBERS}
        for kind in ("violations", "notes", "unexplained"):
            old[kind] = [{name: value for name, value in one.items() if name not in ("key", "history")} for one in data[kind]]
        again = as_data(read_report(old, "old.json"))
        assert all(again[name] == data[name] for name in ("exit_code", "lacking", "outcomes", "causes"))


def test_an_outcome_is_verified_if_one_run_verified_it_and_blocked_only_if_each_that_looked_says_so():
    blocked, verified = record(blocked={"get/404": "no row"}), record(blocked={"get/404": "no row"})
    verified.cases.update({"get/200": 1, "get/404": 1})
    assert merged([blocked, blocked]).verdict("get/404") == "blocked"
    assert merged([blocked, verified]).verdict("get/404") == "verified"
    assert merged([blocked, record()]).verdict("get/404") == "not covered"
    assert merged([blocked, record(thorough=False)]).verdict("get/404") == "blocked"
    assert merged([verified, record(finding())]).verdict("get/404") == "violated"


def test_what_one_run_requires_another_may_verify():
    verified = record(thorough=False)
    verified.cases.update({"get/404": 1})
    needing = record(required=frozenset({"get/404"}), thorough=False)
    assert needing.missed() == merged([needing, needing]).missed() == ["get/404"]
    assert merged([needing, verified]).missed() == []


def test_a_branch_must_succeed_in_one_run():
    one, other = record(branches={"get with a=1": False, "get with a=2": False}), record(branches={"get with a=1": True})
    assert merged([other, one]).branches == merged([one, other]).branches == {"get with a=1": True, "get with a=2": False}


def test_of_the_same_difference_the_best_sequence_stays_and_counts_add_up():
    weak = finding(rank=SPORADIC, count=5, also=["get/200"], often="3 of 10 repetitions", detail="/a - 1")
    best = finding(count=2, often="4 of 10 repetitions", detail="/a - 2")
    for order in ((weak, best), (best, weak)):
        [found] = merged([record(each) for each in order]).findings.values()
        assert (found.rank, found.count, found.often, found.verdict.detail) == (ISOLATED, 7, "7 of 20 repetitions", "/a - 2")
        assert found.also == {"get/200"}
    odd = finding(often="in all bursts")
    assert merged([record(odd), record(finding(often="3 of 10 bursts"))]).findings[odd.verdict.key].often == "in all bursts"


def test_one_sentence_is_one_cause_and_a_violation_has_one_cause():
    one, other = finding(rule="one"), finding(rule="other")
    keys = one.verdict.key, other.verdict.key
    first = record(one, other, known_causes=[Cause("those with a=1", keys, 4, 5)])
    second = record(one, known_causes=[Cause("those with a=1", keys[:1], 2, 2)])
    third = record(one, known_causes=[Cause("those with a plus", keys[:1], 9, 9)])
    [(cause, found)] = merged([third, first, second]).grouped()
    assert (cause.sentence, cause.failed, cause.requests, len(found)) == ("those with a=1", 6, 7, 2)


def test_of_too_many_findings_those_stay_without_which_an_outcome_would_not_be_violated():
    many = [finding(rule=f"rule {each}" * 2, got=f"x{'a' * each}", count=9) for each in range(MOST_FINDINGS)]
    rare = finding(rule="rare", outcome="get/200", rank=SPORADIC)
    note = finding("note", rule="note", count=99)
    both = merged([record(note, *many[:100]), record(*many[100:], rare)])
    assert (len(both.findings), both.dropped) == (MOST_FINDINGS, 2)
    assert both.verdict("get/200") == both.verdict("get/404") == "violated"
    assert note.verdict.key not in both.findings


def test_a_target_that_is_gone_comes_before_violations():
    both = merged([record(finding()), record(gone="http://a is gone"), record(gone="http://a is gone")])
    assert (both.exit_code(), both.gone) == (2, "http://a is gone")


def test_latencies_and_first_replies_add_up():
    one, other = record(), record()
    for each, said in ((one, "HTTP 200 a"), (other, "HTTP 200 b")):
        each.first_replies.add(said)
        each.replies["get/200"] += 1
        each.latencies["get/200"] = each.latencies.get("get/200") or type(each.times)({2: 3})
    both = merged([one, other])
    assert both.latencies["get/200"] == {2: 6}
    assert any("to every request" in each for each in one.lacking())
    assert both.first_replies == {"HTTP 200 a", "HTTP 200 b"}


def test_no_records_and_other_contracts_are_refused():
    for wrong in ([], [record(), record(outcomes=("get/404", "get/200"))]):
        with pytest.raises(ValueError):
            merged(wrong)


def test_shards_that_are_missing_or_there_twice_are_named():
    parts = [Part("http://a", 0, shard, 1, 1.0) for shard in ("1/4", "4/4", "1/4")] + [Part("http://a", 1, "1/1", 1, 1.0)]
    assert missing_shards(parts) == ["no run of shards 2, 3 of 4 of seed 0"]
    assert [each.shard for each in repeated(parts)] == ["1/4"]
    assert not repeated([Part("http://a", 0, "", 1, 1.0), Part("http://b", 0, "", 1, 1.0)])


def test_the_command_prints_and_writes_one_verdict(whole, files, tmp_path):
    out = [f"--{kind}={tmp_path / kind}" for kind in ("json", "html", "junit", "failures")]
    result = run(*(files / f"{number}.json" for number in (1, 2, 3)), *out)
    assert result.exit_code == 1, result.output
    assert "3 runs of up to" in " ".join(result.stdout.split())
    data = json.loads((tmp_path / "json").read_text())
    jsonschema.validate(data, SCHEMA)
    assert {tuple(each["key"]) for each in data["violations"]} == {tuple(each["key"]) for each in as_data(whole)["violations"]}
    assert len(list((tmp_path / "failures").iterdir())) == len(data["violations"])
    assert json.loads(next((tmp_path / "failures").iterdir()).read_text())["steps"]
    assert "3 runs" in (tmp_path / "html").read_text()
    assert "<testsuites" in (tmp_path / "junit").read_text()
    again = run(tmp_path / "json", "--json", tmp_path / "again")
    assert again.exit_code == 1
    assert json.loads((tmp_path / "again").read_text()) == data


def test_the_command_says_what_is_missing_or_twice(files):
    result = run(files / "1.json", files / "2.json", files / "2.json")
    assert "Too little covered: no run of shard 3 of 3 of seed 0" in result.stdout
    assert "warning: shard 2/3 of seed 0 is there more than once" in result.stderr


def test_a_run_that_says_nothing_is_a_gap(tmp_path):
    def verified(name, **fields):
        made = record(thorough=False, **fields)
        made.cases.update({"get/200": 1, "get/404": 1})
        made.replies.update({"get/200": 1, "get/404": 1})
        (tmp_path / name).write_text(json.dumps(as_data(made)))
        return tmp_path / name

    good, other = verified("good.json", seed=1), verified("other.json", seed=2)
    assert run(good, other).exit_code == 0
    (tmp_path / "none.json").write_text(json.dumps(as_data(Record(("get/200", "get/404"), {}, "http://b"))))
    result = run(good, tmp_path / "none.json")
    assert (result.exit_code, f"{tmp_path / 'none.json'}: no request was sent" in result.stdout) == (3, True)
    assert run(good, "--require", "get/*").exit_code == 0
    assert "--require put/1" in run(good, "--require", "put/1").stderr


def spoilt(data, *path, to):
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("violations", 0, "count"), -1, "/violations/0/count: -1 is less than the minimum of 1"),
        (("violations", 0, "steps"), [{"operation": "x"}], "/violations/0/steps/0: a request needs operation, method and path"),
        (("violations", 0, "steps"), [], "/violations/0/steps: [] has less than 1 item"),
        (("violations", 0, "key"), ["violation", "a", "b", "c"], "/violations/0/rule: does not begin with the rule in `key`"),
        (("causes", 0, "violations"), [99], "/causes/0/violations: this report has "),
        (("latency", "bounds"), [1, 2], "/latency/bounds: this version counts"),
        (("latency", "replies"), {"a/b": [1]}, "/latency/replies/a~1b: is not a list of 13 counts"),
        (("seconds",), "x" * 1000, "…"),
        (("shard",), "1/x", "/shard: "),
        (("requests",), 10**30, "/requests: "),
        (("format",), 2, "is not a report of format 1"),
        (("secret",), "x", "Additional properties are not allowed"),
    ],
)
def test_a_report_that_is_none_is_a_sentence_with_its_place(whole, files, tmp_path, path, value, message):
    data = spoilt(json.loads(json.dumps(as_data(whole))), *path, to=value)
    (tmp_path / "bad.json").write_text(json.dumps(data))
    result = run(files / "2.json", tmp_path / "bad.json", "--json", tmp_path / "out.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{tmp_path / 'bad.json'}:1: ")
    assert message in result.stderr
    assert len(result.stderr) < 1000
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the JSON reports"),
        (["nope-*.json"], "nope-*.json: there is no such file; no file matches it"),
        (["."], ". is a folder; name the JSON reports in it: ./*.json"),
        ([WORLD], ":1: is not JSON"),
        (["--corpus", "x"], "give both or neither"),
        (["--into-corpus", "x"], "give both or neither"),
        (["--corpus", "nope", "--into-corpus", "x"], "nope/corpus.jsonl: No such file"),
    ],
)
def test_unusable_input_is_a_sentence(arguments, message):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.output
    assert not Path("x").exists()


@pytest.mark.parametrize("text", ["[]", "{}", '{"outcomes": NaN}', "[" * 100_000, '{"format": 1, "outcomes": 3}', "\xff"])
def test_garbage_is_a_sentence(tmp_path, text):
    (tmp_path / "bad.json").write_text(text, encoding="latin-1")
    result = run(tmp_path / "bad.json")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output


def test_reports_of_other_contracts_are_refused_with_both_names(files, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps(as_data(record())))
    result = run(files / "1.json", tmp_path / "other.json")
    assert result.exit_code == 2
    assert (
        f"{tmp_path / 'other.json'} and {files / '1.json'} cannot be merged: only {tmp_path / 'other.json'} has" in result.stderr
    )
    wrong = run(tmp_path / "other.json", "--html", tmp_path / "x.html")
    assert (wrong.exit_code, "name its contract with --contract" in wrong.stderr) == (2, True)


def lines(file, *entries):
    """A corpus of entries, each of what it shows and how many steps it has."""
    step = {"operation": "userDeviceList", "method": "GET", "path": "/v2/binding/enduserapi/userDeviceList"}
    texts = [json.dumps({"format": 1, "shows": shows, "steps": [step] * steps}) for shows, steps in entries]
    file.write_text("\n".join(texts))
    return file


def shown(file):
    return [(each["shows"], len(each["steps"])) for each in map(json.loads, file.read_text().splitlines())]


def test_corpora_are_joined_without_doubles_and_the_shortest_stays(tmp_path):
    one = lines(tmp_path / "one.jsonl", (["a", "b"], 3), (["c"], 1), ([], 2))
    other = lines(tmp_path / "other.jsonl", (["d"], 1), (["b", "a"], 2), (["c"], 4), ([], 2), ([], 1))
    result = run("--corpus", one, "--corpus", other, "--into-corpus", tmp_path / "all")
    assert (result.exit_code, result.stdout) == (0, f"Joined: {tmp_path / 'all' / 'corpus.jsonl'} has 5 of 8 sequences\n")
    assert shown(tmp_path / "all" / "corpus.jsonl") == [(["b", "a"], 2), (["c"], 1), ([], 2), (["d"], 1), ([], 1)]
    before = (tmp_path / "all" / "corpus.jsonl").read_text()
    lines(tmp_path / "third.jsonl", (["e"], 1))
    assert run("--corpus", tmp_path / "third.jsonl", "--into-corpus", tmp_path / "all").exit_code == 0
    assert (tmp_path / "all" / "corpus.jsonl").read_text().startswith(before)
    assert len(Corpus(tmp_path / "all", "s", CONTRACT, {}).entries) == 6


def test_a_corpus_that_cannot_be_joined_leaves_the_other_one(tmp_path):
    one = lines(tmp_path / "one.jsonl", (["a"], 1))
    before = one.read_text()
    for text, message in (("{", "bad.jsonl:1: is not a corpus entry"), ('{"format": 1, "steps": []}', "steps is not a list")):
        (tmp_path / "bad.jsonl").write_text(text)
        result = run("--corpus", tmp_path / "bad.jsonl", "--into-corpus", one)
        assert (result.exit_code, message in result.stderr, one.read_text()) == (2, True, before)


def test_the_furthest_position_of_each_shard_goes_with_the_corpus(tmp_path):
    one, other = lines(tmp_path / "one.jsonl", (["a"], 1)), lines(tmp_path / "other.jsonl", (["b"], 1))
    for file, stream, number in (
        (one, "seed0-shard1of2", 7),
        (one, "seed0-shard2of2", 4),
        (other, "seed0-shard2of2", 9),
        (other, "seed-1-shard1of1", 3),
    ):
        Corpus(file, stream, CONTRACT, {}).position.write(number)
    (tmp_path / "one.notes.json").write_text("of no stream")
    arguments = ("--corpus", one, "--corpus", other, "--into-corpus", tmp_path / "all")
    assert run(*arguments).exit_code == 0

    def position(stream):
        return Corpus(tmp_path / "all", stream, CONTRACT, {}).position.read()

    assert list(map(position, ("seed0-shard1of2", "seed0-shard2of2", "seed-1-shard1of1"))) == [7, 9, 3]
    assert position("seed0-shard1of1") is None
    assert not (tmp_path / "all" / "corpus.notes.json").exists()
    Corpus(tmp_path / "all", "seed0-shard1of2", CONTRACT, {}).position.write(8)
    assert run(*arguments).exit_code == 0
    assert position("seed0-shard1of2") == 8
    (tmp_path / "one.seed0-shard1of2.json").write_text("[]")
    before = (tmp_path / "all" / "corpus.jsonl").read_text()
    result = run(*arguments)
    assert (result.exit_code, "one.seed0-shard1of2.json:1: is not the position of a run" in result.stderr) == (2, True)
    assert (tmp_path / "all" / "corpus.jsonl").read_text() == before


def test_entries_are_read_when_they_are_needed(tmp_path):
    file = lines(tmp_path / "c.jsonl", (["a"], 1), (["b"], 2))
    corpus = Corpus(file, "s", CONTRACT, {})
    assert [len(each) for each in corpus.entries] == [1, 2]
    file.write_text("x" * 1000)
    with pytest.raises(OSError, match="was changed while it was in use"):
        corpus.entries[1]

"""Failures are saved in files, and replayed from them."""

from __future__ import annotations

import json
import re

import pytest
import wrong_servers
from click.testing import CliRunner
from family_servers import FORGETFUL, WORLD, mutated, serving

import openapi
from contracts import Record, Request, Verdict
from contracts.cli.main import main
from contracts.judge.record import Finding
from contracts.report.failures import save_failures

CONTRACT = openapi.load()
PATH = "/v2/binding/enduserapi/shareInfo"
SHARE = {
    "operation": "shareInfo",
    "method": "POST",
    "path": PATH,
    "query": [["pk", "p11pLZ"], ["dk", "D001"], ["acceptingExpireAt", "${now+3600000}"]],
    "headers": [["Authorization", "demo-token-alice"]],
}


def unshare(code):
    path = "/v2/binding/enduserapi/ownerUserUnshareDevice"
    return {"operation": "ownerUserUnshareDevice", "method": "DELETE", "path": path, "query": [["shareCode", code]]} | {
        "headers": [["Authorization", "demo-token-alice"]]
    }


def run(command, *arguments, **options):
    return CliRunner().invoke(main, [command, *map(str, arguments)], **options)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The failures and the report of a run against a server that does not store a new end of a share."""
    folder = tmp_path_factory.mktemp("saved")
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        options = ["--failures", folder / "failures", "--json", folder / "report.json", "--max-requests", 1200, "--quiet"]
        result = run("fuzz", "--target", base, "--world", WORLD, *options)
    assert result.exit_code == 1
    return folder, result.output


def test_each_violation_is_saved_under_a_name_of_plain_letters(saved):
    folder, output = saved
    files = sorted((folder / "failures").iterdir())
    violations = json.loads((folder / "report.json").read_text())["violations"]
    assert len(files) == len(violations) > 0
    assert all(re.fullmatch(r"[A-Za-z]+-\d+-[0-9a-f]{12}\.json", each.name) for each in files)
    assert all(f"Saved: {each}" in output for each in files)
    found = [json.loads(each.read_text()) for each in files]
    assert sorted(each["rule"] for each in found) == sorted(each["rule"] for each in violations)
    assert all(each["format"] == 1 and each["steps"] for each in found)


def test_what_a_server_says_is_not_in_a_file_name(tmp_path):
    verdict = Verdict("violation", "get/../../x/404", "../../etc/passwd", "rule")
    record = Record(("get/../../x/404",), {}, "http://localhost")
    record.findings[verdict.key] = Finding(verdict, [Request("get", "GET", "/")], ["curl"], "reply", (1, (0, 0, "")))
    [file] = save_failures(record, str(tmp_path / "failures"))
    assert file.parent == tmp_path / "failures"
    assert re.fullmatch(r"get-x-404-[0-9a-f]{12}\.json", file.name)


def test_every_failure_is_still_there_and_gone_from_a_server_that_is_mended(saved):
    for file in (saved[0] / "failures").iterdir():
        with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
            still = run("replay", file, "--target", base, "--world", WORLD)
        assert (still.exit_code, still.output.startswith("still fails: ")) == (1, True)
        assert "curl -sS" in still.output
        with serving(CONTRACT) as base:
            mended = run("replay", file, "--target", base, "--world", WORLD)
        assert (mended.exit_code, mended.output.startswith("passes now: got ")) == (0, True)


def test_a_failure_late_in_a_long_run_has_its_sequence_without_a_history(tmp_path, monkeypatch):
    monkeypatch.setattr("contracts.judge.journal.MOST_HISTORY", 0)
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        options = ["--target", base, "--world", WORLD]
        assert run("fuzz", *options, "--failures", tmp_path, "--max-requests", 900).exit_code == 1
        assert run("replay", next(tmp_path.iterdir()), *options).exit_code in (0, 1)
    assert [json.loads(each.read_text())["history"] for each in tmp_path.iterdir()] == [[]] * len(list(tmp_path.iterdir()))


def test_a_failure_may_be_cut_out_of_a_report(saved):
    report = saved[0] / "report.json"
    violations = json.loads(report.read_text())["violations"]
    alone = [at for at, each in enumerate(violations) if each["shown"] == "alone"]
    longest = max(alone, key=lambda at: len(violations[at]["steps"]))
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        options = ["--target", base, "--world", WORLD]
        assert run("replay", report, "--finding", longest + 1, *options).exit_code == 1
        for wrong in ([], ["--finding", 99]):
            result = run("replay", report, *wrong, *options)
            assert result.exit_code == 2
            assert f"this report has {len(violations)} violations (choose one with --finding, from 1 to" in result.output


def test_a_failure_of_another_kind_is_told_apart(saved, tmp_path):
    file = next((saved[0] / "failures").iterdir())
    (tmp_path / "other.json").write_text(json.dumps(json.loads(file.read_text()) | {"got": "shareInfo/5134"}))
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        other = run("replay", tmp_path / "other.json", "--target", base, "--world", WORLD)
    assert (other.exit_code, other.output.startswith("fails in another way: ")) == (1, True)


def replayed(tmp_path, data, contract=CONTRACT):
    file = tmp_path / "failure.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    with serving(contract) as base:
        return run("replay", file, "--target", base, "--world", WORLD)


def test_what_one_step_mints_the_next_one_uses(tmp_path):
    result = replayed(tmp_path, {"format": 1, "steps": [SHARE, unshare("${1.shareCode}")]})
    assert (result.exit_code, result.output) == (0, "passes now: got ownerUserUnshareDevice/200\n")


def test_a_step_that_cannot_be_repeated_is_named_with_the_reason(tmp_path):
    refused = SHARE | {"headers": [["Authorization", "nobody"]]}
    result = replayed(tmp_path, {"format": 1, "steps": [refused, unshare("${1.shareCode}")]})
    assert result.exit_code == 3
    sentence = "cannot be repeated: step 2 cannot be sent: ${1.shareCode} has no value here; step 1 got shareInfo/5032"
    assert sentence in result.output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "failure.json:1: is not JSON"),
        ("[]", "is not a saved failure or report of format 1"),
        ({"format": 2}, "is not a saved failure or report of format 1"),
        ({"format": 1}, "steps is not a list"),
        ({"format": 1, "steps": [{"operation": "shareInfo"}]}, "step 1: a request needs operation, method and path"),
        ({"format": 1, "steps": [SHARE | {"operation": "shareInf"}]}, "did you mean shareInfo?"),
        ({"format": 1, "steps": [SHARE | {"path": "http://evil.example/"}]}, "step 1: shareInfo is POST"),
        ({"format": 1, "steps": [SHARE, unshare("${2.shareCode}")]}, "step 2: ${2.shareCode} has no value here"),
        ({"format": 1, "steps": [unshare("${ALICE}")]}, "step 1: ${ALICE} has no value here; does the world file"),
        ({"format": 1, "steps": [unshare("${")]}, "step 1: "),
        ({"format": 1, "violations": []}, "this report has 0 violations"),
    ],
)
def test_a_file_that_is_no_failure_of_this_contract_is_a_sentence(tmp_path, data, message):
    result = replayed(tmp_path, data)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_failure_that_a_refusal_has_caused_is_replayed_with_the_refusal(tmp_path):
    """Without a reset, so that the history alone leads to it."""
    options = ["--world", WORLD, "--quiet", "--max-requests", 1500, "--failures", tmp_path, "--seed", 5]
    with wrong_servers.serving(wrong_servers.HALF) as base:
        assert run("fuzz", "--target", base, *options).exit_code == 1
    results = set()
    for file in tmp_path.iterdir():
        with wrong_servers.serving(wrong_servers.HALF) as base:
            results.add(run("replay", file, "--target", base, "--world", WORLD).output.partition(":")[0])
    assert "still fails" in results
    assert "passes now" not in results

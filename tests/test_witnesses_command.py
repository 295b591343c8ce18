"""`mockserver witnesses` with names, and what a shell completes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mockserver import running
from mockserver.cli.main import main

ROOT = Path(__file__).parent.parent


def _witnesses(*arguments):
    return CliRunner().invoke(main, ["witnesses", *arguments])


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_a_named_outcome_is_a_line_for_the_shell():
    with running() as mock:
        result = _witnesses("shareInfo/5135", "--base", mock.url)
        assert (result.exit_code, result.stdout.count("\n"), result.stderr) == (0, 1, "")
        done = subprocess.run(["sh", "-c", result.stdout], capture_output=True, text=True, timeout=30)
        assert json.loads(done.stdout)["code"] == 5135


def test_several_names_are_printed_each_with_its_request():
    result = _witnesses("shareInfo/5135", "deviceInfo/200", "shareInfo/5135")
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[::2]) == (0, ["shareInfo/5135", "deviceInfo/200"])
    assert all(line.startswith("  curl ") for line in lines[1::2])


def test_as_json_only_those_that_are_named():
    assert list(json.loads(_witnesses("shareInfo/5135", "--json").stdout)) == ["shareInfo/5135"]


def test_an_unknown_name_is_refused_with_the_nearest():
    result = _witnesses("shareInfo/5135", "shareinfo/5066")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the contract has no outcome shareinfo/5066 (did you mean shareInfo/5066?)" in result.stderr


def test_an_outcome_that_no_request_gets_is_exit_code_3_and_prints_nothing_to_run():
    result = _witnesses("shareByUid/5864")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("no request gets shareByUid/5864: ")


def _completed(program, module, line):
    """What bash completes at the end of a line, as click's script asks the program for it."""
    words = line.split(" ")
    environ = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), f"_{program.upper()}_COMPLETE": "bash_complete"}
    code = f"from {module} import main; main(prog_name='{program}')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.splitlines() if each]


@pytest.mark.parametrize(
    ("program", "module", "line", "expected"),
    [
        ("mockserver", "mockserver.cli.main", "mockserver ", {"serve", "witnesses", "new"}),
        ("mockserver", "mockserver.cli.main", "mockserver witnesses shareInfo/51", {"shareInfo/5106", "shareInfo/5135"}),
        ("contracts", "contracts.cli.main", "contracts ve", {"verify"}),
        ("contracts", "contracts.cli.main", "contracts verify --operation share", {"shareInfo", "shareDevice", "shareByUid"}),
    ],
)
def test_bash_completes_commands_and_names(program, module, line, expected):
    found = _completed(program, module, line)
    assert expected <= set(found) and all(each.startswith(line.split(" ")[-1]) for each in found)


def test_a_contract_that_is_none_completes_nothing():
    assert _completed("mockserver", "mockserver.cli.main", "mockserver witnesses --contract nowhere.yaml s") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_script_for_bash_is_one():
    code = "from mockserver.cli.main import main; main(prog_name='mockserver')"
    environ = os.environ | {"_MOCKSERVER_COMPLETE": "bash_source"}
    script = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30
    ).stdout
    check = subprocess.run(["bash", "-c", f"{script}\ncomplete -p mockserver"], capture_output=True, text=True, timeout=30)
    assert "_mockserver_completion mockserver" in check.stdout

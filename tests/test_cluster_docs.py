"""docs/cluster.md: its examples run against the mock, its YAML can be read, and its commands have the options that they use."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from contracts.cli.main import main
from mockserver import running

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "cluster.md").read_text()
[EXAMPLE] = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
JOB, MATRIX = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"contracts (?:fuzz|merge|worlds)(?: +(?!\|\|)(?:\"[^\"\n]*\"|\\\n *|[^\s`]+))+", TEXT)


def test_the_example_runs_and_finds_the_mock_clean(tmp_path):
    for name in ("openapi", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "contracts"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec {sys.executable} -m contracts "$@"\n')
    command.chmod(0o755)
    with running() as mock:
        environ = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "M": mock.url}
        script = EXAMPLE.replace("--for 8h", "--max-inputs 2")
        done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((tmp_path / name).stat().st_size > 10 for name in ("run.json", "corpus/corpus.jsonl"))


@pytest.mark.parametrize("text", COMMANDS, ids=lambda text: text[:40])
def test_a_command_has_the_options_that_it_uses(text):
    _, name, *words = shlex.split(text.replace("\\\n", " "))
    known = {option for each in main.commands[name].params for option in each.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used and used <= known


def test_there_are_all_commands():
    assert [each.split()[1] for each in COMMANDS].count("fuzz") >= 4
    assert [each.split()[1] for each in COMMANDS].count("merge") >= 2


def test_the_job_runs_each_shard_once():
    spec = JOB["spec"]
    [container] = spec["template"]["spec"]["containers"]
    script = container["args"][0]
    assert (JOB["kind"], spec["completionMode"]) == ("Job", "Indexed")
    assert spec["completions"] == spec["parallelism"] == 10
    assert '--shard "$n/10"' in script
    known = {each["name"] for each in spec["template"]["spec"]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == known


@pytest.mark.parametrize(("code", "passes"), [(0, 0), (1, 0), (3, 0), (2, 2)])
def test_the_job_repeats_a_shard_only_where_it_could_not_run(code, passes, tmp_path):
    script = JOB["spec"]["template"]["spec"]["containers"][0]["args"][0]
    command = tmp_path / "contracts"
    command.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\nexit {code}\n')
    command.chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "JOB_COMPLETION_INDEX": "2"}
    assert subprocess.run(["sh", "-c", script], env=environ).returncode == passes
    assert "--shard 3/10" in (tmp_path / "said").read_text()


def test_the_matrix_has_each_shard_and_one_verdict():
    shard, verdict = MATRIX["jobs"]["shard"], MATRIX["jobs"]["verdict"]
    numbers = shard["strategy"]["matrix"]["shard"]
    [command] = [step["run"] for step in shard["steps"] if step.get("run", "").startswith("contracts")]
    assert numbers == list(range(1, 11)) and f'--shard "$SHARD/{len(numbers)}"' in command
    assert verdict["needs"] == "shard" and verdict["steps"][-1]["run"].startswith("contracts merge")

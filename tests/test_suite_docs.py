"""docs/suite.md: its shell examples run against the mock, and its table of options equals the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from family_servers import FORGETFUL, WORLD, mutated, serving

from contracts.cli.main import main
from contracts.cli.profile import KEYS
from contracts.run.pool import read_pool
from mockserver import running

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "suite.md").read_text()
EXAMPLES = re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = ("verify", "fuzz", "replay")
LEFT = {
    "--html report.html": ("report.html", "report.xml"),
    "--corpus corpus ": ("corpus/corpus.jsonl",),
    '--shard "$shard/3"': (
        "corpus-3/corpus.jsonl",
        *(f"corpus-{number}/corpus.seed0-shard{number}of3.json" for number in (1, 2, 3)),
    ),
    "contracts merge": ("jobs.json", "jobs.html", "jobs/corpus.jsonl"),
    "contracts worlds": ("staging-worlds/pool.yaml", "staging-worlds/w3.yaml", "mock-worlds/pool.yaml"),
}
"""The files that an example writes, by a part of its text."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with links to the project's files, in which a run has saved a failure."""
    folder = tmp_path_factory.mktemp("suite")
    for name in ("openapi", "docs"):
        (folder / name).symlink_to(ROOT / name)
    with serving(mutated(FORGETFUL["new-end-forgotten"])) as base:
        options = ["--target", base, "--world", str(WORLD), "--max-requests", "60", "--failures", str(folder / "failures")]
        assert CliRunner().invoke(main, ["fuzz", *options]).exit_code == 1
    return folder


@pytest.fixture(scope="module")
def mock():
    with running() as mock:
        mock.create("fuzz-profile")
        yield mock.url


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: " ".join(re.findall(r"contracts \w+", text)))
def test_the_example_runs_and_finds_the_mock_clean(example, folder, mock):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shorter = {"30m": "3s", "contracts verify ": "contracts verify --operation userDeviceList --no-breadth --walks 2 "}
    script = re.sub("|".join(shorter), lambda match: shorter[match[0]], example)
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "M": mock},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "open-sesame" not in done.stdout + done.stderr
    left = [name for said, names in LEFT.items() if said in example for name in names]
    assert all((folder / name).stat().st_size > 10 for name in left)


def test_the_examples_say_what_they_leave():
    assert all(any(said in example for example in EXAMPLES) for said in LEFT)


def test_the_workflow_is_yaml_and_its_command_is_one():
    [block] = re.findall(r"^```yaml\n(jobs:.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    [job] = yaml.safe_load(block)["jobs"].values()
    [command] = [step["run"] for step in job["steps"] if step.get("run", "").startswith("contracts")]
    words = command.replace('"$SHARD/4"', "3/4").split()[2:]
    environ = {"STAGING_URL": "http://127.0.0.1:9", "GATEWAY_KEY": "k"}
    assert set(environ) < set(job["env"])
    result = CliRunner().invoke(main, ["fuzz", *words, "--retries", "0"], env=environ)
    assert "${STAGING_URL} does not answer" in result.output


def test_the_pool_is_one(tmp_path):
    [block] = re.findall(r"^```yaml\n(worlds:.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    (tmp_path / "pool.yaml").write_text(block)
    for name in ("w1.yaml", "w2.yaml"):
        (tmp_path / name).write_text("seed: 1\n")
    one, two = read_pool(tmp_path / "pool.yaml")
    assert (one.headers, two.target) == (("X-Gateway-Key: ${GATEWAY_KEY}",), "http://127.0.0.1:4010/worlds/w2")


def rows():
    """Each option of the table: name, key, commands, default."""
    for line in re.findall(r"^\| `--.*$", TEXT, re.MULTILINE):
        names, key, commands, default, _ = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"`(--[a-z-]+)", names):
            yield name, key.strip("`"), set(commands.split(", ")), default


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_has_every_option_with_its_default_and_no_other(command):
    options = {each.opts[0]: each for each in main.commands[command].params if each.param_type_name == "option"}
    documented = {name: default for name, _, commands, default in rows() if command in commands}
    assert set(documented) == set(options)
    for name, default in documented.items():
        actual = options[name].default
        if options[name].is_flag:
            assert default == ("on" if actual is True else "off"), name
        elif isinstance(actual, (int, str)):
            assert default.removesuffix(f" for {command}") == str(actual), name
        else:
            assert default in ("", "device sharing") or " for " in default, name


def test_the_table_has_the_keys_of_a_profile():
    assert {key: name for name, key, _, _ in rows() if key} == KEYS

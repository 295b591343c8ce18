"""Container, compose file, systemd unit and docs/deploy.md: what can be checked without running containers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from contracts.cli.main import main as contracts
from mockserver.cli.main import main, serve

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "deploy.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VARIABLES = {each.envvar for each in serve.params if each.envvar}
OPTIONS = {name for each in serve.params for name in (*each.opts, *each.secondary_opts)}
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def _instructions():
    """The instructions of the Containerfile, each with its words in one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def _last(name):
    return [words for each, words in _instructions() if each == name][-1]


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_the_container_runs_the_mock_without_rights_and_only_with_a_token():
    assert {name for name, _ in _instructions()} == INSTRUCTIONS
    assert _last("USER").isdecimal() and _last("USER") != "0"
    program, command = json.loads(_last("ENTRYPOINT")), json.loads(_last("CMD"))
    assert program[0] in PROJECT["scripts"] and command[0] in main.commands
    environ = dict(each.split("=", 1) for each in shlex.split(_last("ENV")))
    assert environ.pop("PATH").startswith("/opt/mock/bin:")
    assert environ.keys() <= VARIABLES and environ["MOCKSERVER_HOST"] == "0.0.0.0"
    assert "token" not in (ROOT / "Containerfile").read_text().split("\nFROM", 1)[1].lower()


def test_the_health_check_of_the_container_is_a_program_that_asks_the_mock():
    words = json.loads(_last("HEALTHCHECK").partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "HEALTHCHECK", "exec")
    assert "http://127.0.0.1:4010/_mock/health" in words[2] and _last("EXPOSE") == "4010"


def test_the_container_installs_an_extra_that_exists():
    [install] = [words for name, words in _instructions() if name == "RUN" and " install " in words]
    assert re.search(r"'\.\[(\w+)\]'", install)[1] in PROJECT["optional-dependencies"]


def test_compose_runs_the_mock_with_options_that_exist(services):
    mock = services["mock"]
    assert (ROOT / mock["build"]["dockerfile"]).is_file()
    command, *words = mock["command"]
    assert command in main.commands
    assert {word for word in words if word.startswith("--")} <= OPTIONS
    assert mock["environment"].keys() <= VARIABLES
    assert mock["depends_on"]["database"]["condition"] == "service_healthy"


def test_compose_has_no_secret_in_it_and_opens_no_port_to_other_machines(services):
    secrets = [services["mock"]["environment"][f"MOCKSERVER_{name}"] for name in ("TOKEN", "STORE")]
    secrets.append(services["database"]["environment"]["POSTGRES_PASSWORD"])
    assert all(re.search(r"\$\{\w+:\?[^}]+\}", each) for each in secrets)
    assert all(each.startswith("127.0.0.1:") for each in services["mock"]["ports"])
    assert "ports" not in services["database"]


def test_the_database_of_compose_is_kept_and_checked(services):
    database = services["database"]
    [volume] = database["volumes"]
    assert volume.partition(":")[0] in yaml.safe_load((ROOT / "compose.yaml").read_text())["volumes"]
    assert database["healthcheck"]["test"][1] == "pg_isready"
    user, name = (database["environment"][f"POSTGRES_{each}"] for each in ("USER", "DB"))
    assert re.fullmatch(rf"postgresql://{user}:\$\{{.*\}}@database/{name}", services["mock"]["environment"]["MOCKSERVER_STORE"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    text = (ROOT / "deploy" / "mockserver.service").read_text()
    program = re.search(r"^ExecStart=(\S+) (\S+)$", text, re.MULTILINE)
    assert program[2] in main.commands
    unit = tmp_path / "mockserver.service"
    unit.write_text(text.replace(program[1], "/bin/true"))  # the program is not installed there
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_document_names_variables_and_options_that_exist():
    assert set(re.findall(r"MOCKSERVER_[A-Z_]+", TEXT)) - {"MOCKSERVER_COMPLETE"} <= VARIABLES
    known = OPTIONS | {
        name for each in (*main.commands.values(), *contracts.commands.values()) for p in each.params for name in p.opts
    }
    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= known


def test_the_document_names_files_that_exist():
    for name in ("Containerfile", "compose.yaml", "deploy/mockserver.service"):
        assert f"`{name}`" in TEXT and (ROOT / name).is_file()

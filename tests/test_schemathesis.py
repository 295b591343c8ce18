"""`schemathesis run` with our hooks: it reports a wrong server, and does not report a correct one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from family_servers import FILE, WORLD, Change, mutated, serving

import openapi

ROOT = Path(__file__).parent.parent
COMMAND = re.search(r"```sh\n(.*?)```", (ROOT / "docs" / "schemathesis.md").read_text(), re.DOTALL)[1]
UNVERIFIED = Change("shareInfo", "'!device.verified'", "'device.owner == \"nobody\"'")


def run(contract, tmp_path, world=str(WORLD)):
    with serving(contract) as base:
        command = COMMAND.replace("https://staging.example", base).replace("staging.yaml", world)
        command = command.replace("openapi/device-sharing.yaml", str(FILE))
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        return subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300)


def test_a_right_server_passes_every_phase(tmp_path):
    result = run(openapi.load(), tmp_path)
    assert result.returncode == 0, result.stdout
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in result.stdout
    assert int(re.search(r"API Links: +(\d+) covered", result.stdout)[1]) > 0


def test_a_wrong_server_is_caught_by_our_check(tmp_path):
    result = run(mutated(UNVERIFIED), tmp_path)
    assert result.returncode == 1, result.stdout
    assert "Custom check failed: `outcome`" in result.stdout
    assert "shareInfo/5360 - when: !device.verified" in result.stdout


def test_without_a_world_it_says_what_is_missing(tmp_path):
    result = run(openapi.load(), tmp_path, world="nowhere.yaml")
    assert result.returncode != 0
    assert "nowhere.yaml:1: cannot be read" in result.stdout + result.stderr

"""Runs the shell steps of docs/ci.md against the mock, in an environment of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from family_servers import serving

import openapi

ROOT = Path(__file__).parent.parent
GITHUB, GITLAB = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
)
STEPS = {
    "github": [step["run"] for step in GITHUB["jobs"]["staging"]["steps"] if "run" in step],
    "gitlab": GITLAB["contract"]["script"],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with a copy of the project and a virtual environment that has what is locked, but not the project."""
    folder = tmp_path_factory.mktemp("ci")
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(lambda name: (ROOT / name).exists(), files.stdout.splitlines()):  # deleted files are listed too
        target = folder / "project" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib"))
    return folder


@pytest.mark.parametrize("service", ["github", pytest.param("gitlab", marks=pytest.mark.thorough)])
def test_the_steps_run_and_leave_the_reports(service, checkout):
    with serving(openapi.load()) as base:
        path = f"{checkout / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "TARGET": base, "WORLD": "openapi/worlds/demo.yaml"}
        environ.pop("PYTHONPATH", None)
        for step in STEPS[service]:
            done = subprocess.run(
                ["sh", "-e", "-c", step], cwd=checkout / "project", env=environ, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
    for name in ("report.xml", "report.json", "report.html"):
        report = checkout / "project" / name
        assert report.stat().st_size > 1000
        report.unlink()

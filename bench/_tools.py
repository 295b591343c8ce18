"""Tools that only the comparison needs: downloaded into a separate cache, or reported as missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "contract-mock-bench"
PACKAGES = {"prism": "@stoplight/prism-cli@5.16.0", "wiremock": "wiremock@3.13.2", "mockoon-cli": "@mockoon/cli@9.9.0"}
WRK = ("wrk", "libluajit-5.1-2", "libluajit-5.1-common")


class Missing(Exception):
    """A tool is not available; the text says why."""


def wrk() -> tuple[list[str], dict[str, str]]:
    """The command of the load generator and its environment. Raises Missing."""
    if found := shutil.which("wrk"):
        return [found], {}
    root = CACHE / "wrk"
    program = root / "usr/bin/wrk"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", *WRK], root, "wrk: install it, it is in every distribution's packages")
        for package in root.glob("*.deb"):
            _run(["dpkg", "-x", package.name, "."], root, "wrk: its package cannot be unpacked")
    return [str(program)], {"LD_LIBRARY_PATH": ":".join(map(str, root.glob("usr/lib/*")))}


def node(name: str) -> list[str]:
    """The command of a peer that comes from npm. Raises Missing."""
    if name == "wiremock" and shutil.which("java") is None:
        raise Missing("wiremock: needs Java")
    if shutil.which("npm") is None:
        raise Missing(f"{name}: needs Node and npm")
    folder = CACHE / "npm" / name
    program = folder / "node_modules/.bin" / name
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(
            ["npm", "install", "--no-audit", "--no-fund", PACKAGES[name]], folder, f"{name}: npm cannot install {PACKAGES[name]}"
        )
    return [str(program)]


def from_pypi(name: str) -> str:
    """The folder of a package that is installed for the comparison alone. Raises Missing."""
    folder = CACHE / "pypi" / name
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), name]
        _run(command, Path.cwd(), f"{name}: pip cannot install it")
    return str(folder)


def _run(command: list[str], folder: Path, failure: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{failure} ({command[0]}: {error})") from error

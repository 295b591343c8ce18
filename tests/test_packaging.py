"""The distribution: its files and dependencies; the mock runs with only what `pip install contract-mock` installs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import contracts
import contracts.cli.main
import mockserver.cli.main
import openapi

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
VERSION = PROJECT["project"]["version"]
LOCK = (ROOT / "requirements.lock").read_text()
PACKAGES = ("openapi", "mockserver", "contracts")
HOMES = {module: {canonicalize_name(name) for name in names} for module, names in metadata.packages_distributions().items()}
EXAMPLE = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]

ONLY = """
import sys
from importlib.abc import MetaPathFinder

class Finder(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Finder())
"""


def closure(requirements):
    """The distributions that these requirements install on this platform, by canonical name."""
    found, open_ones = set(), [Requirement(each) for each in requirements]
    while open_ones:
        each = open_ones.pop()
        name = canonicalize_name(each.name)
        if name in found or (each.marker and not each.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        open_ones += [Requirement(line) for line in metadata.requires(name) or ()]
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [source] = folder.glob("*.tar.gz")
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run(wheel, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Runs a command with only the wheel and what some requirements install."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([*install, str(built[1])], check=True, capture_output=True)

    def run(*command, requirements=BASE):
        there = closure(requirements)
        hidden = {module for module, names in HOMES.items() if not names & there} - set(PACKAGES)
        (folder / "sitecustomize.py").write_text(ONLY.format(hidden=sorted(hidden)))
        path = os.pathsep.join(map(str, (folder, folder / "site")))
        environ = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run([sys.executable, *command], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)

    run.folder = folder
    return run


def test_the_wheel_holds_the_packages_with_their_data_and_nothing_else(built):
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(ZipFile(built[1]).namelist())
    about = f"contract_mock-{VERSION}.dist-info/"
    assert {name for name in names if not name.startswith(about)} == expected
    assert {name.removeprefix(about) for name in names - expected} == {
        *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    data = {
        "openapi/worlds/demo.yaml",
        "openapi/vocabulary.json",
        "contracts/report/report.html.j2",
        "mockserver/console/assets/index.html",
    }
    assert data | {f"{package}/py.typed" for package in PACKAGES} < names


def test_the_source_distribution_holds_what_the_tests_need_and_nothing_stray(built):
    with tarfile.open(built[0]) as source:
        names = {name.split("/", 1)[1] for name in source.getnames()}
    assert {"tests/test_packaging.py", "docs/ci.md", "requirements.lock", "Makefile", "README.md", "LICENSE"} < names
    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if name.startswith(".")} <= {".gitignore"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".whl"))]


def test_the_mock_runs_without_the_suite(installed):
    code = (
        "import sys, mockserver, openapi\n"
        "with mockserver.running() as mock:\n"
        "    print(sorted(mock.create().state()), openapi.__file__)\n"
        "print('hypothesis' in sys.modules)\n"
    )
    done = installed("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['devices', 'sessions', 'shares', 'users']")
    assert str(installed.folder) in done.stdout  # and not the checkout
    assert installed("-m", "mockserver", "--version").stdout == f"mockserver, version {VERSION}\n"


def test_the_library_example_runs_from_another_folder(installed):
    done = installed("-c", EXAMPLE)
    assert done.stdout.startswith("shareInfo/5066 shareInfo/5066: missing: pk holds"), done.stderr


def test_the_pytest_plugin_works_without_the_suite(installed):
    (installed.folder / "test_it.py").write_text("def test_it(mock_server):\n    assert mock_server.state()\n")
    run = ("-m", "pytest", "-q", "-p", "mockserver.pytest_plugin", "test_it.py")
    done = installed(*run, requirements=[*BASE, "pytest"])
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("-m", "contracts"), ("site/bin/contracts",)], ids=["module", "script"])
def test_the_suite_without_its_extra_is_one_sentence(installed, command):
    done = installed(*command, "verify", "--target", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert re.fullmatch(r"contracts needs the extra: pip install 'contract-mock\[suite\]' \(\w+ is not installed\)", line)


def test_the_suite_runs_with_its_extra(installed):
    done = installed("-m", "contracts", "lint", str(ROOT / "openapi" / "library.yaml"), requirements=[*BASE, *EXTRAS["suite"]])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["mockserver", "contracts"])
def test_a_command_tells_its_version(name):
    main = {"mockserver": mockserver, "contracts": contracts}[name].cli.main.main
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"{name}, version {VERSION}\n")


def test_the_library_of_the_suite_loads_what_is_asked_for():
    assert all(callable(getattr(contracts, name)) for name in contracts.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = contracts.nothing


def test_the_demo_world_is_a_file_of_the_package():
    assert openapi.demo_world() == Path(openapi.__file__).parent / "worlds" / "demo.yaml"
    assert openapi.demo_world().is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_is_declared(package):
    imported = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    imported -= {*sys.stdlib_module_names, *PACKAGES, "pytest"}  # the plugin is loaded by pytest
    needed = {name for module in imported for name in HOMES[module]}
    extras = {"contracts": ("suite", "cluster", "load"), "mockserver": ("store",)}.get(package, ())
    asked = [*BASE, *(each for extra in extras for each in EXTRAS[extra])]
    declared = {canonicalize_name(Requirement(each).name) for each in asked}
    assert needed <= declared


def test_the_lock_pins_by_hash_what_the_extras_and_the_build_ask_for():
    entries = re.findall(
        r"^([a-z0-9-]+)==(\S+?)(?: ; [^\n\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", LOCK, re.MULTILINE
    )
    locked = {name: version for name, version, _ in entries}
    assert len(entries) == len(re.findall(r"^[^\s#]", LOCK, re.MULTILINE))
    for each in (*BASE, *(one for extra in EXTRAS.values() for one in extra), *PROJECT["build-system"]["requires"]):
        asked = Requirement(each)
        if asked.name != "contract-mock":
            assert locked[canonicalize_name(asked.name)] in asked.specifier, each
    assert closure([*BASE, *EXTRAS["suite"], *EXTRAS["dev"][1:]]) <= set(locked)


def test_the_lock_names_no_index_and_no_machine():
    assert not re.search(r"://|^-|--index|--find-links|/\w+/", LOCK, re.MULTILINE)


def test_the_build_backend_is_one_version():
    [backend] = PROJECT["build-system"]["requires"]
    assert "==" in backend and backend in EXTRAS["dev"]

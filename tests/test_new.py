"""`mockserver new`: what it writes can be linted, served and verified, and it replaces nothing."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import openapi
from contracts.cli.main import main as contracts
from mockserver import running
from mockserver.cli.main import main
from mockserver.cli.new import FILES


@pytest.fixture
def folder(tmp_path):
    result = CliRunner().invoke(main, ["new", str(tmp_path / "shop")])
    assert (result.exit_code, result.stderr) == (0, "")
    return tmp_path / "shop"


def test_what_it_writes_is_named_and_has_no_problems(folder):
    result = CliRunner().invoke(contracts, ["lint", str(folder / "contract.yaml")])
    assert (result.exit_code, "no problems in 3 operations" in result.output, "note:" in result.output) == (0, True, False)
    assert openapi.load(folder / "contract.yaml").title == "shop"
    assert (folder / "README.md").read_text().startswith("# shop\n")
    assert "'${NAME}'" in (folder / "world.yaml").read_text()


def test_a_mock_of_it_is_verified_with_every_outcome(folder):
    files = ["--contract", str(folder / "contract.yaml"), "--world", str(folder / "world.yaml")]
    with running(*(folder / name for name in FILES[:2])) as mock:
        result = CliRunner().invoke(contracts, ["verify", "--target", mock.url, *files, "--no-breadth", "--walks", "2"])
    assert result.exit_code == 0, result.output
    outcomes = sum(len(each.outcomes) for each in openapi.load(files[1]).operations.values())
    assert f"{outcomes} of {outcomes} documented outcomes verified, 0 violations" in result.output


def test_its_readme_has_commands_that_exist(folder):
    lines = (folder / "README.md").read_text().split("```sh\n")[1].split("```")[0].splitlines()
    assert [line.split()[:2] for line in lines] == [["contracts", "lint"], ["mockserver", "serve"], ["contracts", "verify"]]
    for line in lines:
        program, command, *words = line.split()
        options = {
            name for each in {"mockserver": main, "contracts": contracts}[program].commands[command].params for name in each.opts
        }
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("there", FILES)
def test_it_replaces_nothing_and_writes_nothing_then(tmp_path, there):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / there).write_text("mine")
    result = CliRunner().invoke(main, ["new", str(tmp_path / "shop")])
    assert (result.exit_code, f"{there} exists, and nothing is replaced" in result.stderr) == (2, True)
    assert [(each.name, each.read_text()) for each in (tmp_path / "shop").iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("name", ["a: b", "1st", "x" * 65, "über", "a\nb", "{a}"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    result = CliRunner().invoke(main, ["new", str(tmp_path / name)])
    assert (result.exit_code, "is no name of an API" in result.stderr, list(tmp_path.iterdir())) == (2, True, [])


def test_a_directory_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(main, ["new", str(tmp_path / "file" / "shop")])
    assert (result.exit_code, "cannot write into" in result.stderr, "Traceback" in result.output) == (2, True, False)

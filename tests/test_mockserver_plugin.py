"""The pytest plugin and the context manager, with the examples of docs/mock.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import openapi
from mockserver import running

pytest_plugins = ["pytester"]
DOCUMENTATION = (Path(__file__).parent.parent / "docs" / "mock.md").read_text()


def _example(title):
    return re.search(rf"<!-- {title} -->\n```python\n(.*?)```", DOCUMENTATION, re.DOTALL)[1]


def test_the_documented_tests_pass_with_the_plugin(pytester):
    pytester.makepyfile(_example("pytest"))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=_example("pytest").count("def test_"))


def test_they_pass_under_xdist_too(pytester):
    pytester.makepyfile(_example("pytest") + MANY)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2")
    result.assert_outcomes(passed=_example("pytest").count("def test_") + 40)


MANY = """

import pytest

@pytest.mark.parametrize("number", range(40))
def test_a_world_is_fresh(mock_server, number):
    assert mock_server.journal.entries() == []
    mock_server.clock.set(number)
    assert share(mock_server)["code"] == 200
    mock_server.journal.verify("shareInfo", 200, exactly=1)
"""


def test_a_failed_expectation_is_a_failed_test_with_its_sentence(pytester):
    pytester.makepyfile("def test_nothing(mock_server):\n    mock_server.journal.verify('shareInfo', 200, exactly=2)\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: shareInfo 200: 0 matched, exactly 2 expected*"])


def test_a_contract_and_a_world_are_chosen_by_option_and_by_configuration(pytester):
    pytester.makefile(".yaml", pets="openapi: 3.1.0\ninfo: {title: P, version: '1'}\npaths: {/pets: {get: {responses: {}}}}\n")
    pytester.makepyfile("import requests\ndef test_pets(mock_server):\n    assert requests.get(mock_server.url + '/pets').ok\n")
    pytester.runpytest_subprocess("--mock-contract", "pets.yaml").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nmock_contract = pets.yaml\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("file", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_sentence(pytester, file):
    pytester.makepyfile("def test_a(mock_server): pass\ndef test_b(mock_server): pass\n")
    result = pytester.runpytest_subprocess("--mock-contract", file)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"mock_server: {file}:1: cannot be read: *"])
    result.stdout.no_fnmatch_line("*.py:[0-9]*")
    result.stdout.no_fnmatch_line("During handling*")
    with pytest.raises(openapi.InvalidDocument, match="cannot be read"), running(file):
        pass


def test_the_documented_block_runs_without_pytest(capsys):
    exec(compile(_example("with"), "docs/mock.md", "exec"), {})
    assert capsys.readouterr().out == "5134\n200\n"


def test_the_block_ends_the_mock():
    import requests

    with running() as mock:
        assert requests.get(f"{mock.url}/_mock/health", timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{mock.url}/_mock/health", timeout=5)

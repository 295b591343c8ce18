"""`python -m bench catches`: it counts the wrong servers that the suite catches, and reports no correct server."""

from __future__ import annotations

from click.testing import CliRunner

from bench.__main__ import main


def test_a_wrong_server_is_caught_and_a_right_one_is_not_accused():
    result = CliRunner().invoke(main, ["catches", "--no-plain", "--only", "pk-and-dk-swapped", "--only", "correct-times-first"])
    assert result.exit_code == 0, result.output
    wrong, right, *totals = result.output.splitlines()
    assert wrong.startswith("pk-and-dk-swapped ") and "shareInfo/5066 - missing: pk" in wrong
    assert right.startswith("correct-times-first ") and "0 violations in 1 seeds" in right
    assert totals[0].startswith("1 wrong servers, caught by: suite 1, suite, by the right row 1")
    assert totals[1].startswith("1 right servers, accused by: suite 0")

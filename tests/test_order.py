"""`contracts order`: the order of a server is inferred, written as a patch, and then demanded without a complaint."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from family_servers import serving as serving_contract
from wrong_servers import CONTRACT, WORLD, serving

import openapi
from contracts import Manners, Plan, Target, examine
from contracts._cli import main

ORDERS = ["correct-reversed-order", "correct-times-first", "correct-order-of-codes", "correct-device-first"]


def strict(contract, base, most_requests=1500):
    """The violations of a server of which the order of the table is demanded."""
    contract = contract.only("shareInfo")
    world = openapi.load_world(WORLD, contract, time.time_ns() // 1_000_000, {})
    plan = Plan(breadth=False, walks=3, strict_order=True)
    return examine(contract, world, Target(base, Manners(most_requests=most_requests)), plan).found("violation")


def order(folder, base, *options, contract="contract.yaml", world=WORLD):
    """The result of the command in a folder that holds the contract."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(main, ["order", "--target", base, "--world", str(world), "--contract", contract, *options])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "contract.yaml").write_bytes(Path(CONTRACT.file).read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_a_server_becomes_a_patch_with_which_it_is_clean(name, folder):
    with serving(name) as base:
        result = order(folder, base, "--operation", "shareInfo")
        assert result.exit_code == 0, result.output
        subprocess.run(["patch", "-p0"], cwd=folder, input=result.output, text=True, check=True, capture_output=True)
        file = str(folder / "contract.yaml")
        assert "no problems in 10 operations" in CliRunner().invoke(main, ["lint", file]).output
        assert "No row has to move" in order(folder, base, "--operation", "shareInfo").output
        assert strict(openapi.load(file), base) == []
    with serving(name) as base:
        assert strict(CONTRACT, base)

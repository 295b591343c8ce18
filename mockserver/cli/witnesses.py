"""`mockserver witnesses`: for each outcome, or for those that are named, the simplest request that gets it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

import openapi
from mockserver.cli.completion import outcomes
from mockserver.cli.loading import fail, mock_of
from mockserver.cli.options import CONFIG, CONTRACT, WORLD
from mockserver.serving.witnesses import witnesses as find_witnesses
from mockserver.worlds.worlds import Bounds

UNREACHABLE = 3
"""The exit code where no request gets an outcome that is named."""


@click.command()
@click.argument("names", nargs=-1, metavar="[OPERATION/CODE]...", shell_complete=outcomes)
@CONFIG
@CONTRACT
@WORLD
@click.option("--base", default="http://127.0.0.1:4010", show_default=True, metavar="URL", help="Where the mock is.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, each with its request.")
def witnesses(names: tuple[str, ...], contract: str | None, world: str | None, base: str, as_json: bool) -> None:
    """Prints for each outcome the simplest request that gets it.

    With names of outcomes, such as getThing/404, prints only those, and the curl line alone where there is one name. Ends with
    exit code 3 where no request gets one of them; the reason is on standard error.
    """
    mock = mock_of(contract, world, Bounds())
    wanted = _known(names, mock.contract)
    live = mock.worlds.default
    asked = mock.contract.only(*dict.fromkeys(_operation(each) for each in wanted)) if names else mock.contract
    found = find_witnesses(asked, live.state, live.now(), base.rstrip("/"), live.secrets)
    _print({outcome: found[outcome] for outcome in wanted} if names else found, as_json, named=bool(names))


def _known(names: tuple[str, ...], contract: openapi.Contract) -> list[str]:
    """The outcomes that are named, each once. Ends the command for a name that the contract does not have."""
    known = {outcome for operation in contract.operations.values() for outcome in operation.outcomes}
    for name in names:
        if name not in known:
            fail(f"the contract has no outcome {name} ({openapi.nearest(name, known)})")
    return list(dict.fromkeys(names))


def _operation(outcome: str) -> str:
    return outcome.rpartition("/")[0]


def _print(found: Mapping[str, dict[str, Any]], as_json: bool, named: bool) -> None:
    """Prints witnesses. Of those that are named, standard output has only what can be sent."""
    unreachable = {outcome: each["unreachable"] for outcome, each in found.items() if "unreachable" in each} if named else {}
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    for outcome, each in found.items() if not as_json else ():
        if outcome not in unreachable:
            text = each.get("curl") or each["unreachable"]
            click.echo(text if named and len(found) == 1 else f"{outcome}\n  {text}")
    for outcome, reason in unreachable.items():
        click.echo(f"no request gets {outcome}: {reason}", err=True)
    if unreachable:
        sys.exit(UNREACHABLE)

"""`contracts diff`: compares two contracts and says which changes break clients or servers. It sends nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

import openapi
from contracts.cli.unusable import Unusable
from contracts.difference.answers import Worlds
from contracts.difference.change import CLIENTS, SERVERS, Change
from contracts.difference.comparison import compare
from contracts.difference.side import Side, load_side
from contracts.http.wire import printable, request_for

FORMAT = 1
"""The version of the JSON report. It increases with each incompatible change."""
BOTH = "both"
BASE = "http://server.invalid"
"""Stands for the address of a server, which is printed as `${URL}`."""
MOST_NAMES = 3
_COLOURS = {CLIENTS: "red", SERVERS: "magenta"}
Secrets = Mapping[str, str]


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--world", "world_file", metavar="FILE", help="YAML file with data: requests are compared in this world.")
@click.option(
    "--side",
    type=click.Choice([CLIENTS, SERVERS, BOTH]),
    default=BOTH,
    show_default=True,
    help="Whose breaking changes give exit code 1.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write a JSON report.")
def diff(old: str, new: str, world_file: str | None, side: str, json_file: str | None) -> None:
    """Compares the contract NEW with OLD and prints each change, and whom it breaks.

    Exit codes: 0 no breaking change, 1 at least one, 2 unusable input.
    """
    if json_file and not Path(json_file).absolute().parent.is_dir():
        raise Unusable(f"{json_file} cannot be written: its folder does not exist")
    try:
        before, after = load_side(old), load_side(new)
        worlds, secrets, note = _worlds(before, after, world_file)
        changes = compare(before, after, worlds)
    except openapi.InvalidDocument as error:
        raise Unusable("\n".join(_line(str(each), {}) for each in error.problems)) from None
    breaking = any(each.breaks & ({CLIENTS, SERVERS} if side == BOTH else {side}) for each in changes)
    _print(changes, secrets, note)
    if json_file:
        _write(
            json_file,
            {
                "format": FORMAT,
                "old": _line(old, {}),
                "new": _line(new, {}),
                "exit_code": int(breaking),
                **_as_data(changes, secrets),
            },
        )
    sys.exit(int(breaking))


def _worlds(old: Side, new: Side, file: str | None) -> tuple[Worlds, Secrets, str]:
    """The world as both contracts have it, its secrets, and a note. Raises WorldError if it fits neither of them.

    A contract may need a column that a world for the other one cannot have. Then the world is an empty one.
    """
    now, worlds = time.time_ns() // 1_000_000, list[openapi.World]()
    errors: list[openapi.WorldError] = []
    for each in (old, new) if file else ():
        try:
            worlds.append(openapi.load_world(str(file), each.contract, now, os.environ))
        except openapi.WorldError as error:
            errors.append(error)
    if len(errors) == 2:
        raise errors[1]
    if len(worlds) == 2:
        return Worlds(worlds[0].state, worlds[1].state, worlds[1].now, True), worlds[1].secrets, ""
    note = f"note: requests are compared in an empty world, because one contract says: {errors[0].problems[0]}" if errors else ""
    states = [openapi.State.empty(each.contract.tables.values()) for each in (old, new)]
    return Worlds(states[0], states[1], now, False), {}, note


def _print(changes: Sequence[Change], secrets: Secrets, note: str) -> None:
    console = Console(highlight=False)

    def write(text: Text) -> None:
        console.print(text, soft_wrap=True)

    for at, each in enumerate(changes):
        if at and each.operations != changes[at - 1].operations:
            write(Text(""))
        colour = next((_COLOURS[one] for one in (CLIENTS, SERVERS) if one in each.breaks), "green")
        what = f": {each.place.file}:{each.place.line}: {_names(each.operations)}: {each.what}"
        write(Text.assemble((each.kind, colour), _line(what, secrets)))
        if each.example is not None:
            write(Text(f"    {_line(f'{each.example.sentence}: {_curl(each, secrets)}', {})}"))
    if changes:
        counts = [sum(one in each.breaks for each in changes) for one in (CLIENTS, SERVERS)]
        compatible = sum(not each.breaks for each in changes)
        many = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
        write(Text(f"\n{many}: {counts[0]} breaking for clients, {counts[1]} breaking for servers, {compatible} compatible"))
    if note:
        click.echo(_line(note, {}), err=True)


def _names(operations: Sequence[str]) -> str:
    more = len(operations) - MOST_NAMES
    return ", ".join(operations[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "") or "document"


def _line(text: str, secrets: Secrets) -> str:
    """One line of text for reports: secrets are redacted, control characters are escaped."""
    return printable(text, secrets).replace("\n", "\\n").replace("\t", "\\t")


def _curl(change: Change, secrets: Secrets) -> str:
    """The request of the example of a change."""
    assert change.example is not None
    request = request_for(change.example.operation, change.example.raw)
    return request.curl(BASE, {**secrets, BASE: "${URL}"}, {})


def _as_data(changes: Sequence[Change], secrets: Secrets) -> dict[str, Any]:
    """The changes as plain data."""
    found = []
    for each in changes:
        data: dict[str, Any] = {
            "kind": each.kind,
            "breaks": [one for one in (CLIENTS, SERVERS) if one in each.breaks],
            "file": _line(each.place.file, {}),
            "line": each.place.line,
            "in": "old" if each.place.gone else "new",
            "operations": [_line(name, {}) for name in each.operations],
            "what": _line(each.what, secrets),
        }
        if each.example is not None:
            example = each.example
            data["example"] = {
                "sentence": _line(example.sentence, {}),
                "curl": _line(_curl(each, secrets), {}),
                "before": list(example.before),
                "after": list(example.after),
            }
        found.append(data)
    return {"changes": found}


def _write(file: str, data: dict[str, Any]) -> None:
    try:
        Path(file).write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Unusable(f"the report cannot be written: {error}") from None

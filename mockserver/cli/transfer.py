"""`mockserver export` and `mockserver import`: the worlds of a store as files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

import openapi
from mockserver.cli.loading import fail, mock_of
from mockserver.cli.options import CONFIG, CONTRACT, STORE, WORLD
from mockserver.control.arguments import control_plane
from mockserver.worlds.world import NoRoom, NotStored, StoreProblem
from mockserver.worlds.worlds import Bounds, NameTaken

if TYPE_CHECKING:
    from mockserver.store.worlds import StoredWorlds


@click.command("export")
@CONFIG
@CONTRACT
@WORLD
@STORE
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write there; default: print it.")
@click.argument("name")
def export_world(contract: str | None, world: str | None, store: str | None, output: Path | None, name: str) -> None:
    """Writes the world NAME of a store as JSON, with its snapshots and faults, and with its secrets."""
    worlds = _stored(contract, world, store)
    from mockserver.store.transfer import exported

    try:
        found = worlds.get(name)
        if found is None:
            fail(f"the store has no world {name} ({openapi.nearest(name, [each.name for each in worlds.all()])})")
        text = exported(found)
    except NotStored as error:
        fail(str(error))
    if output is None:
        sys.stdout.buffer.write(text)
        return
    try:
        with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(text)
    except OSError as error:
        fail(f"{output} cannot be written: {error.strerror}; choose another --output")


@click.command("import")
@CONFIG
@CONTRACT
@WORLD
@STORE
@click.option("--replace", is_flag=True, help="Put it in place of a world that exists.")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
def import_world(contract: str | None, world: str | None, store: str | None, replace: bool, name: str, file: Path) -> None:
    """Puts a FILE that `export` wrote into a store, as the world NAME."""
    worlds = _stored(contract, world, store)
    from mockserver.store.transfer import LARGEST, imported

    try:
        with open(file, "rb") as stream:
            text = stream.read(LARGEST + 1)
    except OSError as error:
        fail(f"{file}:1: cannot be read: {error.strerror}")
    if len(text) > LARGEST:
        fail(f"{file}:1: is larger than {LARGEST // 1024 // 1024} MiB")
    parameter = next(each for each in control_plane().operations["createWorld"].parameters if each.name == "name")
    if isinstance(parameter.read(name), openapi.Absence):
        fail(f"{name!r} is no name of a world; it has to match {parameter.schema['pattern']}")
    try:
        origin, saved, snapshots = imported(text, str(file), worlds.contract, worlds.origin, worlds.bounds.rows)
        found = worlds.get(name)
        if found is None:
            worlds.begin(name, origin, saved, snapshots)
        elif replace:
            found.put_everything(saved, snapshots)
        else:
            fail(f"there is a world {name} already; choose another name, or --replace it")
    except (StoreProblem, NotStored, NoRoom, NameTaken) as error:
        fail(str(error))


def _stored(contract: str | None, world: str | None, store: str | None) -> StoredWorlds:
    if store is None:
        fail("a world is exported from a store and imported into one; name it with --store URL")
    worlds = mock_of(contract, world, Bounds(idle=0), store).worlds
    return cast("StoredWorlds", worlds)

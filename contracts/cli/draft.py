"""`contracts import`: drafts a contract from pages of an API."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

import openapi
from contracts.cli.unusable import Unusable
from contracts.draft.contract import Draft, draft
from contracts.draft.reader import read_page

MOST_PAGES = 500


@click.command("import")
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option("-o", "--output", metavar="FILE", help="Write the contract here, and its world beside it; default: print it.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def import_(pages: tuple[str, ...], output: str | None, force: bool) -> None:
    """Drafts a contract from pages: Markdown, Swagger 2, OpenAPI 3, Postman collections, HAR files.

    What was guessed is marked as assumed; `contracts lint` lists what a person must decide.
    """
    if len(pages) > MOST_PAGES:
        raise Unusable(f"{len(pages)} pages are too many (name at most {MOST_PAGES})")
    targets = _targets(output, force) if output else ()
    try:
        found = draft([read_page(each) for each in pages])
        contract = _loaded(found, pages[0])
    except openapi.InvalidDocument as error:
        raise Unusable(str(error.problems[0])) from None
    if not targets:
        click.echo(found.contract, nl=False)
        return
    try:
        _write([(target, text) for target, text in zip(targets, (found.contract, found.world), strict=True) if text], force)
    except FileExistsError as error:
        raise Unusable(f"{error.filename} exists (use --force to overwrite it)") from None
    except OSError as error:
        raise Unusable(f"{output} cannot be written: {error.strerror or error} (name another file)") from None
    click.echo(_summary(found, contract, targets))


def _targets(output: str, force: bool) -> tuple[Path, Path]:
    """The files of the contract and of its world. Raises Unusable before anything is read."""
    contract = Path(output)
    try:
        if contract.is_dir():
            raise Unusable(f"{output} is a folder (name a file)")
        world = contract.with_name(f"{contract.stem}-world.yaml")
        if not contract.absolute().parent.is_dir():
            raise Unusable(f"{output} cannot be written: its folder does not exist (create it)")
        if existing := [each for each in (contract, world) if each.exists() and not force]:
            raise Unusable(f"{existing[0]} exists (use --force to overwrite it)")
    except OSError as error:
        raise Unusable(f"{output} cannot be written: {error.strerror or error} (name another file)") from None
    return contract, world


def _loaded(found: Draft, page: str) -> openapi.Contract:
    """The draft, loaded as any contract. Raises InvalidDocument, at the page, for one that would not load."""
    with tempfile.TemporaryDirectory() as folder:
        file, world = Path(folder, "draft.yaml"), Path(folder, "world.yaml")
        file.write_text(found.contract, encoding="utf-8")
        try:
            contract = openapi.load(file)
            if found.world:
                world.write_text(found.world, encoding="utf-8")
                openapi.load_world(world, contract, time.time_ns() // 1_000_000, {})
            return contract
        except openapi.InvalidDocument as error:
            # An operation that is refused lacks in the common rows, too; that is no problem of its own.
            own = [each for each in error.problems if not each.what.startswith("unknown name")]
            first = (own or error.problems)[0]
            what = f"no contract can be drafted from it: {first.what}"
            raise openapi.InvalidDocument([openapi.Problem(page, 1, what, first.hint or "leave this out")]) from None


def _write(files: Sequence[tuple[Path, str]], force: bool) -> None:
    """Writes each file beside its place, and renames them when all are written. Raises OSError."""
    written: list[tuple[str, Path]] = []
    try:
        for target, text in files:
            folder, prefix = target.absolute().parent, f".{target.name}."
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", newline="\n", dir=folder, prefix=prefix, delete=False
            ) as stream:
                written.append((stream.name, target))
                stream.write(text)
            os.chmod(stream.name, 0o666 & ~_umask())
        for name, target in written:
            if target.exists() and not force:  # it has come meanwhile
                raise FileExistsError(errno.EEXIST, "exists", str(target))
            os.replace(name, target)
    finally:
        for name, _ in written:
            Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _summary(found: Draft, contract: openapi.Contract, targets: Sequence[Path]) -> str:
    number, rows = len(contract.operations), sum(len(each.rules) for each in contract.operations.values())
    count = f"{number} operation{'' if number == 1 else 's'}, {rows} row{'' if rows == 1 else 's'}"
    world = f"; its world: {targets[1]}" if found.world else ""
    return f"{targets[0]}: {count}, {found.todos} to decide (see contracts lint {targets[0]}){world}"

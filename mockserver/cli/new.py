"""`mockserver new`: a contract and a world to start from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

from mockserver.cli.loading import fail

FILES = ("contract.yaml", "world.yaml", "README.md")
PLACE = "API_NAME"
"""The word of a template that stands for the name of the API."""
_is_name = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}").fullmatch


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def new(directory: Path) -> None:
    """Writes a commented contract and a commented world into DIRECTORY, to start from. Replaces no file."""
    name = directory.resolve().name
    if not _is_name(name):
        fail(
            f"{name!r} is no name of an API; name the directory with a letter, then letters, digits, `.`, `_` or `-`, at most 64"
        )
    templates = files("mockserver.templates")
    texts = {each: templates.joinpath(each).read_text("utf-8").replace(PLACE, name) for each in FILES}
    for each in texts:
        if (directory / each).exists() or (directory / each).is_symlink():
            fail(f"{directory / each} exists, and nothing is replaced; choose another directory")
    _write(directory, texts)
    click.echo(f"wrote {', '.join(str(directory / each) for each in texts)}")
    click.echo(f"  contracts lint {directory / FILES[0]}")
    click.echo(f"  mockserver serve --contract {directory / FILES[0]} --world {directory / FILES[1]}")


def _write(directory: Path, texts: Mapping[str, str]) -> None:
    """Writes all files or none. Ends the command where that is impossible."""
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (directory / name).open("x", encoding="utf-8") as file:
                written.append(directory / name)
                file.write(text)
    except OSError as error:
        for each in written:
            each.unlink(missing_ok=True)
        fail(f"cannot write into {directory}: {error.strerror or error}; choose another directory")

"""`contracts worlds`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

import openapi
from contracts.cli.deployment import url
from contracts.cli.param_types import Text, secrets
from contracts.cli.unusable import Unusable
from contracts.http.mock_worlds import MockWorlds
from contracts.http.target import Unreachable
from contracts.http.wire import printable
from contracts.run.disjoint import problems
from contracts.run.pool import PoolWorld, is_header, pool_text, why_no_url
from contracts.run.template import MOST_COPIES, Template, fill, varies

POOL = "pool.yaml"


@click.command()
@click.option(
    "--template",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="World file with {n}: the number of the copy.",
)
@click.option("--count", required=True, type=click.IntRange(1, MOST_COPIES), metavar="N", help="How many copies.")
@click.option("--contract", metavar="FILE", help="OpenAPI document. Without it: the device-sharing example.")
@click.option("--target", metavar="URL", help="Base URL of the server, with {n} where each copy has one of its own.")
@click.option("--reset", metavar="URL", help="A POST to this URL resets one copy; with {n}.")
@click.option("--header", multiple=True, metavar="LINE", help="Header of every request, as `Name: ${VARIABLE}`. Repeatable.")
@click.option("--create", type=Text(), metavar="URL", help="Create each copy as a world of the mock that runs there.")
@click.option("--token", type=Text(), metavar="TEXT", help="Password of the control plane of this mock, best as '${NAME}'.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help=f"Folder for w1.yaml, … and {POOL}.")
def worlds(
    template: Path,
    count: int,
    contract: str | None,
    target: str | None,
    reset: str | None,
    header: tuple[str, ...],
    create: str | None,
    token: str | None,
    out: Path,
) -> None:
    """Writes world files with disjoint accounts, and a pool file of them.

    Exit codes: 0 written, 2 unusable input.
    """
    mock = None if create is None else MockWorlds(url("create", create), token)
    if target is None:
        if mock is None:
            raise Unusable("--target is missing: where does the server run? With --create it is the mock there")
        target, reset = mock.target("w{n}"), reset or mock.reset("w{n}")
    try:
        text = Template(template)
        _check(text, openapi.load(contract), count, one_server=not varies(target))
        entries = _entries(target, reset, header, count, out)
        copies = [text.copy(number) for number in range(1, count + 1)]
        with _created(mock, copies):
            _write(entries, copies, out)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    except Unreachable as error:
        raise Unusable(printable(str(error), secrets())) from None
    except OSError as error:
        raise Unusable(f"--out {out} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {count} {'world' if count == 1 else 'worlds'}: {out / POOL}")


def _check(template: Template, contract: openapi.Contract, count: int, *, one_server: bool) -> None:
    """Raises InvalidDocument unless the copies are worlds of the contract, and disjoint."""
    found = template.problems(contract, {1, count}, time.time_ns() // 1_000_000)
    found = found or problems(contract, list(template.rows(contract)), count, one_server=one_server)
    if found:
        raise openapi.InvalidDocument(found)


def _entries(target: str, reset: str | None, headers: tuple[str, ...], count: int, out: Path) -> list[PoolWorld]:
    """The entries of the pool. Raises Unusable."""
    for name, each in (("target", target), ("reset", reset)):
        if each is not None and (why := why_no_url(fill(each, 1))):
            raise Unusable(f"--{name} {why}")
    if reset is not None and count > 1 and not varies(reset):
        raise Unusable("--reset has no {n}, so it would reset all copies")
    if any(not is_header(each) for each in headers):
        raise Unusable("--header is not a header: write 'Name: value'")
    return [
        PoolWorld(
            fill(target, number),
            out / f"w{number}.yaml",
            None if reset is None else fill(reset, number),
            tuple(fill(each, number) for each in headers),
        )
        for number in range(1, count + 1)
    ]


@contextmanager
def _created(mock: MockWorlds | None, copies: Sequence[str]) -> Iterator[None]:
    """Creates each copy as a world of the mock, if there is one; deletes them again if something fails. Raises Unreachable."""
    if mock is None:
        yield
        return
    names: list[str] = []
    try:
        for number, copy in enumerate(copies, 1):
            mock.create(f"w{number}", copy)
            names.append(f"w{number}")
        yield
    except BaseException:
        for name in names:
            with suppress(Unreachable):
                mock.delete(name)
        raise


def _write(entries: Sequence[PoolWorld], copies: Sequence[str], out: Path) -> None:
    """Writes the worlds, then the pool, so that a pool names only worlds that exist. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    for entry, copy in zip(entries, copies, strict=True):
        entry.world.write_text(copy, encoding="utf-8")
    new = out / f"{POOL}.new"
    new.write_text(pool_text(entries), encoding="utf-8")
    new.replace(out / POOL)

"""`contracts order`: in which order a server checks, and the patch that says so in the contract."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import click

import openapi
from contracts._clock import Clock
from contracts._oracle import Oracle
from contracts._order import Answer, Order, checks_of, infer
from contracts._patch import Unwritable, diff, patched
from contracts._probe import Prober, Refuted
from contracts._target import Broken, Manners, Target, Unreachable
from contracts._wire import redact

NO_ORDER, UNUSABLE, NOTHING_SEEN = 1, 2, 3


@click.command()
@click.option("--target", "base", required=True, metavar="URL", help="The base URL of the server.")
@click.option("--world", "world_file", required=True, metavar="FILE", help="What is true on that server.")
@click.option("--contract", "contract_file", metavar="FILE", help="The OpenAPI document; without it, the one of device sharing.")
@click.option("--operation", "names", multiple=True, metavar="NAME", help="Only this operation; may be repeated.")
@click.option("--patch", "patch_file", metavar="FILE", help="Write the patch into a file instead of printing it.")
@click.option("--max-requests", default=10_000, show_default=True, type=click.IntRange(1), help="Never send more.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Requests per second at most.")
def order(
    base: str,
    world_file: str,
    contract_file: str | None,
    names: tuple[str, ...],
    patch_file: str | None,
    max_requests: int,
    rate: float | None,
) -> None:
    """Infers in which order a server checks, and prints it as a patch to the contract.

    Exit code 0 inferred, 1 the server has no order or breaks the contract, 2 unusable input or target, 3 nothing seen.
    """
    if patch_file and not Path(patch_file).parent.is_dir():
        _fail(f"{patch_file} cannot be written: its folder does not exist")
    target = Target(base, Manners(most_requests=max_requests, rate=rate))
    now = time.time_ns() // 1_000_000
    try:
        contract = openapi.load(contract_file)
        for name in names:
            if name not in contract.operations:
                _fail(f"{contract.file} has no operation {name} ({openapi.nearest(name, contract.operations)})")
        world = openapi.load_world(world_file, contract, now, os.environ)
        target.check()
        oracle = Oracle(contract, world, Clock(world, now))
        found = [_ask(contract.operations[name], oracle, target) for name in names or contract.operations]
    except (openapi.InvalidDocument, Unreachable) as error:
        _fail(str(error))
    except Broken as error:
        _fail(f"{target.base}: {error}; no order can be told of a server that does not answer each request")
    for each in found:
        click.echo("\n".join(each.lines(target.base, world.secrets)) + "\n")
    if target.exhausted:
        click.echo(f"Stopped after {target.sent} requests: what was not asked by then is as in the table.\n")
    _hand_over(contract, {each.name: each.order for each in found if each.order}, patch_file)
    sys.exit(_exit_code(found))


@dataclass(frozen=True, slots=True)
class _Found:
    """What came out for one operation."""

    name: str
    order: Order | None
    requests: int
    undecided: Sequence[str] = ()
    refuted: str = ""

    def lines(self, base: str, secrets: Mapping[str, str]) -> Iterator[str]:
        """It, for a person."""
        if self.order is None:
            yield f"{self.name}: the server breaks the contract, so there is no order to speak of (see contracts verify)"
            yield redact(f"  {self.refuted}", secrets)
            return
        yield f"{self.name}: {self._headline(self.order)} ({self.requests} requests)"
        for answer in self.order.circle:
            yield f"  {_told(answer, base, secrets)}"
        if not self.order.circle:
            yield from self._sequence(self.order, base, secrets)
        yield from (f"  undecided: {each}" for each in self.undecided)
        yield from (f"  not seen: {each} (assumed; it stays where it is)" for each in self.order.unseen)

    def _headline(self, order: Order) -> str:
        if order.circle:
            return "the server has no order (or the world is not true of it), for these answers contradict each other"
        return "the server checks in another order than the table" if order.differs else "the server's order is that of the table"

    def _sequence(self, order: Order, base: str, secrets: Mapping[str, str]) -> Iterator[str]:
        shown = [each for each in order.sequence if each.firm]
        for number, (each, following) in enumerate(pairwise([*shown, None]), 1):
            assert each is not None
            yield f"  {number:2}. {each} [row {each.rule.number}]"
            answer = order.before.get((each.position, following.position)) if following else None
            if answer is not None:
                yield f"        {_told(answer, base, secrets)}"


def _told(answer: Answer, base: str, secrets: Mapping[str, str]) -> str:
    return f"{answer.got}: {answer.request.curl(base, secrets)}"


def _ask(operation: openapi.Operation, oracle: Oracle, target: Target) -> _Found:
    checks, before = checks_of(operation), target.sent
    prober = Prober(operation, checks, oracle, target)
    try:
        order = infer(checks, prober.ask())
    except Refuted as error:
        return _Found(operation.name, None, target.sent - before, refuted=str(error))
    unreached = dict(prober.unreached())
    undecided = [f"{check}: {why}" for check, why in unreached.items()] + [
        f"{one} / {two}: {prober.lacks(one, two)}"
        for one, two in order.open
        if not (prober.excluded(one, two) or one in unreached or two in unreached)
    ]
    return _Found(operation.name, order, target.sent - before, undecided)


def _hand_over(contract: openapi.Contract, orders: Mapping[str, Order], patch_file: str | None) -> None:
    """Prints or writes the patch, or says why there is none."""
    changed = {name: [row for check in order.sequence for row in check.rows] for name, order in orders.items() if order.differs}
    for name in changed:
        if (across := orders[name].across) is not None:
            click.echo(
                f"{name}: {across[0]} comes before {across[1]}, which the whole document has: rows of the whole document that"
                " do not come first everywhere move into each operation.\n"
            )
    if not changed:
        click.echo("No row has to move: there is no patch.")
        return
    try:
        text = Path(contract.file).read_bytes().decode()
        patch = diff(contract.file, text, patched(contract, text, changed))
        if patch_file:
            Path(patch_file).write_bytes(patch.encode())
            click.echo(f"The patch is in {patch_file}: patch {contract.file} {patch_file}")
        else:
            click.echo(patch, nl=False)
    except (Unwritable, UnicodeError) as error:
        _fail(f"the order cannot be written as a patch: {error}")
    except OSError as error:
        _fail(f"the patch cannot be written: {error}")


def _exit_code(found: Sequence[_Found]) -> int:
    if any(each.order is None or each.order.circle for each in found):
        return NO_ORDER
    return 0 if any(each.requests for each in found) else NOTHING_SEEN


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(UNUSABLE)

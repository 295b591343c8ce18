"""`contracts order`: infers the order in which a server checks, and writes a patch that puts the rows into that order."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli.deployment import connect
from contracts.cli.options import CONNECTION, DEPLOYMENT, max_requests
from contracts.cli.unusable import Unusable
from contracts.http.target import NoReply, Target
from contracts.http.wire import printable
from contracts.judge.clock import Clock
from contracts.judge.oracle import Oracle
from contracts.order.inference import Answer, Order, checks_of, infer
from contracts.order.patch import Unwritable, diff, patched
from contracts.order.probe import Prober, Refuted

NO_ORDER, NOTHING_SEEN = 1, 3


@click.command()
@DEPLOYMENT
@click.option("--patch", metavar="FILE", help="Write the patch to this file instead of printing it.")
@max_requests(10_000)
@CONNECTION
def order(patch: str | None, **options: Any) -> None:
    """Infers the order in which a server checks, and prints a patch for the contract.

    Exit codes: 0 inferred, 1 the server has no order or breaks the contract, 2 unusable input or target, 3 nothing seen.
    """
    if patch and not Path(patch).absolute().parent.is_dir():
        raise Unusable(f"{patch} cannot be written: its folder does not exist")
    deployment = connect(options)
    contract, world, target = deployment.contract, deployment.world, deployment.target
    oracle = Oracle(contract, world, Clock(world, time.time_ns() // 1_000_000))
    try:
        results = [_infer_order(each, oracle, target) for each in contract.operations.values()]
    except NoReply as error:
        raise Unusable(f"{target.base}: {error}; the order can be inferred only if the server answers each request") from None
    for each in results:
        click.echo("\n".join(each.lines(target, world.secrets)) + "\n")
    if target.exhausted:
        click.echo(f"Stopped after {target.sent} requests: pairs that were not tested keep the order of the table.\n")
    _output_patch(openapi.load(contract.file), {each.name: each.order for each in results if each.order}, patch)
    sys.exit(_exit_code(results))


@dataclass(frozen=True, slots=True)
class _Result:
    """The result for one operation."""

    name: str
    order: Order | None
    """None where the server breaks the contract."""
    requests: int
    """How many requests were sent."""
    undecided: Sequence[str] = ()
    """The checks and pairs of checks whose order is unknown, each with the reason."""
    refuted: str = ""
    """The reply that breaks the contract, as a sentence."""

    def lines(self, target: Target, secrets: Mapping[str, str]) -> Iterator[str]:
        """The result as lines of text."""
        if self.order is None:
            yield f"{self.name}: the server breaks the contract, so no order can be inferred (run contracts verify)"
            yield printable(f"  {self.refuted}", secrets)
            return
        yield f"{self.name}: {self._headline(self.order)} ({self.requests} requests)"
        for answer in self.order.cycle:
            yield f"  {_answer_line(answer, target, secrets)}"
        if not self.order.cycle:
            yield from self._sequence(self.order, target, secrets)
        yield from (f"  undecided: {each}" for each in self.undecided)
        yield from (f"  not seen: {each} (assumed; it keeps its place)" for each in self.order.never_named)

    def _headline(self, order: Order) -> str:
        if order.cycle:
            return "the server has no order, or the world file does not describe it: these replies contradict each other"
        return (
            "the server checks in another order than the table"
            if order.differs
            else "the server checks in the order of the table"
        )

    def _sequence(self, order: Order, target: Target, secrets: Mapping[str, str]) -> Iterator[str]:
        shown = [each for each in order.sequence if each.expected]
        for number, (each, following) in enumerate(pairwise([*shown, None]), 1):
            assert each is not None
            yield f"  {number:2}. {each} [row {each.rule.number}]"
            answer = order.before.get((each.position, following.position)) if following else None
            if answer is not None:
                yield f"        {_answer_line(answer, target, secrets)}"


def _answer_line(answer: Answer, target: Target, secrets: Mapping[str, str]) -> str:
    return f"{answer.got}: {answer.request.curl(target.base, secrets, target.manners.shown)}"


def _infer_order(operation: openapi.Operation, oracle: Oracle, target: Target) -> _Result:
    checks, before = checks_of(operation), target.sent
    prober = Prober(operation, checks, oracle, target)
    try:
        order = infer(checks, prober.probe())
    except Refuted as error:
        return _Result(operation.name, None, target.sent - before, refuted=str(error))
    unreached = dict(prober.unreached())
    undecided = [f"{check}: {why}" for check, why in unreached.items()] + [
        f"{one} / {two}: {prober.why_undetermined(one, two)}"
        for one, two in order.undetermined
        if not (prober.excluded(one, two) or one in unreached or two in unreached)
    ]
    return _Result(operation.name, order, target.sent - before, undecided)


def _output_patch(contract: openapi.Contract, orders: Mapping[str, Order], patch_file: str | None) -> None:
    """Prints or writes the patch, or prints that none is needed. Raises Unusable."""
    changed = {name: [row for check in order.sequence for row in check.rows] for name, order in orders.items() if order.differs}
    for name in changed:
        if (across := orders[name].own_before_common) is not None:
            click.echo(
                f"{name}: {across[0]} comes before {across[1]}, a row of the whole document. Rows of the whole document that"
                " are not checked first are moved into each operation.\n"
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
        raise Unusable(f"the order cannot be written as a patch: {error}") from None
    except OSError as error:
        raise Unusable(f"the patch cannot be written: {error}") from None


def _exit_code(results: Sequence[_Result]) -> int:
    if any(each.order is None or each.order.cycle for each in results):
        return NO_ORDER
    return 0 if any(each.requests for each in results) else NOTHING_SEEN

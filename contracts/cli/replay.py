"""`contracts replay`."""

from __future__ import annotations

import sys
from typing import Any

import click

import openapi
from contracts.cli.deployment import reach
from contracts.cli.options import DEPLOYMENT, JUDGING, MANNERS, plan
from contracts.cli.unusable import Unusable
from contracts.http.wire import printable
from contracts.judge.oracle import VIOLATION, Verdict
from contracts.report.failures import Failure, read_failure
from contracts.run.examination import open_session
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence, Unrepeatable

NOT_REPEATED = 3
MOST_SHOWN = 12
"""Requests that are printed, the last ones."""


@click.command()
@click.argument("file")
@click.option("--finding", type=click.IntRange(1), metavar="N", help="Which violation of a JSON report, from 1.")
@DEPLOYMENT
@MANNERS
@JUDGING
def replay(file: str, finding: int | None, **options: Any) -> None:
    """Sends a saved failure again. Exit code: 0 passes now, 1 still fails, 2 invalid input, 3 a step cannot be repeated."""
    found = reach(options)
    try:
        failure = read_failure(file, finding, found.contract, found.world.secrets)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    session = open_session(found.contract, found.world, found.target, plan(options, found.contract))
    sentence, code = _repeated(session, failure)
    click.echo(printable(sentence, found.world.secrets))
    sys.exit(code)


def _repeated(session: Session, failure: Failure) -> tuple[str, int]:
    """What became of a failure, and the exit code."""
    for steps in filter(None, (failure.history, failure.steps)):
        try:
            sequence, verdict, reply = session.repeat(steps)
        except Unrepeatable as error:
            if steps is failure.steps:
                return f"cannot be repeated: {error}", NOT_REPEATED
            continue  # a server that was mended may go another way
        if verdict.kind == VIOLATION:
            return _failing(session, failure, sequence, verdict, reply), 1
    return f"passes now: got {verdict.got}", 0


def _failing(session: Session, failure: Failure, sequence: Sequence, verdict: Verdict, reply: str) -> str:
    word = "still fails" if failure.is_like(verdict.sentence, verdict.got) else "fails in another way"
    curls = sequence.curls(session.target.base, session.target.manners.shown)
    lines = [f"{word}: {verdict.sentence}", f"  got {verdict.got}: {reply}", f"  because {verdict.reason}"]
    return "\n".join(lines + [f"  {number}. {curl}" for number, curl in enumerate(curls, 1)][-MOST_SHOWN:])

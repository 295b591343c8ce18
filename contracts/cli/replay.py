"""`contracts replay`."""

from __future__ import annotations

import sys
from typing import Any

import click

import openapi
from contracts.cli.deployment import connect
from contracts.cli.options import CONNECTION, DEPLOYMENT, JUDGING, plan
from contracts.cli.unusable import Unusable
from contracts.http.wire import printable
from contracts.judge.verdict import VIOLATION, Verdict
from contracts.report.failures import Failure, read_failure
from contracts.run.examination import open_session
from contracts.run.session import Session
from contracts.sequence.sequence import Sequence, Unrepeatable

NOT_REPEATED = 3
"""The exit code if a step cannot be repeated."""
RACE_TRIES = 20
"""How often the requests of a race are repeated, until it shows."""
MOST_CURLS = 12
"""How many curl lines are printed at most: those of the last requests."""


@click.command()
@click.argument("file")
@click.option("--finding", type=click.IntRange(1), metavar="N", help="Number of the violation in a JSON report, from 1.")
@DEPLOYMENT
@CONNECTION
@JUDGING
def replay(file: str, finding: int | None, **options: Any) -> None:
    """Sends the requests of a saved failure again. FILE is a file of --failures, or a JSON report.

    Exit codes: 0 passes now, 1 still fails, 2 unusable input or target, 3 a step cannot be repeated.
    """
    deployment = connect(options)
    try:
        failure = read_failure(file, finding, deployment.contract, deployment.world.secrets)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    session = open_session(deployment.contract, deployment.world, deployment.target, plan(options, deployment.contract))
    sentence, code = _replay(session, failure)
    click.echo(printable(sentence, deployment.world.secrets))
    sys.exit(code)


def _replay(session: Session, failure: Failure) -> tuple[str, int]:
    """Repeats a failure; returns the text to print and the exit code."""
    if any(each.at_once for each in failure.steps):
        return _replay_race(session, failure)
    for steps in filter(None, (failure.history, failure.steps)):
        try:
            sequence, verdict, reply = session.repeat(steps)
        except Unrepeatable as error:
            if steps is failure.steps:
                return f"cannot be repeated: {error}", NOT_REPEATED
            continue  # a corrected server may give other replies to the history, so the shortest sequence is tried next
        if verdict.kind == VIOLATION:
            return _failure_lines(session, failure, sequence, verdict, reply), 1
    return f"passes now: got {verdict.got}", 0


def _replay_race(session: Session, failure: Failure) -> tuple[str, int]:
    """Repeats a race until it shows; it depends on the moment."""
    for number in range(1, RACE_TRIES + 1):
        try:
            sequence, verdict, reply = session.repeat(failure.steps)
        except Unrepeatable as error:
            return f"cannot be repeated: {error}", NOT_REPEATED
        if verdict.kind == VIOLATION:
            times = "at the first try" if number == 1 else f"at try {number}"
            return f"{_failure_lines(session, failure, sequence, verdict, reply)}\n  {times} of at most {RACE_TRIES}", 1
    hint = "" if session.target.resets else "; without --reset only the first try finds what the race found"
    return f"passes now: {RACE_TRIES} times got {verdict.got}{hint}", 0


def _failure_lines(session: Session, failure: Failure, sequence: Sequence, verdict: Verdict, reply: str) -> str:
    word = "still fails" if failure.is_like(verdict.sentence, verdict.got) else "fails in another way"
    curls = sequence.curls(session.target.base, session.target.manners.shown)
    lines = [f"{word}: {verdict.sentence}", f"  got {verdict.got}: {reply}", f"  because {verdict.reason}"]
    return "\n".join(lines + [f"  {number}. {curl}" for number, curl in enumerate(curls, 1)][-MOST_CURLS:])

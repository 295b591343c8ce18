"""`contracts fuzz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli import output
from contracts.cli.deployment import Deployment, reach
from contracts.cli.options import DEPLOYMENT, JUDGING, MANNERS, SENDING, max_requests, plan
from contracts.cli.param_types import Duration, ShardOf
from contracts.cli.unusable import Unusable
from contracts.generate.stream import Stream
from contracts.run.deadline import Deadline
from contracts.run.examination import open_session
from contracts.run.fuzz import send_stream
from contracts.sequence.corpus import Corpus


@click.command()
@DEPLOYMENT
@click.option("--for", "time", type=Duration(1), metavar="TIME", help="How long to run, such as 90s, 30m or 8h.")
@max_requests(None)
@SENDING
@click.option(
    "--shard",
    default="1/1",
    show_default=True,
    type=ShardOf(),
    metavar="K/N",
    help="Send the K-th of N equal parts of the stream.",
)
@click.option(
    "--corpus", type=click.Path(path_type=Path), metavar="PATH", help="A folder or .jsonl file to start from and add to."
)
@click.option("--resume", is_flag=True, help="Continue where the last run with this corpus, seed and shard stopped.")
@MANNERS
@JUDGING
@output.REPORTS
def fuzz(**options: Any) -> None:
    """Tests a server with random requests for a time. Ctrl-C ends it with a full report. Exit codes as for verify."""
    _check(options)
    deadline = Deadline()
    with deadline.at_interrupt(), output.progress(options) as watch:
        found = reach(options)
        planned = plan(options, found.contract, thorough=False)
        corpus, start = _corpus(options, found)
        session = open_session(found.contract, found.world, found.target, planned, deadline=deadline, watch=watch)
        stream = Stream(found.contract, found.world, planned.seed)
        if options["time"] is not None:
            deadline.end(options["time"] / 1000)
        try:
            send_stream(session, stream, options["shard"], corpus, start)
        except OSError as error:
            click.echo(f"stopped, because the corpus cannot be written: {error}", err=True)
    output.finish(session.record, found.contract, options)


def _check(options: Mapping[str, Any]) -> None:
    if options["time"] is None and options["max_requests"] is None:
        raise Unusable("say how long: --for 30m, --max-requests 100000, or both")
    if options["resume"] and options["corpus"] is None:
        raise Unusable("--resume needs --corpus, beside which the position is kept")
    output.check(options)


def _corpus(options: Mapping[str, Any], found: Deployment) -> tuple[Corpus | None, int | None]:
    """The corpus, and the number of the stream to go on with. Raises Unusable."""
    if options["corpus"] is None:
        return None, None
    stream = f"seed{options['seed']}-shard{options['shard'].number}of{options['shard'].of}"
    try:
        corpus = Corpus(options["corpus"], stream, found.contract, found.world.secrets)
        return corpus, corpus.position.read() if options["resume"] else None
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"--corpus {options['corpus']} cannot be used: {error.strerror}") from None

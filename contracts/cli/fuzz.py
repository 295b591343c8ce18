"""`contracts fuzz`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli import output
from contracts.cli.cluster import CLUSTER, fuzz_on_cluster
from contracts.cli.deployment import Deployment, connect
from contracts.cli.options import CONNECTION, DEPLOYMENT_OR_POOL, JUDGING, LIMITS, SENDING, max_requests, plan
from contracts.cli.param_types import ELSEWHERE, ShardText
from contracts.cli.unusable import Unusable
from contracts.generate.stream import Stream
from contracts.run.deadline import Deadline
from contracts.run.examination import open_session
from contracts.run.fuzz import fuzz_shard
from contracts.sequence.corpus import Corpus, stream_name


class _Fuzz(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments. With --cluster, `${NAME}` is looked up on the workers, not here."""
        ctx.meta[ELSEWHERE] = any(each.partition("=")[0] == "--cluster" for each in args)
        return super().parse_args(ctx, args)


@click.command(cls=_Fuzz)
@DEPLOYMENT_OR_POOL
@LIMITS
@max_requests(None)
@SENDING
@click.option("--shard", default="1/1", show_default=True, type=ShardText(), metavar="K/N", help="Run the K-th of N equal parts.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder or .jsonl file of sequences to send first. New sequences are added.",
)
@click.option("--resume", is_flag=True, help="Continue where the last run with this corpus, seed and shard stopped.")
@click.option("--max-inputs", type=click.IntRange(1), metavar="N", help="Send the first N inputs of the seed, not more.")
@CLUSTER
@CONNECTION
@JUDGING
@output.REPORTS
def fuzz(**options: Any) -> None:
    """Tests a server with random requests until a limit is reached.

    Ctrl-C ends the run and prints the full report.

    Exit codes: 0 passed, 1 violations, 2 unusable input or target, 3 too little covered.
    """
    _check(options)
    if options["cluster"] is not None:
        fuzz_on_cluster(options)
    deadline = Deadline()
    with deadline.at_interrupt(), output.progress(options) as watch:
        deployment = connect(options)
        test_plan = plan(options, deployment.contract, thorough=False)
        corpus, start = _corpus(options, deployment)
        session = open_session(
            deployment.contract, deployment.world, deployment.target, test_plan, deadline=deadline, watch=watch
        )
        end = options["max_inputs"] or sys.maxsize
        stream = Stream(deployment.contract, deployment.world, test_plan.seed)
        if options["time"] is not None:
            deadline.end(options["time"] / 1000)
        try:
            fuzz_shard(session, stream, options["shard"], corpus, start, end, races=options["races"], seed=test_plan.seed)
        except OSError as error:
            click.echo(f"stopped: the corpus cannot be used: {error}", err=True)
    output.finish(session.record, deployment.contract, options)


def _check(options: Mapping[str, Any]) -> None:
    if options["time"] is None and options["max_requests"] is None and options["max_inputs"] is None:
        raise Unusable("set a limit: --for 30m, --max-requests 100000, --max-inputs 5000, or several")
    if options["resume"] and options["corpus"] is None:
        raise Unusable("--resume needs --corpus: the position is stored next to the corpus")
    if options["cluster"] is None:
        for name in ("pool", "shards"):
            if options[name] is not None:
                raise Unusable(f"--{name} is for runs on a cluster; add --cluster local, or the address of a scheduler")
        for name in ("target", "world"):
            if options[name] is None:
                raise Unusable(f"--{name} is missing")
    output.check(options)


def _corpus(options: Mapping[str, Any], deployment: Deployment) -> tuple[Corpus | None, int | None]:
    """The corpus (None without --corpus) and the number of the input to resume at (None without --resume). Raises Unusable."""
    if options["corpus"] is None:
        return None, None
    stream = stream_name(options["seed"], options["shard"].number, options["shard"].of)
    try:
        corpus = Corpus(options["corpus"], stream, deployment.contract, deployment.world.secrets)
        return corpus, corpus.position.read() if options["resume"] else None
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"--corpus {options['corpus']} cannot be used: {error.strerror}") from None

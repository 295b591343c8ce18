"""`contracts verify`."""

from __future__ import annotations

from typing import Any

import click

from contracts.cli import output
from contracts.cli.deployment import connect
from contracts.cli.options import CONNECTION, DEPLOYMENT, JUDGING, LIMITS, SENDING, max_requests, plan
from contracts.cli.param_types import Text
from contracts.cli.profile import option
from contracts.run.deadline import Deadline
from contracts.run.examination import WALKS, examine


@click.command()
@DEPLOYMENT
@LIMITS
@SENDING
@max_requests(100_000)
@CONNECTION
@JUDGING
@option(
    "--walks",
    type=click.IntRange(0),
    metavar="N",
    help=f"Random sequences of requests over all operations. Without it: up to {WALKS}, while they show something new.",
)
@option("--breadth/--no-breadth", default=True, help="Also send requests that Schemathesis generates.")
@option(
    "--clock", type=Text(), metavar="URL", help="A PATCH to this URL sets the server's clock. Tests times to the millisecond."
)
@option("--undocumented", is_flag=True, help="Also send undocumented methods and paths, which must not succeed.")
@output.REPORTS
def verify(**options: Any) -> None:
    """Tests a server against a contract.

    Exit codes: 0 passed, 1 violations, 2 unusable input or target, 3 too little covered.
    """
    output.check(options)
    deadline = Deadline()
    with deadline.at_interrupt(), output.progress(options) as watch:
        deployment = connect(options)
        lanes = {name: options[name] for name in ("walks", "breadth", "undocumented")}
        test_plan = plan(options, deployment.contract, **lanes)
        if options["time"] is not None:
            deadline.end(options["time"] / 1000)
        record = examine(deployment.contract, deployment.world, deployment.target, test_plan, deadline=deadline, watch=watch)
    output.finish(record, deployment.contract, options)

"""`contracts verify`."""

from __future__ import annotations

from typing import Any

import click

from contracts.cli import output
from contracts.cli.deployment import reach
from contracts.cli.options import DEPLOYMENT, JUDGING, MANNERS, SENDING, max_requests, plan
from contracts.cli.profile import option
from contracts.run.deadline import Deadline
from contracts.run.examination import WALKS, examine


@click.command()
@DEPLOYMENT
@SENDING
@max_requests(100_000)
@MANNERS
@JUDGING
@option("--walks", default=WALKS, type=click.IntRange(0), metavar="N", help="Random sequences of requests over all operations.")
@option("--breadth/--no-breadth", default=True, help="Send requests that Schemathesis generates, too.")
@option("--undocumented", is_flag=True, help="Also send undocumented methods and paths, which must not succeed.")
@output.REPORTS
def verify(**options: Any) -> None:
    """Tests a server. Exit code: 0 passed, 1 violations, 2 invalid input or no server at the target, 3 too little covered."""
    output.check(options)
    deadline = Deadline()
    with deadline.at_interrupt(), output.progress(options) as watch:
        found = reach(options)
        lanes = {name: options[name] for name in ("walks", "breadth", "undocumented")}
        planned = plan(options, found.contract, **lanes)
        record = examine(found.contract, found.world, found.target, planned, deadline=deadline, watch=watch)
    output.finish(record, found.contract, options)

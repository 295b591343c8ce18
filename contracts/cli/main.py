"""The command group `contracts`."""

from __future__ import annotations

from typing import Any

import click

from contracts.cli.contract import diagram, explain, lint
from contracts.cli.diff import diff
from contracts.cli.draft import import_
from contracts.cli.fuzz import fuzz
from contracts.cli.merge import merge
from contracts.cli.order import order
from contracts.cli.param_types import secrets
from contracts.cli.replay import replay
from contracts.cli.traffic import check, watch
from contracts.cli.unusable import Unusable
from contracts.cli.verify import verify
from contracts.cli.worlds import worlds
from contracts.http.target import Unreachable
from contracts.http.wire import printable


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command. Exits with code 2 if the target becomes unreachable during the run, or cannot be reset."""
        try:
            return super().invoke(ctx)
        except Unreachable as error:
            raise Unusable(printable(str(error), secrets())) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="contract-mock", prog_name="contracts")
def main() -> None:
    """Tests a server against a contract, an OpenAPI document with x-outcomes."""


for command in (verify, fuzz, replay, merge, watch, check, order, diff, import_, worlds, lint, explain, diagram):
    main.add_command(command)

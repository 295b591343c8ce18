"""The command line of the suite."""

from __future__ import annotations

from typing import Any

import click

from contracts._cli_contract import diagram, explain, lint
from contracts._cli_fuzz import fuzz
from contracts._cli_order import order
from contracts._cli_replay import replay
from contracts._cli_verify import verify
from contracts._param_types import secrets
from contracts._target import Unreachable
from contracts._unusable import Unusable
from contracts._wire import redact


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """A target that stops answering, or beginning anew, half-way is told of as one that never did."""
        try:
            return super().invoke(ctx)
        except Unreachable as error:
            raise Unusable(redact(str(error), secrets())) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Examines a server by its contract."""


for command in (verify, fuzz, replay, order, lint, explain, diagram):
    main.add_command(command)

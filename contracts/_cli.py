"""The command line of the suite."""

from __future__ import annotations

import click

from contracts._cli_contract import diagram, explain, lint
from contracts._cli_fuzz import fuzz
from contracts._cli_order import order
from contracts._cli_replay import replay
from contracts._cli_verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Examines a server by its contract."""


for command in (verify, fuzz, replay, order, lint, explain, diagram):
    main.add_command(command)

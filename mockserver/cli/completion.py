"""What a shell completes for arguments of `mockserver`. It must be quick and silent: what cannot be read completes nothing."""

from __future__ import annotations

import click

import openapi


def outcomes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The outcomes of the contract that begin with what is typed: operations first, then the codes of one."""
    try:
        contract = openapi.load(ctx.params.get("contract"), plain=True)
    except openapi.InvalidDocument:
        return []
    operations = contract.operations.values()
    return [outcome for each in operations for outcome in each.outcomes if outcome.startswith(incomplete)]

"""What a shell completes for options of `contracts`. It must be silent: what cannot be read completes nothing."""

from __future__ import annotations

import click

import openapi


def operations(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The operations of the contract that begin with what is typed."""
    try:
        contract = openapi.load(ctx.params.get("contract"))
    except openapi.InvalidDocument:
        return []
    return [name for name in contract.operations if name.startswith(incomplete)]

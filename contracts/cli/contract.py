"""`contracts lint`, `explain` and `diagram`: problems, decision tables and life cycles of a contract."""

from __future__ import annotations

import os
import time

import click
from openapi_spec_validator import OpenAPIV31SpecValidator
from rich.console import Console
from rich.table import Table

import openapi
from contracts.cli.unusable import Unusable


@click.command()
@click.argument("file")
def lint(file: str) -> None:
    """Says what is wrong with a contract, with file and line."""
    contract = _load(file)
    problems = [each.message for each in OpenAPIV31SpecValidator(contract.document).iter_errors()]
    if problems:
        raise Unusable("\n".join(f"{file}:1: is not valid OpenAPI 3.1: {each}" for each in problems))
    rules = sum(len(each.rules) for each in contract.operations.values())
    click.echo(f"{file}: no problems in {len(contract.operations)} operations, {rules} rows")


@click.command()
@click.argument("file")
def explain(file: str) -> None:
    """Prints the decision table of each operation."""
    contract = _load(file)
    for operation in contract.operations.values():
        table = Table("row", "outcome", "holds", "kind", title=f"{operation.method} {operation.path}", title_justify="left")
        for rule in operation.rules:
            table.add_row(str(rule.number), rule.outcome, rule.condition, f"{rule.kind} {rule.why}".strip())
        Console(highlight=False).print(table, markup=False)


@click.command()
@click.argument("file")
@click.option("--world", "world_file", required=True, metavar="FILE", help="The rows that exist at the start.")
def diagram(file: str, world_file: str) -> None:
    """Prints the life of each table that has phases, as Mermaid state diagrams."""
    contract, now = _load(file), time.time_ns() // 1_000_000
    try:
        world = openapi.load_world(world_file, contract, now, os.environ)
    except openapi.WorldError as error:
        raise Unusable(str(error)) from None
    tables = [table for table, phases in contract.phases.items() if phases]
    if not tables:
        raise Unusable(f"{file}:1: no table of x-state has phases (name the phases of a row's life by conditions)")
    for table in tables:
        click.echo("stateDiagram-v2")
        for before, after, cause in openapi.transitions(contract, table, world.state, now):
            click.echo(f"    {before or '[*]'} --> {after or '[*]'}: {cause}")


def _load(file: str) -> openapi.Contract:
    try:
        return openapi.load(file)
    except openapi.ContractError as error:
        raise Unusable(str(error)) from None

"""The command line of the suite."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

import click
from openapi_spec_validator import OpenAPIV31SpecValidator
from rich.console import Console
from rich.table import Table

import openapi
from contracts._cli_order import order
from contracts._examination import Plan, examine
from contracts._html import write_html
from contracts._junit import write_junit
from contracts._report import print_record, write_json
from contracts._target import Manners, Target, Unreachable

UNUSABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Examines a server by its contract."""


main.add_command(order)


@main.command()
@click.option("--target", "base", required=True, metavar="URL", help="The base URL of the server.")
@click.option("--world", "world_file", required=True, metavar="FILE", help="What is true on that server.")
@click.option("--contract", "contract_file", metavar="FILE", help="The OpenAPI document; without it, the one of device sharing.")
@click.option("--operation", "names", multiple=True, metavar="NAME", help="Only this operation; may be repeated.")
@click.option("--json", "json_file", metavar="FILE", help="Write the record as JSON.")
@click.option("--html", "html_file", metavar="FILE", help="Write one page that opens from disk.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write one test case per outcome as JUnit XML.")
@click.option("--seed", default=0, show_default=True, help="The same seed sends the same requests.")
@click.option("--max-requests", default=100_000, show_default=True, type=click.IntRange(1), help="Never send more.")
@click.option("--breadth/--no-breadth", default=True, help="Whether Schemathesis generates requests too.")
def verify(
    base: str,
    world_file: str,
    contract_file: str | None,
    names: tuple[str, ...],
    json_file: str | None,
    html_file: str | None,
    junit_file: str | None,
    seed: int,
    max_requests: int,
    breadth: bool,
) -> None:
    """Examines a server. Exit code 0 clean, 1 violations, 2 unusable input or target, 3 too little covered."""
    for path in filter(None, (json_file, html_file, junit_file)):
        if not Path(path).parent.is_dir():
            _fail(f"{path} cannot be written: its folder does not exist")
    target = Target(base, Manners(most_requests=max_requests))
    try:
        contract = openapi.load(contract_file)
        for name in names:
            if name not in contract.operations:
                _fail(f"{contract.file} has no operation {name} ({openapi.nearest(name, contract.operations)})")
        contract = contract.only(*names) if names else contract
        world = openapi.load_world(world_file, contract, time.time_ns() // 1_000_000, os.environ)
        target.check()
    except (openapi.InvalidDocument, Unreachable) as error:
        _fail(str(error))
    record = examine(contract, world, target, Plan(seed=seed, breadth=breadth))
    print_record(record, Console(highlight=False))
    try:
        if json_file:
            write_json(record, json_file)
        if html_file:
            write_html(record, contract, html_file)
        if junit_file:
            write_junit(record, junit_file)
    except OSError as error:
        _fail(f"the report cannot be written: {error}")
    sys.exit(record.exit_code())


@main.command()
@click.argument("file")
def lint(file: str) -> None:
    """Says what is wrong with a contract, with file and line."""
    contract = _load(file)
    problems = [each.message for each in OpenAPIV31SpecValidator(contract.document).iter_errors()]
    if problems:
        _fail("\n".join(f"{file}:1: is not valid OpenAPI 3.1: {each}" for each in problems))
    rules = sum(len(each.rules) for each in contract.operations.values())
    click.echo(f"{file}: no problems in {len(contract.operations)} operations, {rules} rows")


@main.command()
@click.argument("file")
def explain(file: str) -> None:
    """Prints the decision table of each operation."""
    contract = _load(file)
    for operation in contract.operations.values():
        table = Table("row", "outcome", "holds", "kind", title=f"{operation.method} {operation.path}", title_justify="left")
        for rule in operation.rules:
            table.add_row(str(rule.number), rule.outcome, rule.condition, f"{rule.kind} {rule.why}".strip())
        Console(highlight=False).print(table, markup=False)


@main.command()
@click.argument("file")
@click.option("--world", "world_file", required=True, metavar="FILE", help="What is true at the start.")
def diagram(file: str, world_file: str) -> None:
    """Prints the life of each table that has phases, as Mermaid state diagrams."""
    contract, now = _load(file), time.time_ns() // 1_000_000
    try:
        world = openapi.load_world(world_file, contract, now, os.environ)
    except openapi.WorldError as error:
        _fail(str(error))
    tables = [table for table, phases in contract.phases.items() if phases]
    if not tables:
        _fail(f"{file}:1: no table of x-state has phases (name the phases of a row's life by conditions)")
    for table in tables:
        click.echo("stateDiagram-v2")
        for before, after, cause in openapi.transitions(contract, table, world.state, now):
            click.echo(f"    {before or '[*]'} --> {after or '[*]'}: {cause}")


def _load(file: str) -> openapi.Contract:
    try:
        return openapi.load(file)
    except openapi.ContractError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(UNUSABLE)

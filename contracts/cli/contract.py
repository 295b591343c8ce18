"""`contracts lint`, `explain` and `diagram`: commands that read a contract and send nothing."""

from __future__ import annotations

import os
import time
from typing import Any

import click
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator, OpenAPIV32SpecValidator
from rich.console import Console
from rich.table import Table

import openapi
from contracts.cli.unusable import Unusable
from contracts.draft.todo import todos


def _unread(uri: str) -> Any:
    raise ValueError(f"{uri[:200]} is outside the document")


def _only_local(validator: Any) -> Any:
    """A validator that reads no files, and nothing from the network."""
    return type(validator.__name__, (validator,), {"resolver_handlers": {"<all_urls>": _unread, "file": _unread}})


VALIDATORS = {
    "3.0": _only_local(OpenAPIV30SpecValidator),
    "3.1": _only_local(OpenAPIV31SpecValidator),
    "3.2": _only_local(OpenAPIV32SpecValidator),
}
"""By version of OpenAPI."""


@click.command()
@click.argument("file")
def lint(file: str) -> None:
    """Checks a contract and prints each problem with file and line, what in it is not read, and what is still to decide."""
    contract = _load(file)
    if problems := contract.unread or _openapi_problems(file, contract):
        raise Unusable("\n".join(map(str, problems)))
    whole = openapi.load(file, plain=True)
    for note in dict.fromkeys((*contract.notes, *whole.notes)):
        click.echo(f"note: {note}")
    for todo in sorted(todos(openapi.read_document(file))):
        click.echo(f"note: {todo}")
    with_table, rules = len(contract.operations), sum(len(each.rules) for each in contract.operations.values())
    without = len(whole.operations) - with_table
    tables = _counted(rules, "row") if with_table else "no decision tables"
    rest = f"; {_counted(without, 'operation')} without a decision table" if with_table and without else ""
    click.echo(f"{file}: no problems in {_counted(with_table or without, 'operation')}, {tables}{rest}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _openapi_problems(file: str, contract: openapi.Contract) -> list[openapi.Problem]:
    """What is not valid by the version of OpenAPI that the document names."""
    version = str(contract.document["openapi"])
    checker = next((each for prefix, each in VALIDATORS.items() if version.startswith(prefix)), None)
    if checker is None:
        return [openapi.Problem(file, 1, f"OpenAPI {version} is not known", f"write one of {', '.join(VALIDATORS)}")]
    root = openapi.read_document(file).root
    try:
        errors = list(checker(contract.document).iter_errors())
    except Exception as error:  # the validator follows every reference, and ends with many kinds of errors
        return [
            openapi.Problem(file, 1, f"could not be checked as OpenAPI {version}: {type(error).__name__}: {str(error)[:200]}")
        ]
    what = f"is not valid OpenAPI {'.'.join(version.split('.')[:2])}"
    return [root.at(tuple(each.absolute_path)).problem(f"{what}: {each.message.splitlines()[0][:300]}") for each in errors]


@click.command()
@click.argument("file")
def explain(file: str) -> None:
    """Prints the decision table of each operation."""
    contract = _load(file)
    if not contract.operations:
        raise Unusable(f"{file}:1: has no decision tables (write x-outcomes in an operation)")
    for operation in contract.operations.values():
        table = Table("row", "outcome", "condition", "kind", title=f"{operation.method} {operation.path}", title_justify="left")
        for rule in operation.rules:
            table.add_row(str(rule.number), rule.outcome, rule.condition, f"{rule.kind} {rule.why}".strip())
        Console(highlight=False).print(table, markup=False)


@click.command()
@click.argument("file")
@click.option("--world", "world_file", required=True, metavar="FILE", help="YAML file with the initial data.")
def diagram(file: str, world_file: str) -> None:
    """Prints a Mermaid state diagram for each table that has phases."""
    contract, now = _load(file), time.time_ns() // 1_000_000
    try:
        world = openapi.load_world(world_file, contract, now, os.environ)
    except openapi.WorldError as error:
        raise Unusable(str(error)) from None
    tables = [table for table, phases in contract.phases.items() if phases]
    if not tables:
        raise Unusable(f"{file}:1: no table of x-state has phases (add phases to a table, each with a condition)")
    for table in tables:
        click.echo("stateDiagram-v2")
        for before, after, cause in openapi.transitions(contract, table, world.state, now):
            click.echo(f"    {before or '[*]'} --> {after or '[*]'}: {cause}")


def _load(file: str) -> openapi.Contract:
    try:
        return openapi.load(file)
    except openapi.ContractError as error:
        raise Unusable(str(error)) from None

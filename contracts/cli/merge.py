"""`contracts merge`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli import output
from contracts.cli.options import required
from contracts.cli.unusable import Unusable
from contracts.judge.merging import merged
from contracts.judge.parts import repeated
from contracts.judge.record import Record
from contracts.report.reading import read_report_file
from contracts.sequence.joining import join


@click.command()
@click.argument("reports", nargs=-1, metavar="[REPORT]...")
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder or .jsonl file of sequences to join. Repeatable.",
)
@click.option(
    "--into-corpus",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the joined corpus is written: one sequence for the same behaviours, and the positions for --resume.",
)
@click.option("--contract", metavar="FILE", help="OpenAPI document, for --html. Without it: the device-sharing example.")
@click.option(
    "--require",
    multiple=True,
    metavar="OUTCOME",
    help="Outcome that one of the runs must have verified: a name, a pattern, or `all`. Repeatable.",
)
@output.FILES
def merge(reports: tuple[str, ...], corpora: tuple[Path, ...], into_corpus: Path | None, **options: Any) -> None:
    """Merges the JSON reports of several runs into one verdict, and their corpora into one.

    Exit codes: 0 passed, 1 violations, 2 unusable input, or a run whose target was gone, 3 too little covered.
    """
    output.check(options)
    if bool(corpora) != (into_corpus is not None):
        raise Unusable("--corpus names what is joined and --into-corpus where it is written; give both or neither")
    if not reports and not corpora:
        raise Unusable("name the JSON reports of the runs: contracts merge reports/*.json")
    try:
        record = _record(reports, options["require"]) if reports else None
        contract = _contract(options, reports[0], record) if record is not None else None
        if into_corpus is not None:
            _join(corpora, into_corpus)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    if record is not None:
        output.finish(record, contract, options)


def _record(paths: Sequence[str], patterns: Sequence[str]) -> Record:
    """The reports as one record. Warns of inputs that were sent twice. Raises Unusable and InvalidDocument."""
    records = [_read(path) for path in paths]
    first = records[0]
    for path, each in zip(paths, records, strict=True):
        if each.outcomes != first.outcomes:
            raise Unusable(f"{path} and {paths[0]} cannot be merged: {_difference(path, each, paths[0], first)}")
    record = merged(records)
    for part in repeated(record.parts):
        inputs = f"shard {part.shard}" if part.shard else f"the inputs of {part.target}"
        click.echo(f"warning: {inputs} of seed {part.seed} is there more than once, and counts each time", err=True)
    untested = [f"{path}: {why}" for path, each in zip(paths, records, strict=True) for why in each.untested()]
    gaps = [*record.gaps, *(untested if len(records) > 1 else ())]
    return replace(record, gaps=gaps, required=record.required | set(required(patterns, record.outcomes, paths[0])))


def _read(path: str) -> Record:
    """The record of a report. Raises Unusable and InvalidDocument."""
    if Path(path).is_dir():
        raise Unusable(f"{path} is a folder; name the JSON reports in it: {path.rstrip('/')}/*.json")
    if not Path(path).exists():
        hint = "; no file matches it" if any(each in path for each in "*?[") else ""
        raise Unusable(f"{path}: there is no such file{hint}")
    return read_report_file(path)


def _difference(path: str, record: Record, other_path: str, other: Record) -> str:
    """How the outcomes of two records differ, as a sentence."""
    for one, outcomes, others in ((path, record.outcomes, other.outcomes), (other_path, other.outcomes, record.outcomes)):
        if more := [each for each in outcomes if each not in others]:
            return f"only {one} has {more[0]}; all runs must have the same --contract and --operation"
    return "their outcomes are in another order; all runs must have the same --contract"


def _contract(options: dict[str, Any], path: str, record: Record) -> openapi.Contract | None:
    """The contract of the reports; None where no report needs it. Raises Unusable and InvalidDocument."""
    if not options["html"] and not options["contract"]:
        return None
    contract = openapi.load(options["contract"])
    names = dict.fromkeys(outcome.partition("/")[0] for outcome in record.outcomes)
    known = contract.only(*names) if all(name in contract.operations for name in names) else contract
    if record.outcomes != tuple(outcome for each in known.operations.values() for outcome in each.outcomes):
        raise Unusable(f"{path} is no report of {contract.file}; name its contract with --contract FILE")
    return known


def _join(corpora: Sequence[Path], into: Path) -> None:
    """Joins corpora and says what is left. Raises Unusable and InvalidDocument."""
    try:
        joined = join(corpora, into)
    except OSError as error:
        raise Unusable(f"{error.filename or into}: {error.strerror}") from None
    click.echo(f"Joined: {joined.file} has {joined.kept} of {joined.read} sequences")

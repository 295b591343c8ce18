"""Prints the record of a test run and writes its reports."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

import openapi
from contracts.cli.profile import options
from contracts.cli.unusable import Unusable
from contracts.http.wire import printable
from contracts.judge.record import Record
from contracts.report.data import write_json
from contracts.report.failures import save_failures
from contracts.report.html import write_html
from contracts.report.junit import write_junit
from contracts.report.matrix import Matrix
from contracts.report.progress import Progress
from contracts.report.terminal import print_record

FILES = options(
    click.option("--json", metavar="FILE", help="Write a JSON report."),
    click.option("--html", metavar="FILE", help="Write an HTML report, one file without scripts."),
    click.option("--junit", metavar="FILE", help="Write a JUnit XML report with one test case per outcome."),
    click.option("--failures", metavar="DIR", help="Save each violation as a file for `contracts replay`."),
)
REPORTS = options(FILES, click.option("--quiet", is_flag=True, help="Print no progress to standard error."))


def check(options: Mapping[str, Any]) -> None:
    """Checks the paths of the reports before any request is sent. Raises Unusable."""
    for path in filter(None, (options[name] for name in ("json", "html", "junit", "failures"))):
        if not Path(path).absolute().parent.is_dir():
            raise Unusable(f"{path} cannot be written: its folder does not exist")
    if options["failures"] and Path(options["failures"]).exists() and not Path(options["failures"]).is_dir():
        raise Unusable(f"{options['failures']} is a file; --failures is a folder")


def progress(options: Mapping[str, Any]) -> Progress:
    """The progress display of a test run."""
    return Progress(Console(stderr=True, quiet=options["quiet"]))


def matrix(options: Mapping[str, Any]) -> Matrix:
    """The display of live traffic."""
    return Matrix(Console(stderr=True, quiet=options["quiet"]))


def finish(record: Record, contract: openapi.Contract | None, options: Mapping[str, Any]) -> NoReturn:
    """Prints the record, writes the reports and exits. Only the HTML report needs the contract.

    Raises Unusable if a file cannot be written or the target is gone.
    """
    print_record(record, Console(highlight=False))
    try:
        if options["json"]:
            write_json(record, options["json"])
        if options["html"] and contract is not None:
            write_html(record, contract, options["html"])
        if options["junit"]:
            write_junit(record, options["junit"])
        for file in save_failures(record, options["failures"]) if options["failures"] else ():
            click.echo(f"Saved: {file}")
    except OSError as error:
        raise Unusable(f"the report cannot be written: {error}") from None
    if record.gone:
        raise Unusable(printable(record.gone, record.secrets))
    sys.exit(record.exit_code())

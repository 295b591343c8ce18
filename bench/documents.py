"""Real OpenAPI documents: whether each loads, how long the mock takes to start on it, and whether its replies conform.

A reply is judged by the check of Schemathesis for the schema of responses, which knows nothing of this package.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import schemathesis
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from werkzeug.test import Client, TestResponse

import openapi
from mockserver import Mock, Origin, create_app


@dataclass
class _Found:
    file: Path
    refused: str = ""
    seconds: float = 0.0
    """Until the mock can answer, of processor time."""
    asked: int = 0
    conforming: int = 0
    unjudged: str = ""
    notes: tuple[str, ...] = ()
    failures: list[str] = field(default_factory=list)


def documents(files: Iterable[Path], failures: bool) -> None:
    """Prints a table, and on demand why a reply does not conform."""
    found = [_examined(file) for file in files]
    table = Table("document", "kB", "loads", "start s", "s per MB", "operations", "conform", "notes", box=SIMPLE)
    for each in found:
        size = each.file.stat().st_size
        share = f"{each.conforming} ({each.conforming / each.asked:.0%})" if each.asked else each.unjudged
        start, per = f"{each.seconds:.2f}", f"{each.seconds / size * 1_000_000:.2f}"
        cells = [start, per, str(each.asked), share, str(len(each.notes))] if not each.refused else [""] * 5
        table.add_row(each.file.name, f"{size / 1000:.0f}", "no" if each.refused else "yes", *cells)
    console = Console(width=135, highlight=False)
    console.print(table)
    asked, conforming = sum(each.asked for each in found), sum(each.conforming for each in found)
    console.print(f"{sum(not each.refused for each in found)} of {len(found)} load; {conforming} of {asked} replies conform")
    for each in found:
        for line in [each.refused, *(each.failures if failures else ())]:
            if line:
                console.print(f"{each.file.name}: {line}", markup=False)


def _examined(file: Path) -> _Found:
    found, begun = _Found(file), time.process_time()
    try:
        contract = openapi.load(file, plain=True)
        mock = Mock(contract, Origin(openapi.parse_document("{}", "empty")))
    except openapi.InvalidDocument as error:
        found.refused = str(error).partition("\n")[0]
        return found
    found.seconds, found.notes = time.process_time() - begun, contract.notes
    client = Client(create_app(mock), TestResponse)
    try:
        operations = list(_operations(contract))
    except Exception as error:  # of the judge, which reads the document in its own way
        found.unjudged = f"not judged: {type(error).__name__}"
        return found
    for operation in operations:
        found.asked += 1
        problem = _problem(client, operation)
        found.conforming += not problem
        if problem:
            found.failures.append(f"{operation.label}: {problem}")
    return found


def _operations(contract: openapi.Contract) -> Iterator[Any]:
    schema: Any = schemathesis.openapi.from_dict(contract.document)
    for result in schema.get_all_operations():
        if (operation := result.ok()) is not None:
            yield operation


def _problem(client: Client, operation: Any) -> str:
    """Why the reply to an operation does not conform; empty where it does."""
    path = re.sub(r"\{[^}]*\}", "1", operation.path)
    reply = client.open(quote(path, safe="/%@:,;=+$!*'()~"), method=operation.method.upper())
    try:
        operation.validate_response(reply)
    except (Exception, BaseExceptionGroup) as error:
        parts = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        return re.sub(r"\s+", " ", f"{reply.status_code}: {'; '.join(map(str, parts))}")[:300]
    return ""

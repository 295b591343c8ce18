"""The record as one self-contained HTML page: no script, no external resources, all texts escaped."""

from __future__ import annotations

from datetime import datetime
from math import log
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import openapi
from contracts.judge.oracle import VERIFIED
from contracts.judge.record import LATENCY_BOUNDS, Record
from contracts.report.data import SHOWN, as_data

TALLEST = 20
"""Pixels of the highest bar."""


def write_html(record: Record, contract: openapi.Contract, path: str) -> None:
    """Writes the page. Raises OSError."""
    pages = Environment(
        loader=PackageLoader("contracts.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    data = as_data(record)
    text = pages.get_template("report.html.j2").render(
        title=contract.title,
        finished=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
        data=data,
        done=record.tally()[VERIFIED],
        operations=list(contract.operations.values()),
        hits={(each["operation"], each["row"]): each["hits"] for each in data["rows"]},
        shown=SHOWN,
        height=_height,
        span=_span,
    )
    Path(path).write_text(text, encoding="utf-8")


def _height(count: int, highest: int) -> int:
    """Pixels of a bar: logarithmic, so that the few slow replies are seen beside the many fast ones."""
    return max(2, round(TALLEST * log(count + 1) / log(highest + 1)))


def _span(bar: int) -> str:
    if bar == len(LATENCY_BOUNDS):
        return f"over {LATENCY_BOUNDS[-1]} ms"
    return f"up to {LATENCY_BOUNDS[bar]} ms"

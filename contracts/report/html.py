"""A record as one HTML file: no scripts, no external resources, all text escaped."""

from __future__ import annotations

from datetime import datetime
from math import log
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import openapi
from contracts.judge.record import LATENCY_BOUNDS, Record
from contracts.judge.verdict import VERIFIED
from contracts.report.data import RANK_TEXTS, as_data, took

BAR_HEIGHT = 20
"""The height of the tallest bar, in pixels."""


def write_html(record: Record, contract: openapi.Contract, path: str) -> None:
    """Writes the HTML file. Raises OSError."""
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
        took=took(record),
        done=record.tally()[VERIFIED],
        operations=list(contract.operations.values()),
        hits={(each["operation"], each["row"]): each["hits"] for each in data["rows"]},
        shown=RANK_TEXTS,
        height=_bar_height,
        span=_bucket_label,
    )
    Path(path).write_text(text, encoding="utf-8")


def _bar_height(count: int, highest: int) -> int:
    """The height of a bar in pixels, on a logarithmic scale: a few slow replies stay visible next to many fast ones."""
    return max(2, round(BAR_HEIGHT * log(count + 1) / log(highest + 1)))


def _bucket_label(bar: int) -> str:
    """The label of a latency bucket."""
    if bar == len(LATENCY_BOUNDS):
        return f"over {LATENCY_BOUNDS[-1]} ms"
    return f"up to {LATENCY_BOUNDS[bar]} ms"

"""`contracts watch` and `contracts check`: judge the traffic of other clients, live or recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import click

import openapi
from contracts.cli import output
from contracts.cli.deployment import contract_of, url
from contracts.cli.options import WORLD_OF_TRAFFIC
from contracts.cli.param_types import Duration, File, Text, secrets
from contracts.cli.profile import option
from contracts.cli.unusable import Unusable
from contracts.http.target import now_ms
from contracts.http.wire import printable
from contracts.traffic.groups import overlapping
from contracts.traffic.har import read_har
from contracts.traffic.judge import Traffic
from contracts.traffic.proxy import Proxy
from contracts.traffic.recording import Recording
from contracts.traffic.watch import Watcher
from contracts.traffic.watch import watch as watch_traffic

MOST_LINES = 20
"""The most lines about exchanges that were not judged, and about supposed rows."""
ALL = "all"
_address = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[^\[\]:]*):)?([0-9]{1,5})").fullmatch


@click.command()
@option("--target", required=True, type=Text(), metavar="URL", help="Base URL of the server behind the proxy.")
@click.option("--listen", default=":4020", show_default=True, metavar="[HOST]:PORT", help="Where clients connect.")
@WORLD_OF_TRAFFIC
@option("--ca", type=File(), metavar="FILE", help="PEM file of certificates to trust instead of the system's.")
@click.option("--record", type=click.Path(path_type=Path), metavar="FILE", help="Write a HAR file, a world and a corpus.")
@click.option("--for", "time", type=Duration(1), metavar="TIME", help="Stop after this time. Without it: at Ctrl-C.")
@output.REPORTS
def watch(**options: Any) -> None:
    """Judges live traffic, as a proxy between clients and a server.

    Exit codes: 0 no violations, 1 violations, 2 unusable input, 3 nothing was verified.
    """
    output.check(options)
    target = url("target", options["target"])
    host, port = _listening(options["listen"])
    started = now_ms()
    traffic = _traffic(options, started, target)
    if (file := options["record"]) is not None and not file.absolute().parent.is_dir():
        raise Unusable(f"{file} cannot be written: its folder does not exist")
    recording = None if file is None else Recording(file, traffic, started)
    try:
        proxy = Proxy(target, options["ca"])
    except OSError as error:
        raise Unusable(f"--ca {options['ca']}: {error.strerror or error}; give a PEM file of certificates") from None
    with output.matrix(options) as matrix:
        watcher, seconds = Watcher(traffic, recording, matrix), options["time"]
        ready = lambda own: click.echo(f"{own} forwards to {printable(target, traffic.secrets)}; Ctrl-C ends it", err=True)  # noqa: E731
        try:
            watch_traffic(proxy, watcher, host, port, ready, None if seconds is None else seconds / 1000)
        except OSError as error:
            raise Unusable(f"cannot listen on {options['listen']}, or write: {error.strerror or error}") from None
    if recording is not None:
        more = f"; {recording.dropped} later exchanges were not kept" if recording.dropped else ""
        click.echo(f"Recorded: {', '.join(str(each) for each in recording.files if each.exists())}{more}")
    _finish(traffic, options)


@click.command()
@click.argument("file")
@click.option("--base", default="", metavar="URL", help="Judge only requests below this URL. Without it: all, by their paths.")
@WORLD_OF_TRAFFIC
@output.REPORTS
def check(file: str, base: str, **options: Any) -> None:
    """Judges recorded traffic: FILE is a HAR file, as browsers and proxies save it.

    Exit codes: 0 no violations, 1 violations, 2 unusable input, 3 nothing was verified.
    """
    output.check(options)
    try:
        exchanges = list(read_har(file, url("base", base) if base else ""))
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    if not exchanges:
        raise Unusable(f"{file}:1: has no exchange{f' below {base}' if base else ''}")
    traffic = _traffic(options, exchanges[0].sent, base or file)
    with output.progress(options) as progress:
        for group in overlapping(exchanges):
            traffic.judge(group)
            progress(traffic.record)
    _finish(traffic, options)


def _traffic(options: Mapping[str, Any], now: int, base: str) -> Traffic:
    try:
        contract = contract_of(options)
        document = options["world"] or openapi.parse_document("{}", "empty")
        world = openapi.read_world(document, contract, now, os.environ)
    except openapi.InvalidDocument as error:
        raise Unusable(printable(str(error), secrets())) from None
    world = replace(world, secrets={**world.secrets, **secrets()})
    named = set(chain.from_iterable(each.split(",") for each in options["complete"]))
    if unknown := sorted(named - {ALL, *contract.tables}):
        raise Unusable(
            f"--complete {unknown[0]}: the contract has no such table ({openapi.nearest(unknown[0], (ALL, *contract.tables))})"
        )
    complete = contract.tables if ALL in named else named
    return Traffic(contract, world, now, base, complete=complete, tolerance=options["tolerance"])


def _listening(text: str) -> tuple[str, int]:
    """The address and the port to listen on; without an address that of this machine alone."""
    match = _address(text)
    if match is None or int(match[2]) > 65535:
        raise Unusable(f"--listen {text!r} is no address; write :4020, 127.0.0.1:4020 or [::1]:4020")
    return (match[1] or "127.0.0.1").strip("[]"), int(match[2])


def _finish(traffic: Traffic, options: Mapping[str, Any]) -> NoReturn:
    for sentence, count in traffic.skipped.most_common(MOST_LINES):
        click.echo(printable(f"Not judged, {count}: {sentence}", traffic.secrets))
    for table, row in traffic.supposed[:MOST_LINES]:
        click.echo(printable(f"Supposed: a row of {table}: {row}", traffic.secrets))
    output.finish(traffic.record, traffic.contract, {"failures": None, **options})

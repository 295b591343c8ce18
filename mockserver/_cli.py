"""The command line of the mock."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NoReturn

import click

import openapi
from mockserver._application import create_app
from mockserver._mock import Mock
from mockserver._operations import Line
from mockserver._server import Server, listen
from mockserver._world import Origin

DEMO = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
THREADS = 8


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Plays the server of a contract."""


@main.command()
@click.option("--contract", "contract_file", metavar="FILE", help="The OpenAPI document; without it, the one of device sharing.")
@click.option("--world", "world_file", metavar="FILE", help="What is true at the start; without it, the demo world.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=4010, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def serve(contract_file: str | None, world_file: str | None, host: str, port: int) -> None:
    """Serves a contract until it is interrupted."""
    if contract_file and not world_file:
        _fail("--contract needs --world: a world file says what is true at the start")
    try:
        contract = openapi.load(contract_file)
        file = world_file or str(DEMO)
        mock = Mock(contract, Origin(openapi.read_document(file), os.environ))
    except openapi.InvalidDocument as error:
        _fail(str(error))
    try:
        listener = listen(host, port)
    except (OSError, ValueError) as error:
        _fail(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}; choose another --host or --port")
    stop = Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    server = Server(create_app(mock, log=_log), listener, THREADS)
    click.echo(f"{contract.title}, world {Path(file).stem}: {server.url}")
    for operation in contract.operations.values():
        click.echo(f"  {operation.method} {operation.path}  {operation.name}, {len(operation.outcomes)} outcomes")
    sys.stdout.flush()
    stop.wait()
    server.stop()


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


def _log(line: Line) -> None:
    # Whoever read the output may be gone; a request is answered all the same.
    with suppress(OSError):
        click.echo(f"{time.strftime('%H:%M:%S')} {line.method} {line.path} {line.outcome} {line.milliseconds:.1f} ms")

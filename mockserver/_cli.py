"""The command line of the mock."""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click
import waitress

import openapi
from mockserver._application import LARGEST_BODY, create_app
from mockserver._world import LiveWorld

DEMO = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
THREADS = 8
MOST_BUFFERED = 8 * LARGEST_BODY  # beyond this waitress itself refuses, before the application can


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
        world = openapi.load_world(world_file or DEMO, contract, time.time_ns() // 1_000_000, os.environ)
    except openapi.InvalidDocument as error:
        _fail(str(error))
    app = create_app(contract, LiveWorld(world), log=_log)
    try:
        listener = _listener(host, port)
    except (OSError, ValueError) as error:
        _fail(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}; choose another --host or --port")
    server = waitress.create_server(
        app, sockets=[listener], threads=THREADS, ident="mockserver", max_request_body_size=MOST_BUFFERED
    )
    click.echo(f"{contract.title}, world {world.name}: http://{_in_url(host)}:{listener.getsockname()[1]}")
    sys.stdout.flush()
    for operation in contract.operations.values():
        click.echo(f"  {operation.method} {operation.path}  {operation.name}, {len(operation.outcomes)} outcomes")
    server.run()


def _listener(host: str, port: int) -> socket.socket:
    """One socket, of IPv4 where a name has both, so that port 0 is one port."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


def _log(line: str) -> None:
    # Whoever read the output may be gone; a request is answered all the same.
    with suppress(OSError):
        click.echo(f"{time.strftime('%H:%M:%S')} {line}")

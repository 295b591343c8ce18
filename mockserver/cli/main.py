"""The command line `mockserver`."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import click

from mockserver.application import create_app
from mockserver.cli.loading import fail, mock_of
from mockserver.cli.new import new
from mockserver.cli.options import SERVE
from mockserver.cli.transfer import export_world, import_world
from mockserver.cli.witnesses import witnesses
from mockserver.cli.workers import Workers
from mockserver.control.access import Guard, is_loopback
from mockserver.http.server import Server, listen, url_of
from mockserver.serving.mock import Mock
from mockserver.serving.operations import Line
from mockserver.serving.reload import Reloader
from mockserver.worlds.clock import wall_clock
from mockserver.worlds.journal import as_text
from mockserver.worlds.worlds import Bounds

MOST_NOTES = 20


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="contract-mock", prog_name="mockserver")
def main() -> None:
    """Runs a stateful mock of an API from its OpenAPI document."""


for command in (export_world, import_world, new, witnesses):
    main.add_command(command)


@main.command()
@SERVE
def serve(**options: Any) -> None:
    """Serves a contract until it is interrupted; a second signal ends it at once.

    A flag wins over its environment variable, that over the config file, and that over the default.
    """
    host, port, token = options["host"], options["port"], _token(options["token"])
    if not is_loopback(host) and not token:
        fail(
            f"other machines reach {host}, so the control plane wants a token: set MOCKSERVER_TOKEN or --token, "
            "or listen on 127.0.0.1"
        )
    workers, store = options["workers"], options["store"]
    if workers > 1 and store is None:
        fail("without a store one worker serves a mock, because its worlds are in the memory of one process; use --store URL")
    if workers > 1 and not hasattr(os, "fork"):
        fail("this system cannot serve one port by several processes; leave --workers out")
    tls = _tls(options["tls_cert"], options["tls_key"])
    mock = mock_of(options["contract"], options["world"], _bounds(options), store)
    try:
        listener = listen(host, port)
    except (OSError, ValueError) as error:
        fail(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}; choose another --host or --port")
    if workers == 1:
        _serve(mock, listener, tls, options)
        return
    _greet(mock, url_of("https" if tls else "http", *listener.getsockname()[:2]))
    mock.worlds.close()  # no process may use the connections of another one

    def work(place: int) -> None:
        own = mock_of(options["contract"], options["world"], _bounds(options), store)
        _serve(own, listener, tls, options, place)

    Workers(workers, work, lambda text: click.echo(text, err=True)).run()


def _serve(
    mock: Mock, listener: socket.socket, tls: tuple[Path, Path] | None, options: Mapping[str, Any], place: int | None = None
) -> None:
    """Serves until a signal. Of several processes the one at place 0 says what is read again."""
    log = None if options["quiet"] else _log_json if options["log"] == "json" else _log_text
    guard = Guard(_token(options["token"]), frozenset(options["allow_host"]))
    app = create_app(mock, log, guard, frozenset(options["cors"]))
    spare_the_collector()
    stop = Event()

    def interrupted(number: int, frame: object) -> None:
        if stop.is_set():  # the second signal waits for nobody
            os._exit(128 + number)
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM) if place is None else (signal.SIGTERM,):
        signal.signal(each, interrupted)
    server = Server(app, listener, options["threads"], tls)
    reloader = Reloader(mock, options["contract"], lambda text: None if place else click.echo(text, err=True))
    if options["reload"]:
        reloader.start()
    if place is None:
        _greet(mock, server.url)
    stop.wait()
    server.stop()
    mock.worlds.close()


def _bounds(options: Mapping[str, Any]) -> Bounds:
    return Bounds(options["max_worlds"], options["max_rows"], options["journal"], options["idle"])


def _token(token: str | None) -> str | None:
    """Refuses a token that no client could send; says nothing of the token itself."""
    if token is None:
        return None
    source = "the token (--token or MOCKSERVER_TOKEN)"
    if not token.strip():
        fail(f"{source} is empty; give at least one character, or leave the option out")
    if token != token.strip():
        fail(f"{source} has white space around it, such as the line break at the end of a file; give it without")
    if not (token.isascii() and token.isprintable()):
        fail(f"{source} has characters that no header can carry; use visible ASCII characters, such as letters and digits")
    return token


def _tls(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        fail("--tls-cert and --tls-key belong together: a certificate and its key, both PEM files")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:
        fail(f"{certificate} and {key} are no certificate and its key: {error.strerror or error}")
    return certificate, key


def _greet(mock: Mock, url: str) -> None:
    contract = mock.contract
    click.echo(f"{contract.title}, world {Path(mock.worlds.origin.document.file).stem}: {url}")
    for operation in contract.operations.values():
        click.echo(f"  {operation.method} {operation.path}  {operation.name}, {len(operation.outcomes)} outcomes")
    click.echo(f"  console: {url}/_mock/, reference: {url}/_mock/docs, control plane: {url}/_mock/openapi.yaml")
    if plain := [each for each in contract.operations.values() if each.success.content is not None]:
        click.echo(
            f"{len(plain)} operations have no x-outcomes, and answer with their first success from an example or a schema. "
            "Not known: which outcome a request gets (ask for one with `Prefer: code=404`), what it changes, who may call."
        )
    for note in contract.notes[:MOST_NOTES]:
        click.echo(f"  {note}")
    if len(contract.notes) > MOST_NOTES:
        click.echo(f"  and {len(contract.notes) - MOST_NOTES} more of this kind")
    sys.stdout.flush()


def spare_the_collector() -> None:
    """Requests create no reference cycles, so the garbage collector would visit every row and entry for nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)


def _log_text(line: Line) -> None:
    world = "" if line.world in ("", "default") else f" ({line.world})"
    _print(f"{time.strftime('%H:%M:%S')} {line.method} {line.path} {line.outcome} {line.milliseconds:.1f} ms{world}")


def _log_json(line: Line) -> None:
    parts = {"method": line.method, "path": line.path, "world": line.world, "outcome": line.outcome}
    _print(json.dumps({"time": as_text(wall_clock()), **parts, "milliseconds": round(line.milliseconds, 3)}))


def _print(text: str) -> None:
    # The output may be closed; a request is answered anyway.
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")  # a sixth of the time that click.echo takes, on every request
        sys.stdout.flush()

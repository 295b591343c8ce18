"""`contracts load`."""

from __future__ import annotations

import os
import runpy
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from rich.console import Console

import openapi
from contracts.cli import output
from contracts.cli.deployment import contract_of, manners_of, url
from contracts.cli.options import CONNECTION, JUDGING, REQUIRE, SEED, max_requests, plan
from contracts.cli.param_types import Duration, File, HeaderLine, Text, WorldFile, secrets
from contracts.cli.profile import PROFILE, option
from contracts.cli.unusable import Unusable
from contracts.http.target import RunEnded, Target, Turns, Unreachable
from contracts.http.wire import printable
from contracts.load.place import Place
from contracts.report.load import LoadProgress
from contracts.run.deadline import Deadline
from contracts.run.pool import MOST_WORLDS, PoolWorld, read_pool

if TYPE_CHECKING:
    from contracts.load.crew import Crew

MOST_SPAWNED = 100
"""The most users that may be started in a second; Locust cannot do more."""
WEB_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class _Server:
    """What one user needs, as texts of the options or of a pool."""

    target: str
    world: openapi.Document
    reset: str | None = None
    headers: tuple[str, ...] = ()


@click.command()
@PROFILE
@option("--target", type=Text(), metavar="URL", help="Base URL of the server, for one user.")
@option("--world", type=WorldFile(), metavar="FILE", help="YAML file with the data that exists on the server, for one user.")
@click.option("--pool", type=File(), metavar="FILE", help="YAML file of targets and worlds, one for each user.")
@option("--contract", type=File(), metavar="FILE", help="OpenAPI document. Without it: the device-sharing example.")
@option("--operation", multiple=True, metavar="NAME", help="Test only this operation. Repeatable.")
@click.option("--users", type=click.IntRange(1, MOST_WORLDS), metavar="N", help="Users. Without it: one for each world.")
@click.option(
    "--spawn-rate",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.01, MOST_SPAWNED),
    metavar="N",
    help="Start N users per second, until all are there.",
)
@click.option("--for", "time", type=Duration(1), metavar="TIME", help="How long the load lasts, for example 90s, 30m or 8h.")
@max_requests(None)
@SEED
@REQUIRE
@click.option("--web", type=click.IntRange(1, 65535), metavar="PORT", help="Serve Locust's web page on this port of 127.0.0.1.")
@click.option(
    "--listeners",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Python file to run first, which adds listeners to `locust.events`.",
)
@CONNECTION
@JUDGING
@output.REPORTS
def load(**options: Any) -> None:
    """Loads a server with users of Locust, and judges every reply.

    Each user has a world of its own. Ctrl-C ends the run and prints the full report.

    Exit codes: 0 passed, 1 violations, 2 unusable input or target, 3 too little covered.
    """
    _check(options)
    contract = _contract(options)
    servers = _servers(options)
    users = options["users"] or len(servers)
    if users > len(servers):
        there = "there is 1" if len(servers) == 1 else f"there are {len(servers)}"
        raise Unusable(
            f"--users {users} needs {users} worlds, and {there}: each user has accounts of its own. "
            f"`contracts worlds --template FILE --count {users}` makes a pool of worlds, for --pool"
        )
    turns = Turns(options["rate"], options["max_requests"] or sys.maxsize)
    places = [_place(each, contract, options, turns) for each in servers[:users]]
    if "locust" not in sys.modules:  # contracts.cli.entry imports it before everything that uses sockets
        raise Unusable("contracts load needs a process of its own: start it as `contracts load` or `python -m contracts load`")
    from contracts.load.run import Size, load

    _add_listeners(options["listeners"])
    size = Size(users, options["spawn_rate"], options["rate"], options["time"] and options["time"] / 1000, options["web"])
    stop = Deadline()
    with stop.at_interrupt(), LoadProgress(Console(stderr=True, quiet=options["quiet"])) as progress:
        _answer(places)

        def show(crew: Crew, users: int) -> None:
            progress.users, progress.violations, progress.errors = users, crew.violations, crew.errors.total()
            progress(crew.record)

        record, figures = load(contract, places, plan(options, contract, thorough=False), size, turns, stop, show)
    output.finish(record, contract, options, figures)


def _check(options: Mapping[str, Any]) -> None:
    if options["time"] is None and options["max_requests"] is None:
        raise Unusable("set a limit: --for 10m, --max-requests 100000, or both")
    given = [name for name in ("target", "world", "reset") if options[name] is not None]
    if options["pool"] is not None and given:
        raise Unusable(f"--pool has the targets, worlds and resets; leave out --{given[0]}")
    if options["pool"] is None and (options["target"] is None or options["world"] is None):
        raise Unusable("say what to load: --pool FILE for several users, or --target URL and --world FILE for one")
    output.check(options)
    if options["web"] is not None:
        try:
            socket.create_server((WEB_HOST, options["web"])).close()
        except OSError as error:
            raise Unusable(f"--web {options['web']}: cannot listen on {WEB_HOST}: {error.strerror or error}") from None


def _add_listeners(file: str | None) -> None:
    """Runs the file of the listeners. Raises Unusable if it fails."""
    try:
        if file is not None:
            runpy.run_path(file)
    except Exception as error:
        raise Unusable(f"--listeners {file} fails: {type(error).__name__}: {error}") from None


def _contract(options: Mapping[str, Any]) -> openapi.Contract:
    try:
        return contract_of(options)
    except openapi.InvalidDocument as error:
        raise Unusable(printable(str(error), secrets())) from None


def _servers(options: Mapping[str, Any]) -> list[_Server]:
    """The servers that the options name, as many as there are users, if there are as many. Raises Unusable."""
    if options["pool"] is None:
        return [_Server(options["target"], options["world"], options["reset"])]
    try:
        pool = read_pool(options["pool"])
        return [_server(each, options["pool"]) for each in pool[: options["users"]]]
    except openapi.InvalidDocument as error:
        raise Unusable(printable(str(error), secrets())) from None


def _server(world: PoolWorld, pool: str) -> _Server:
    """A server of a pool, with environment variables filled in. Raises Unusable and InvalidDocument."""
    try:
        target, reset = (each and Text().convert(each, None, None) for each in (world.target, world.reset))
    except click.BadParameter as error:
        raise Unusable(f"{pool}: {error.message}") from None
    return _Server(url("target", target or ""), openapi.read_document(world.world), reset and url("reset", reset), world.headers)


def _place(server: _Server, contract: openapi.Contract, options: Mapping[str, Any], turns: Turns) -> Place:
    """A server and its world, for one user. Raises Unusable."""
    try:
        headers = [HeaderLine().convert(each, None, None) for each in server.headers]
        world = openapi.read_world(server.world, contract, time.time_ns() // 1_000_000, os.environ)
    except click.BadParameter as error:
        raise Unusable(f"{options['pool']}: {error.message}") from None
    except openapi.InvalidDocument as error:
        raise Unusable(printable(str(error), secrets())) from None
    own = {**options, "header": (*options["header"], *headers), "reset": server.reset}
    manners = replace(manners_of(own, contract), rate=None, connections=1)
    world = replace(world, secrets={**world.secrets, **secrets()})
    return Place(world, Target(server.target, manners, turns))


def _answer(places: list[Place]) -> None:
    """Checks that each server answers HTTP. Raises Unusable."""
    hosts = {urlsplit(each.target.base)[:2]: each.target for each in places}
    try:
        for target in hosts.values():
            target.check()
    except RunEnded:
        pass  # fewer requests than servers
    except Unreachable as error:
        raise Unusable(printable(str(error), secrets())) from None

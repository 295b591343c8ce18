"""The options of the command line, each also an environment variable and a line of a config file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import openapi

PREFIX = "MOCKSERVER"
NAMES: set[str] = set()
"""Of every command; one config file serves them all."""


class Duration(click.ParamType[float]):
    """Seconds, written `90s`, `30m` or `1h`; 0 for never."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = 0 if value == "0" else openapi.duration(value)
        if found is None:
            self.fail(f"{value!r} is not a duration; write 90s, 30m, 1h, or 0 for never", param, ctx)
        return found / 1000


class Origin(click.ParamType[str]):
    """The origin of web pages as browsers send it: `https://app.example`, `*` for those of all pages."""

    name = "origin"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The origin in lower case."""
        origin = str(value).lower()
        if not _origin(origin):
            hint = "write a scheme and a host, such as https://app.example, or * for all"
            self.fail(f"{value!r} is not an origin; {hint}", param, ctx)
        return origin


_origin = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?").fullmatch


def option(name: str, *more: Any, **settings: Any) -> Callable[[Any], Any]:
    """An option that is also the environment variable `MOCKSERVER_NAME`."""
    plain = name.removeprefix("--").partition("/")[0]
    variable = f"{PREFIX}_{plain.upper().replace('-', '_')}"
    NAMES.add(plain)
    return click.option(name, *more, envvar=variable, show_default=settings.pop("show_default", True), **settings)


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options at once."""

    def decorate(command: Any) -> Any:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


def _configured(ctx: click.Context, param: click.Parameter, file: str | None) -> None:
    """Makes the lines of a config file the defaults of the other options."""
    if file is None:
        return
    try:
        document = openapi.read_document(file)
    except openapi.InvalidDocument as error:
        raise click.UsageError(str(error)) from None
    own = {each.opts[0].removeprefix("--"): str(each.name) for each in ctx.command.params if each is not param}
    if not isinstance(document.data, dict):
        raise click.UsageError(f"{file}:1: is not a list of options (write lines such as port: 4010)")
    defaults: dict[str, Any] = {}
    for node in document.root.children():
        if node.name not in NAMES - {"config"}:
            raise click.UsageError(str(node.problem(f"unknown option {node.name}", openapi.nearest(node.name, NAMES))))
        if node.name in own:
            defaults[own[node.name]] = node.value if isinstance(node.value, (list, bool)) else str(node.value)
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


CONFIG = option(
    "--config",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_configured,
    help="A YAML file of options, such as `port: 4010`.",
)
CONTRACT = option("--contract", metavar="FILE", help="The OpenAPI document; default: device sharing.")
WORLD = option("--world", metavar="FILE", help="The rows that exist at the start; default: the demo world.")

STORE = option("--store", metavar="URL", help="The database that keeps the worlds; without it they are in memory.")

SERVE = options(
    CONFIG,
    CONTRACT,
    WORLD,
    STORE,
    option("--host", default="127.0.0.1", metavar="ADDRESS", help="The address to listen on."),
    option("--port", default=4010, type=click.IntRange(0, 65535), metavar="N", help="The port to listen on; 0 for any free one."),
    option("--token", metavar="TEXT", help="The password for /_mock/; required where other machines can connect."),
    option(
        "--allow-host",
        multiple=True,
        metavar="NAME",
        help="A Host header that /_mock/ accepts, besides localhost and IP addresses; repeatable.",
    ),
    option(
        "--cors",
        multiple=True,
        type=Origin(),
        metavar="ORIGIN",
        help="An origin whose pages may call the API; `*` for all; repeatable.",
    ),
    option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="A PEM certificate, to serve HTTPS."),
    option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The PEM key of the certificate."),
    option(
        "--journal",
        default=1000,
        type=click.IntRange(1, 1_000_000),
        metavar="N",
        help="Requests that the journal of each world keeps.",
    ),
    option("--max-worlds", default=200, type=click.IntRange(1), metavar="N", help="The most worlds at the same time."),
    option("--max-rows", default=100_000, type=click.IntRange(1), metavar="N", help="The most rows in each table of a world."),
    option(
        "--idle",
        default="1h",
        type=Duration(),
        metavar="TIME",
        help="A world is deleted after this time without a request; 0 for never.",
    ),
    option(
        "--threads", default=8, type=click.IntRange(1, 256), metavar="N", help="The most requests to /_mock/ at the same time."
    ),
    option(
        "--workers",
        default=1,
        type=click.IntRange(1),
        metavar="N",
        help="Processes that serve the port together; more than 1 need --store.",
    ),
    option("--reload/--no-reload", default=True, help="Load the contract and the world again when their files change."),
    option("--quiet", is_flag=True, help="Do not log requests."),
    option("--log", default="text", type=click.Choice(["text", "json"]), help="The format of the request log."),
)

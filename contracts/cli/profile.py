"""A profile: a YAML file with the options of one deployment. Command-line options override it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli.param_types import File
from contracts.cli.unusable import Unusable

KEYS: dict[str, str] = {}
"""The option of each key, of every command: one profile serves them all."""


def option(name: str, *more: Any, key: str = "", **settings: Any) -> Callable[[Any], Any]:
    """An option that is also a key of a profile, by its own name unless `key` gives another."""
    KEYS[key or name.removeprefix("--").partition("/")[0]] = name.partition("/")[0]
    return click.option(name, *more, show_default=settings.pop("show_default", True), **settings)


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options at once."""

    def decorate(command: Any) -> Any:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


def _profiled(ctx: click.Context, param: click.Parameter, file: str | None) -> None:
    """Makes the lines of a profile the defaults of the other options."""
    if file is None:
        return
    try:
        root = openapi.read_document(file).root
        if not isinstance(root.value, dict):
            raise Unusable(str(root.problem("is not a profile", "write lines such as target: https://staging.example")))
        own = {key: each for key, name in KEYS.items() for each in ctx.command.params if name in each.opts}
        defaults: dict[str, Any] = {}
        for node in root.children():
            if node.name not in KEYS:
                raise Unusable(str(node.problem(f"unknown key {node.name}", openapi.nearest(node.name, KEYS))))
            if node.name in own:
                each = own[node.name]
                defaults[str(each.name)] = _default(node, each, ctx)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _default(node: openapi.Node, param: click.Parameter, ctx: click.Context) -> Any:
    """The value of a line as the option takes it. Raises Unusable, with the line, where it does not."""
    value = _plain(node, param)
    try:
        param.type_cast_value(ctx, value)
    except Unusable:
        raise
    except click.ClickException as error:
        raise Unusable(str(node.problem(f"{node.name}: {error.message}"))) from None
    return value


def _plain(node: openapi.Node, param: click.Parameter) -> Any:
    value, folder = node.value, Path(node.document.file).parent
    if isinstance(param.type, File):
        return node.apart() if isinstance(value, dict) else str(folder / str(value))
    values = [each.value for each in node.children()] if param.multiple and isinstance(value, (dict, list)) else [value]
    if any(isinstance(each, (dict, list)) or each is None for each in values):
        raise Unusable(str(node.problem(f"{node.name} does not hold plain values")))
    if param.multiple:
        return [f"{name}: {text}" for name, text in value.items()] if isinstance(value, dict) else values
    return value if isinstance(value, bool) else str(value)


PROFILE = click.option(
    "--profile",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_profiled,
    help="A YAML file of options, such as `rate: 20`.",
)

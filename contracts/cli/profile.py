"""A profile: a YAML file with the options of one deployment. A flag overrides the profile; the profile overrides the default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import openapi
from contracts.cli.param_types import File
from contracts.cli.unusable import Unusable

KEYS: dict[str, str] = {}
"""The option of each profile key, for all commands. A command ignores the keys of other commands."""


def option(name: str, *more: Any, key: str = "", **settings: Any) -> Callable[[Any], Any]:
    """An option that is also a key of a profile. The key is `key`, or else the name of the option."""
    KEYS[key or name.removeprefix("--").partition("/")[0]] = name.partition("/")[0]
    return click.option(name, *more, show_default=settings.pop("show_default", True), **settings)


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One decorator that applies several options."""

    def decorate(command: Any) -> Any:
        for each in reversed(decorators):
            command = each(command)
        return command

    return decorate


def _read_profile(ctx: click.Context, param: click.Parameter, file: str | None) -> None:
    """Reads a profile; its values become the defaults of the other options. Raises Unusable."""
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
                defaults[str(each.name)] = _default_of(node, each, ctx)
    except openapi.InvalidDocument as error:
        raise Unusable(str(error)) from None
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _default_of(node: openapi.Node, param: click.Parameter, ctx: click.Context) -> Any:
    """The value of a profile key for its option. Raises Unusable, with the line, if the option does not accept it."""
    value = _plain_value(node, param)
    try:
        param.type_cast_value(ctx, value)
    except Unusable:
        raise
    except click.ClickException as error:
        raise Unusable(str(node.problem(f"{node.name}: {error.message}"))) from None
    return value


def _plain_value(node: openapi.Node, param: click.Parameter) -> Any:
    value, folder = node.value, Path(node.document.file).parent
    if isinstance(param.type, File):
        return node.as_document() if isinstance(value, dict) else str(folder / str(value))
    values = [each.value for each in node.children()] if param.multiple and isinstance(value, (dict, list)) else [value]
    if any(isinstance(each, (dict, list)) or each is None for each in values):
        raise Unusable(str(node.problem(f"{node.name} must have plain values: text, numbers, true or false")))
    if param.multiple:
        return [f"{name}: {text}" for name, text in value.items()] if isinstance(value, dict) else values
    return value if isinstance(value, bool) else str(value)


PROFILE = click.option(
    "--profile",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_read_profile,
    help="YAML file of options, for example `rate: 20`.",
)

"""What several commands do: read a mock from its files, and end with a sentence where that is impossible."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

import openapi
from mockserver.running import read_mock
from mockserver.serving.mock import Mock
from mockserver.worlds.world import StoreProblem
from mockserver.worlds.worlds import Bounds

UNUSABLE = 2
"""The exit code for input that cannot be used."""


def mock_of(contract: str | None, world: str | None, bounds: Bounds, store: str | None = None) -> Mock:
    """The mock of a contract file and a world file, kept in a store. Ends the command where one of them cannot be used."""
    try:
        return read_mock(contract, world, bounds, store=store)
    except (openapi.InvalidDocument, StoreProblem) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Prints a sentence on standard error and ends the command with the exit code for unusable input."""
    click.echo(message, err=True)
    sys.exit(UNUSABLE)

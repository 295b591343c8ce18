"""The error for input or a target that cannot be used."""

from __future__ import annotations

from typing import IO, Any

import click


class Unusable(click.ClickException):
    """Ends the command with a message and exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message to standard error."""
        click.echo(self.message, file=file, err=True)

"""Invalid input or an unusable target: one sentence, exit code 2."""

from __future__ import annotations

from typing import IO, Any

import click


class Unusable(click.ClickException):
    """Ends the command with a sentence."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Says it on the standard error."""
        click.echo(self.message, file=file, err=True)

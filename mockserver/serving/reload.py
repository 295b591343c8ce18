"""Reloads the contract and the world when their files change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import openapi
from mockserver.serving.mock import Mock
from mockserver.worlds.world import NotStored

INTERVAL = 0.5
"""Seconds between two checks. Polling is portable, and works on file systems without change events."""

Say = Callable[[str], None]


class Reloader:
    """Reads the files of a mock again. If they are invalid, the mock keeps the previous ones."""

    def __init__(self, mock: Mock, contract: str | None, say: Say) -> None:
        """`say` takes a sentence about what was read, or why it was not."""
        self.mock, self.contract, self.say = mock, contract, say
        self.world = Path(mock.worlds.origin.document.file)
        self._seen = self._stamps()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="mockserver-reload", daemon=True)

    def check(self) -> None:
        """Reads the files if one of them has changed since the last check."""
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            contract = openapi.load(self.contract, plain=True)
            origin = self.mock.worlds.origin
            if self.world.exists():  # a contract without tables needs no world file
                origin = replace(origin, document=openapi.read_document(self.world))
            again = self.mock.reload(contract, origin)
        except openapi.InvalidDocument as error:
            self.say(f"{error}\nkept what was there before")
        except NotStored as error:
            self._seen = []  # to try again
            self.say(f"{error}; the files are read again later")
        except Exception as error:  # somebody may still be typing, so that nothing else may end this thread
            self.say(f"{self.mock.contract.file} cannot be read: {type(error).__name__}: {error}\nkept what was there before")
        else:
            self._seen = self._stamps()  # it may refer to other files now
            self.say(f"read again: {', '.join(map(str, self.files))}; began anew: {', '.join(again)}")

    @property
    def files(self) -> list[Path]:
        """The contract with the files that it refers to, and the world."""
        return [*map(Path, self.mock.contract.files), self.world]

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(file) for file in self.files]

    def start(self) -> None:
        """Starts polling."""
        self._thread.start()

    def stop(self) -> None:
        """Stops polling."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.check()
            self.mock.worlds.expire()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size

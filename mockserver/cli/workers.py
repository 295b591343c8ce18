"""Several processes that serve one port: a parent that starts them, starts those that end anew, and passes signals on.

They are forked, so the parent may have no threads and no open connections of its own.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from threading import Thread

SHORTEST_LIFE = 1.0
"""Seconds; a process that lived less is not started again before they are over."""
ENDING = (signal.SIGINT, signal.SIGTERM)

Say = Callable[[str], None]


class Workers:
    """The processes. `work` runs in each, with its place from 0, and returns on SIGTERM."""

    def __init__(self, number: int, work: Callable[[int], None], say: Say) -> None:
        self.number, self.work, self.say = number, work, say
        self._places: dict[int, tuple[int, float]] = {}
        """By process id: its place, and when it began."""
        self._stopping = False
        self._end, self._begin = os.pipe()
        """Only the parent keeps the second one open, so the others see the end of the first one when it is gone."""

    def run(self) -> None:
        """Starts them, and returns when all have ended after a signal. A second signal ends them at once."""
        for each in ENDING:
            signal.signal(each, self._interrupted)
        for place in range(self.number):
            self._start(place)
        while self._places:
            number, status = os.wait()
            place, began = self._places.pop(number)
            if not self._stopping:
                self.say(f"a worker ended ({_how(status)}); another one takes its place")
                time.sleep(max(0.0, began + SHORTEST_LIFE - time.monotonic()))
                self._start(place)

    def _start(self, place: int) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # a signal comes before or after it is known
        try:
            if self._stopping:
                return
            number = os.fork()
            if not number:
                self._work(place)
            self._places[number] = place, time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def _work(self, place: int) -> None:
        """The life of a worker; never returns."""
        code = 1
        try:
            os.close(self._begin)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all, and the parent passes it on
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            Thread(target=self._end_with_parent, name="mockserver-parent", daemon=True).start()
            self.work(place)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _end_with_parent(self) -> None:
        os.read(self._end, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _interrupted(self, number: int, frame: object) -> None:
        again, self._stopping = self._stopping, True
        for each in self._places:
            os.kill(each, signal.SIGKILL if again else signal.SIGTERM)
        if again:
            os._exit(128 + number)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"code {code}"

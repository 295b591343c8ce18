"""Runs a load test on Locust, which starts and stops the users, keeps the statistics and has the web page.

Importing this module imports Locust, which replaces the sockets, threads and clocks of this process by those of gevent. So it
must come before everything that uses them; `contracts.cli.entry` sees to it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import STATE_CLEANUP, STATE_STOPPED, LocalRunner
from locust.stats import StatsEntry
from locust.user.task import LOCUST_STATE_STOPPING
from locust.web import WebUI

import openapi
from contracts.http.target import RunEnded, Turns, Unreachable
from contracts.http.wire import printable
from contracts.judge.record import Record
from contracts.judge.verdict import VIOLATION
from contracts.load.crew import Crew
from contracts.load.place import Place
from contracts.load.user import Heard, Member
from contracts.report.load import Figures, Load
from contracts.run.deadline import Deadline
from contracts.run.examination import Plan

PERIOD = 0.1
"""Seconds between two looks at whether the load has ended."""
PATIENCE = 5.0
"""Seconds that a user has to end, besides those that it waits for a reply."""
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Size:
    """How much load."""

    users: int
    spawn_rate: float
    """Users per second, until all are there."""
    rate: float | None = None
    """The most requests per second of all users together."""
    seconds: float | None = None
    """How long the load lasts; None until the requests are used up."""
    web: int | None = None
    """The port of Locust's web page on this machine; None for none."""


class Violation(Exception):
    """What Locust's listeners get for a reply that violates the contract."""


class Unusable(Exception):
    """What Locust's listeners get for a request without a reply, or with one that asks for a pause."""


class JudgedUser(User):
    """A user of Locust; a task is one walk."""

    abstract = True
    crew: Crew
    _member: Member | None = None

    @task
    def walk(self) -> None:
        """Sends a walk. Raises StopUser at the end of the load, and where every world has a user."""
        member = self._member or self._join()
        try:
            member.walk()
        except RunEnded:
            raise StopUser from None
        except Unreachable as error:
            self.crew.gave_up.append(str(error))
            self._member = None
            raise StopUser from None
        except Exception as error:  # Locust would only log it
            self.crew.failure = error
            raise StopUser from None

    def on_stop(self) -> None:
        """Leaves the world to another user."""
        if self._member is not None:
            self.crew.give_back(self._member)

    def _join(self) -> Member:
        member = self.crew.take()
        if member is None:
            raise StopUser
        member.session.deadline.stopped = lambda: self._state == LOCUST_STATE_STOPPING
        self._member = member
        return member


def load(
    contract: openapi.Contract,
    places: Sequence[Place],
    plan: Plan,
    size: Size,
    turns: Turns,
    stop: Deadline,
    show: Callable[[Crew, int], None],
) -> tuple[Record, Load]:
    """Runs a load test; `turns` are those of the targets of all places. It ends at once at `stop`.

    Calls `show` now and then, with the number of users. If no user gets replies any more, the record says so in `gone`. Raises
    OSError where the port of the web page cannot be used.
    """
    deadline = Deadline()
    crew = Crew(contract, places, plan, turns, deadline, stop)
    try:
        crew.learn()
    except RunEnded:
        pass
    except Unreachable as error:
        crew.record.gone = str(error)
    environment = _environment(crew, plan, places)
    runner = environment.create_local_runner()
    began, processor = time.monotonic(), time.process_time()
    if not crew.record.gone:
        _run(environment, runner, crew, size, deadline, stop, show)
    seconds = time.monotonic() - began
    used = (time.process_time() - processor) / max(seconds, 0.001)
    figures = _figures(environment, seconds, size, crew, used)
    if crew.failure is not None:
        raise crew.failure
    crew.finish()
    return crew.record, figures


def _environment(crew: Crew, plan: Plan, places: Sequence[Place]) -> Environment:
    """Locust's environment. Its listeners are those of `locust.events`, where plug-ins register theirs."""
    quiet = logging.getLogger("locust")
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    users = type("JudgedUser", (JudgedUser,), {"crew": crew, "abstract": False})
    timeout = max(each.target.manners.timeout for each in places)
    host = printable(places[0].target.base, crew.record.secrets)
    environment = Environment(user_classes=[users], events=events, host=host, stop_timeout=timeout + PATIENCE)
    crew.heard = lambda number, heard: _fire(environment, crew.record, number, heard)
    return environment


def _run(
    environment: Environment,
    runner: LocalRunner,
    crew: Crew,
    size: Size,
    deadline: Deadline,
    stop: Deadline,
    show: Callable[[Crew, int], None],
) -> None:
    """Lets the users run until the load ends."""
    web = _web_page(environment, size.web)
    events.test_start.add_listener(lambda **_: setattr(runner, "cpu_warning_emitted", True))  # the report says it
    events.init.fire(environment=environment, runner=runner, web_ui=web)
    if size.seconds is not None:
        deadline.end(size.seconds)
    runner.start(size.users, size.spawn_rate)
    try:
        while not (deadline.passed or stop.passed or crew.failure or _is_over(runner, size)):
            time.sleep(PERIOD)
            crew.note_progress()
            show(crew, runner.user_count)
    finally:
        deadline.end()
        runner.quit()
        if web is not None:
            web.stop()


def _web_page(environment: Environment, port: int | None) -> WebUI | None:
    """Locust's web page, where it is wanted. It reads the command line, which is not Locust's."""
    if port is None:
        return None
    del sys.argv[1:]
    return environment.create_web_ui(HOST, port)


def _is_over(runner: LocalRunner, size: Size) -> bool:
    """Whether all users have ended, or were stopped on the web page."""
    spawned = runner.spawning_greenlet is not None and runner.spawning_greenlet.ready()
    return runner.state in (STATE_CLEANUP, STATE_STOPPED) or (spawned and runner.user_count == 0)


def _fire(environment: Environment, record: Record, number: int, heard: Heard) -> None:
    """Tells Locust's statistics and listeners of a reply. Its name is the outcome."""
    error: Exception | None = None
    if heard.error:
        error = Unusable(printable(heard.verdict.got if heard.verdict else heard.error, record.secrets))
    elif heard.verdict is not None and heard.verdict.kind == VIOLATION:
        error = Violation(printable(f"{heard.verdict.rule} - {heard.verdict.key[-1]}", record.secrets))
    environment.events.request.fire(
        request_type=heard.request.method,
        name=printable(heard.name, record.secrets),
        response_time=heard.milliseconds,
        response_length=heard.size,
        response=None,
        context={"user": number, "operation": heard.request.operation},
        exception=error,
        start_time=heard.sent / 1000,
        url=None,
    )


def _figures(environment: Environment, seconds: float, size: Size, crew: Crew, processor: float) -> Load:
    stats = environment.stats
    entries = sorted((each for each in stats.entries.values() if each.num_requests), key=lambda each: each.name)
    return Load(
        crew.most_users,
        round(seconds, 3),
        size.rate,
        _figure("", stats.total, seconds),
        tuple(_figure(each.name, each, seconds) for each in entries),
        crew.violations,
        dict(sorted(crew.errors.items())),
        tuple(dict.fromkeys(crew.gave_up)),
        round(processor, 3),
    )


def _figure(name: str, entry: StatsEntry, seconds: float) -> Figures:
    most = entry.max_response_time
    median, p95, p99 = (min(entry.get_response_time_percentile(part), most) for part in (0.5, 0.95, 0.99))
    return Figures(name, entry.num_requests, round(entry.num_requests / max(seconds, 0.001), 3), median, p95, p99, most)

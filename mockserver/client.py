"""A client of the control plane, for tests in Python: a world with its clock, faults and journal as objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote
from uuid import uuid4

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = 30.0
"""Seconds."""


class ControlError(RuntimeError):
    """A request that the control plane refused; the text is its `detail`, `status` the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(detail)


def _check(reply: Response) -> None:
    if not reply.ok:
        raise ControlError(reply.status_code, str(reply.json().get("detail", "")))


class Client:
    """The control plane of a running mock."""

    def __init__(self, url: str, token: str | None = None, verify: bool | str = True) -> None:
        """`url` is the mock's base URL, `verify` a bundle of certificates to trust."""
        self.url = url.rstrip("/")
        from requests import Session  # 35 ms that a mock without clients need not spend

        self._session = Session()
        self._session.trust_env, self._session.verify = False, verify
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def create(self, name: str | None = None, document: Mapping[str, Any] | None = None) -> World:
        """Creates a world from a world document or, without one, from the world file of the server."""
        return self._created({"name": name or f"test-{uuid4().hex[:16]}"}, document)

    def world(self, name: str = "default") -> World:
        """A world that exists. Raises ControlError."""
        return World(self, self.call("GET", f"/worlds/{quote(name, safe='')}"))

    def worlds(self) -> list[dict[str, Any]]:
        """The worlds, each with its URL, clock and counts."""
        found: list[dict[str, Any]] = self.call("GET", "/worlds")
        return found

    def call(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """One request under `/_mock`; gives the decoded reply. Raises ControlError."""
        reply = self._session.request(method, f"{self.url}/_mock{path}", params=params, json=body, timeout=TIMEOUT)
        _check(reply)
        return reply.json() if reply.content else None

    def _events(self, path: str, params: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._session.get(f"{self.url}/_mock{path}", params=params, stream=True, timeout=TIMEOUT) as reply:
            _check(reply)
            kind = ""
            for line in reply.iter_lines(chunk_size=None):  # each part as it comes
                name, _, value = line.decode().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _created(self, params: Mapping[str, str], document: Mapping[str, Any] | None) -> World:
        return World(self, self.call("POST", "/worlds", params, document))


class World:
    """One world of a mock. `url` is the base URL of its contract."""

    def __init__(self, client: Client, described: Mapping[str, Any]) -> None:
        self.client, self.name, self.url = client, str(described["name"]), str(described["url"])
        self.clock, self.faults, self.journal = Clock(self), Faults(self), Journal(self)

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table; secrets are redacted."""
        found: dict[str, list[dict[str, Any]]] = self.call("GET", "/state")
        return found

    def write(self, **tables: list[dict[str, Any]]) -> None:
        """Puts rows into tables, in place of those with the same keys."""
        self.call("PATCH", "/state", body=tables)

    def replace(self, document: Mapping[str, Any]) -> None:
        """Replaces the state by that of a world document."""
        self.call("PUT", "/state", body=document)

    def reset(self) -> None:
        """Resets the world to its origin, without faults and with an empty journal."""
        self.call("POST", "/reset")

    def snapshot(self) -> str:
        """Takes a snapshot and returns its name."""
        return str(self.call("POST", "/snapshots")["snapshot"])

    def restore(self, snapshot: str) -> None:
        """Restores a snapshot."""
        self.call("POST", f"/snapshots/{snapshot}/restore")

    def fork(self, name: str | None = None) -> World:
        """Creates a copy of this world."""
        return self.client._created({"name": name or f"test-{uuid4().hex[:16]}", "from": self.name}, None)

    def delete(self) -> None:
        """Deletes it."""
        self.call("DELETE", "")

    def witnesses(self) -> dict[str, dict[str, Any]]:
        """For each outcome the simplest request that produces it in this world, or the missing rows."""
        found: dict[str, dict[str, Any]] = self.call("GET", "/witnesses")
        return found

    def reach(self, outcome: str) -> dict[str, Any]:
        """Sends the simplest request that gets an outcome, such as `getThing/404`; returns its entry of the journal.

        Raises ControlError where this world does not reach it.
        """
        found: dict[str, Any] = self.call("POST", "/witnesses", body={"outcome": outcome})
        return found

    def operations(self) -> list[dict[str, Any]]:
        """The operations with their decision tables, and how often each row has answered."""
        found: list[dict[str, Any]] = self.call("GET", "/operations")
        return found

    def call(self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """One request of the control plane about this world. Raises ControlError."""
        return self.client.call(method, f"{self._path}{path}", params, body)

    @property
    def _path(self) -> str:
        return f"/worlds/{quote(self.name, safe='')}"


class Clock:
    """The clock of a world. A time is `2030-01-31T12:00:00Z`, `now + 7d`, or epoch ms."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> int:
        """Epoch ms."""
        return int(self._world.call("GET", "/clock")["now"])

    def set(self, time: str | int) -> None:
        """Sets the time."""
        self._world.call("PATCH", "/clock", body={"time": str(time)})

    def advance(self, by: str) -> None:
        """Advances the clock by `90s` or `7d`; `-1h` sets it back."""
        self._world.call("PATCH", "/clock", body={"advance": by})

    def freeze(self) -> None:
        """Freezes the clock."""
        self._world.call("PATCH", "/clock", body={"frozen": True})

    def resume(self) -> None:
        """Lets a frozen clock run again."""
        self._world.call("PATCH", "/clock", body={"frozen": False})

    def reset(self) -> None:
        """Returns to real time."""
        self._world.call("DELETE", "/clock")


class Faults:
    """The faults of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, **fault: Any) -> int:
        """Adds a fault, such as `outcome="404", times=1`; returns its id."""
        return int(self._world.call("POST", "/faults", body=fault)["id"])

    def remove(self, number: int) -> None:
        """Removes one."""
        self._world.call("DELETE", f"/faults/{number}")

    def clear(self) -> None:
        """Removes all."""
        self._world.call("DELETE", "/faults")


class Journal:
    """The journal of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def entries(self, **wanted: Any) -> list[dict[str, Any]]:
        """The entries, newest first, filtered by `operation`, `outcome`, `since`, `until`, `tainted`, `after` and `limit`."""
        params = {name: str(value).lower() if isinstance(value, bool) else value for name, value in wanted.items()}
        found: list[dict[str, Any]] = self._world.call("GET", "/journal", params)["entries"]
        return found

    def verify(
        self,
        operation: str | None = None,
        outcome: str | int | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        exactly: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
    ) -> None:
        """Raises AssertionError unless the number of matching requests is right; at least one if no number is given."""
        wanted = {"operation": operation, "outcome": None if outcome is None else str(outcome), "parameters": parameters}
        numbers = {"exactly": exactly, "atLeast": at_least, "atMost": at_most}
        body = {name: value for name, value in (wanted | numbers).items() if value is not None}
        verdict = self._world.call("POST", "/journal/verify", body=body)
        if not verdict["verified"]:
            raise AssertionError(f"{operation or 'requests'} {outcome or ''}: {verdict['message']}")

    def replay(self, number: int) -> dict[str, Any]:
        """Answers the request of an entry again; returns the new entry. Raises ControlError."""
        found: dict[str, Any] = self._world.call("POST", f"/journal/{number}/replay")
        return found

    def events(self, after: int | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of the world as they happen, each with its kind: `entry`, `world`, and `gone` at the end.

        Begins with the entries whose numbers are above `after`, without it with new ones. Closing it closes the connection.
        """
        return self._world.client._events(f"{self._world._path}/events", {} if after is None else {"after": after})

    def clear(self) -> None:
        """Clears the journal."""
        self._world.call("DELETE", "/journal")

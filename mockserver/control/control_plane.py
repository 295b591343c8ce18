"""The control plane: worlds, their clocks, faults and journals, and witnesses. `openapi/control-plane.yaml` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response

import openapi
from mockserver.control import arguments as asked
from mockserver.control import integers
from mockserver.control.arguments import NotUnderstood
from mockserver.control.context import WORLD, Body, Context, NotAllowed, NotThere, Route, described_clock
from mockserver.control.decisions import Decisions
from mockserver.control.events import Crowded, Events
from mockserver.control.journal import JournalViews
from mockserver.control.lifecycle import Lifecycle
from mockserver.control.rows import Rows
from mockserver.http.reply import JSON, encoded, problem
from mockserver.serving.asking import Unreachable
from mockserver.worlds.clock import Clock
from mockserver.worlds.faults import UnknownOperation, UnknownOutcome
from mockserver.worlds.metrics import exposition
from mockserver.worlds.world import NoRoom, Origin
from mockserver.worlds.worlds import DEFAULT, NameTaken

YAML, PROMETHEUS = "application/yaml", "text/plain; version=0.0.4; charset=utf-8"

STATUSES: dict[type[Exception], int] = {
    NotThere: 404,
    UnknownOperation: 404,
    UnknownOutcome: 404,
    NotAllowed: 409,
    Unreachable: 409,
    NameTaken: 409,
    openapi.WorldError: 409,
    openapi.TableFull: 409,
    NoRoom: 409,
    Crowded: 503,
}


class Control(Context):
    """The operations of the control plane of one mock."""

    def blueprint(self) -> Blueprint:
        """Its routes."""
        blueprint = Blueprint("control", __name__)
        for method, rule, view in self._routes():
            blueprint.add_url_rule(
                rule,
                f"{method} {rule}".replace(".", "_"),
                _sent(method, rule, view),
                methods=[method],
                provide_automatic_options=False,
            )
        for kind, status in STATUSES.items():
            blueprint.register_error_handler(kind, _handler(status))
        blueprint.register_error_handler(NotUnderstood, lambda error: _problem(error.status, str(error)))
        return blueprint

    def _routes(self) -> list[Route]:
        return [
            ("GET", "/_mock/health", lambda: {"status": "ok"}),
            ("GET", "/_mock/contract", lambda: self.mock.contract.document),
            ("GET", "/_mock/openapi.json", lambda: asked.control_plane().document),
            ("GET", "/_mock/openapi.yaml", lambda: Response(asked.FILE.read_bytes(), content_type=YAML)),
            ("GET", "/_mock/metrics", self.metrics),
            ("GET", "/_mock/worlds", lambda: [self.world(each) for each in self.mock.worlds.all()]),
            ("POST", "/_mock/worlds", self.create_world),
            ("GET", WORLD, lambda world: self.world(self.get(world))),
            ("DELETE", WORLD, self.delete_world),
            ("POST", f"{WORLD}/reset", lambda world: self.get(world).reset(self.mock.worlds.bounds.rows)),
            ("GET", f"{WORLD}/state", self.get_state),
            ("PUT", f"{WORLD}/state", self.replace_state),
            ("PATCH", f"{WORLD}/state", self.change_state),
            ("GET", f"{WORLD}/snapshots", lambda world: [{"snapshot": name} for name in self.get(world).snapshots]),
            ("POST", f"{WORLD}/snapshots", lambda world: ({"snapshot": self.get(world).snapshot()}, 201)),
            ("DELETE", f"{WORLD}/snapshots/<snapshot>", self.delete_snapshot),
            ("POST", f"{WORLD}/snapshots/<snapshot>/restore", self.restore_snapshot),
            ("GET", f"{WORLD}/clock", lambda world: described_clock(self.get(world).clock)),
            ("PATCH", f"{WORLD}/clock", self.set_clock),
            ("DELETE", f"{WORLD}/clock", self.reset_clock),
            ("GET", f"{WORLD}/faults", lambda world: [each.described() for each in self.get(world).faults.active]),
            ("POST", f"{WORLD}/faults", self.add_fault),
            ("DELETE", f"{WORLD}/faults", self.clear_faults),
            ("DELETE", f"{WORLD}/faults/<fault>", self.remove_fault),
            *Rows(self).routes(),
            *JournalViews(self).routes(),
            *Events(self).routes(),
            *Decisions(self).routes(),
            *Lifecycle(self).routes(),
        ]

    def metrics(self) -> Response:
        worlds = self.mock.worlds
        return Response(exposition(worlds.tallies(), len(worlds)), content_type=PROMETHEUS)

    def create_world(self) -> Body:
        wanted = asked.query("createWorld")
        worlds = self.mock.worlds
        document = asked.world_document(wanted["name"], self.mock.contract)
        if "from" in wanted:
            if document:
                raise NotAllowed("a world is a fork or has a document of its own; leave out `from`, or the body")
            world = worlds.fork(wanted["name"], self.get(wanted["from"]))
        else:
            world = worlds.create(wanted["name"], worlds.origin if document is None else Origin(document))
        return self.world(world), 201

    def delete_world(self, world: str) -> Body:
        if self.get(world).name == DEFAULT:
            raise NotAllowed("the default world always exists; reset it instead")
        self.mock.worlds.delete(world)

    def get_state(self, world: str) -> Body:
        live = self.get(world)
        redaction = self.redaction(asked.query("getState"))
        state = live.state
        redaction.learn(state)
        # In the order in which rows were added, so that `last` means the same row where they are put into a world.
        return {name: [redaction.row(name, row) for row in state.rows(name)] for name in state.tables}

    def replace_state(self, world: str) -> Body:
        live = self.get(world)
        document, read = self.document(live)
        clock = None
        if "clock" in document.data:
            clock = Clock(frozen_at=read.now) if read.frozen else Clock().at(read.now)
        live.replace(read.state, clock, read.seed if "seed" in document.data else None)

    def change_state(self, world: str) -> Body:
        live = self.get(world)
        live.write(self.document(live)[1].state)

    def delete_snapshot(self, world: str, snapshot: str) -> Body:
        if not self.get(world).delete_snapshot(snapshot):
            raise NotThere(f"world {world} has no snapshot {snapshot}")

    def restore_snapshot(self, world: str, snapshot: str) -> Body:
        if not self.get(world).restore_snapshot(snapshot):
            raise NotThere(f"world {world} has no snapshot {snapshot}")

    def set_clock(self, world: str) -> Body:
        wanted = asked.body("setClock")
        return described_clock(self.get(world).set_clock(lambda clock: _wanted_clock(clock, wanted)))

    def reset_clock(self, world: str) -> Body:
        return described_clock(self.get(world).set_clock(lambda clock: Clock()))

    def add_fault(self, world: str) -> Body:
        return self.get(world).add_fault(asked.body("addFault")).described(), 201

    def clear_faults(self, world: str) -> Body:
        self.get(world).clear_faults()

    def remove_fault(self, world: str, fault: str) -> Body:
        live = self.get(world)
        if not (fault.isascii() and fault.isdecimal() and len(fault) < 10 and live.remove_fault(int(fault))):
            raise NotThere(f"world {world} has no fault {fault}")


def _sent(method: str, rule: str, view: Callable[..., Any]) -> Callable[..., Response]:
    documented = rule.replace("<", "{").replace(">", "}")

    def sent(**path: str) -> Response:
        asked.check_query(method, documented)
        are_text = integers.are_text()
        found = view(**path)
        if isinstance(found, Response):
            return found
        body, status = found if isinstance(found, tuple) else (found, 200)
        if body is None:
            return Response(status=204)
        return Response(encoded(integers.safe(body) if are_text else body), status, content_type=JSON)

    return sent


def _handler(status: int) -> Callable[[Exception], Response]:
    return lambda error: _problem(status, str(error))


def _problem(status: int, detail: str) -> Response:
    reply = problem(status, detail)
    return Response(reply.body, status, reply.headers)


def _wanted_clock(clock: Clock, wanted: Mapping[str, Any]) -> Clock:
    """The clock that a request asks for. Raises NotUnderstood."""
    if "frozen" in wanted and wanted["frozen"] != (clock.frozen_at is not None):
        clock = clock.stopped() if wanted["frozen"] else clock.running()
    time = asked.moment(wanted, "time", clock.now())
    if time is not None:
        clock = clock.at(time)
    if "advance" in wanted:
        text: str = wanted["advance"]
        distance = openapi.duration(text.removeprefix("-")) or 0
        clock = clock.advanced(-distance if text.startswith("-") else distance)
    return clock

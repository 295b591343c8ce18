"""Tests a real server against a contract: sends requests, judges each reply, records what was covered and violated."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.http.target import Manners, Target, Unreachable
    from contracts.http.wire import Reply, Request
    from contracts.judge.oracle import Oracle
    from contracts.judge.record import Record
    from contracts.judge.verdict import Verdict
    from contracts.run.examination import Plan, examine
else:
    from importlib import import_module

    _HOMES = {
        "contracts.http.target": {"Manners", "Target", "Unreachable"},
        "contracts.http.wire": {"Reply", "Request"},
        "contracts.judge.oracle": {"Oracle"},
        "contracts.judge.record": {"Record"},
        "contracts.judge.verdict": {"Verdict"},
        "contracts.run.examination": {"Plan", "examine"},
    }

    def __getattr__(name):
        """Imports a public name on first use, so that the command line can report missing dependencies as an error."""
        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(module), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Manners", "Oracle", "Plan", "Record", "Reply", "Request", "Target", "Unreachable", "Verdict", "examine"]

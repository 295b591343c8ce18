"""The suite that examines any real server by a contract."""

from contracts.http.target import Manners, Target, Unreachable
from contracts.http.wire import Reply, Request
from contracts.judge.oracle import Oracle, Verdict
from contracts.judge.record import Record
from contracts.run.examination import Plan, examine

__all__ = ["Manners", "Oracle", "Plan", "Record", "Reply", "Request", "Target", "Unreachable", "Verdict", "examine"]

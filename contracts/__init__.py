"""The suite that examines any real server by a contract."""

from contracts._examination import Plan, examine
from contracts._oracle import Oracle, Verdict
from contracts._record import Record
from contracts._target import Manners, Target, Unreachable
from contracts._wire import Reply, Request

__all__ = ["Manners", "Oracle", "Plan", "Record", "Reply", "Request", "Target", "Unreachable", "Verdict", "examine"]

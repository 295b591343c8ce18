"""The suite that examines any real server by a contract."""

from contracts._examination import examine
from contracts._oracle import Oracle, Verdict
from contracts._report import Record
from contracts._target import Target, Unreachable
from contracts._wire import Reply, Request

__all__ = ["Oracle", "Record", "Reply", "Request", "Target", "Unreachable", "Verdict", "examine"]

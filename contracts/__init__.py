"""The examiner: it sends requests to any real server and judges each reply by a contract."""

from contracts._aim import aim
from contracts._oracle import Oracle, Verdict
from contracts._report import Record
from contracts._target import Target, TargetError
from contracts._wire import Reply, Request, Secrets, encode

__all__ = ["Oracle", "Record", "Reply", "Request", "Secrets", "Target", "TargetError", "Verdict", "aim", "encode"]

"""Undocumented requests: a method or a path that the contract does not have. A server must not answer them with success.

They may have effects on a deployed server that the contract does not describe, so they are sent only on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import openapi
from contracts.http.wire import Request, request_for

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def undocumented(contract: openapi.Contract, successes: Mapping[str, Mapping[str, Any]]) -> Iterator[Request]:
    """Each successful request with every method that the contract does not have at its path, and at an unknown path."""
    served = {(each.method, each.path) for each in contract.operations.values()}
    for name, raw in successes.items():
        request = request_for(contract.operations[name], raw)
        for method in METHODS:
            if (method, contract.operations[name].path) not in served:
                yield replace(request, method=method)
        yield replace(request, path=f"{request.path}-unknown")

"""Requests beside the contract: another method, another path. A server that answers them with success has a way in nobody knows.

Servers that are deployed may mind, so that it is only done when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import openapi
from contracts.http.wire import Request, request_for

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def undocumented(contract: openapi.Contract, successes: Mapping[str, Mapping[str, Any]]) -> Iterator[Request]:
    """What succeeds, by each method that the contract does not have at this path, and at a path that it does not have."""
    served = {(each.method, each.path) for each in contract.operations.values()}
    for name, raw in successes.items():
        request = request_for(contract.operations[name], raw)
        for method in METHODS:
            if (method, contract.operations[name].path) not in served:
                yield replace(request, method=method)
        yield replace(request, path=f"{request.path}-unknown")

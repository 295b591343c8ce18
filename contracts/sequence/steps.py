"""Reads sequences from files. Files are untrusted input, so each request must match the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import openapi
from contracts.http.wire import Request, mismatch, request_from_data
from contracts.sequence.placeholder import Placeholders, placeholder_names
from contracts.sequence.shrink import Steps

MOST_STEPS = 1000
_minted = re.compile(r"(\d+)\.\w+").fullmatch
_plain_path = re.compile(r"[A-Za-z0-9_./~-]*").fullmatch
"""A path that is the same when it is encoded."""


class InvalidSteps(ValueError):
    """Data that is not a valid sequence for this contract and world."""


def read_steps(data: Any, contract: openapi.Contract, secrets: Mapping[str, str]) -> Steps:
    """The requests of a sequence from plain data. Raises InvalidSteps unless each one matches an operation of the contract."""
    if not isinstance(data, list) or not 1 <= len(data) <= MOST_STEPS or not all(isinstance(each, dict) for each in data):
        raise InvalidSteps(f"steps is not a list of 1 to {MOST_STEPS} requests")
    return [_step(number, each, contract, secrets) for number, each in enumerate(data, 1)]


def _step(number: int, data: Mapping[str, Any], contract: openapi.Contract, secrets: Mapping[str, str]) -> Request:
    try:
        filled = request = request_from_data(data)
        if "$" in repr(data) or not _plain_path(request.path):  # to fill the others takes most of the time of a large corpus
            before = {name: "x" for name in placeholder_names(request) if (found := _minted(name)) and int(found[1]) < number}
            filled = Placeholders(0, secrets, before).fill(request)
    except LookupError as error:
        raise InvalidSteps(f"step {number}: {error.args[0]}; does the world file read it from the environment?") from None
    except ValueError as error:
        raise InvalidSteps(f"step {number}: {error}") from None
    if why := mismatch(filled, contract.operations):
        raise InvalidSteps(f"step {number}: {why}")
    return request

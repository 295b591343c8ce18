"""Reads sequences from untrusted files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import openapi
from contracts.http.wire import Request, misfit, request_of
from contracts.sequence.placeholder import Run, names
from contracts.sequence.shrink import Steps

MOST_STEPS = 1000
_minted = re.compile(r"(\d+)\.\w+").fullmatch


class InvalidSteps(ValueError):
    """What is no sequence for this contract and this world."""


def read_steps(data: Any, contract: openapi.Contract, secrets: Mapping[str, str]) -> Steps:
    """The requests that plain data say, each one for an operation of the contract. Raises InvalidSteps."""
    if not isinstance(data, list) or not 1 <= len(data) <= MOST_STEPS or not all(isinstance(each, dict) for each in data):
        raise InvalidSteps(f"steps is no list of 1 to {MOST_STEPS} requests")
    return [_step(number, each, contract, secrets) for number, each in enumerate(data, 1)]


def _step(number: int, data: Mapping[str, Any], contract: openapi.Contract, secrets: Mapping[str, str]) -> Request:
    try:
        request = request_of(data)
        before = {name: "x" for name in names(request) if (found := _minted(name)) and int(found[1]) < number}
        filled = Run(0, secrets, before).fill(request)
    except LookupError as error:
        raise InvalidSteps(f"step {number}: {error.args[0]}; does the world file take it from the environment?") from None
    except ValueError as error:
        raise InvalidSteps(f"step {number}: {error}") from None
    if why := misfit(filled, contract.operations):
        raise InvalidSteps(f"step {number}: {why}")
    return request

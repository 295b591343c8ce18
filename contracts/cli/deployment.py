"""The deployment under test: the contract, world and target that the options name."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openapi
from contracts.cli.param_types import Header, secrets
from contracts.cli.unusable import Unusable
from contracts.http.target import MOST_CONNECTIONS, Manners, Target, Unreachable
from contracts.http.wire import printable


@dataclass(frozen=True, slots=True)
class Deployment:
    """A server under test, with its contract and its world."""

    contract: openapi.Contract
    world: openapi.World
    """Its secrets include those of the command line and of the profile."""
    target: Target


def connect(options: Mapping[str, Any]) -> Deployment:
    """The deployment, after a check that the target answers HTTP. Raises Unusable."""
    try:
        contract = contract_of(options)
        world = openapi.read_world(options["world"], contract, time.time_ns() // 1_000_000, os.environ)
        world = replace(world, secrets={**world.secrets, **secrets()})
        manners = manners_of(options, contract)
        target = Target(url("target", options["target"]), manners)
        target.check()
    except (openapi.InvalidDocument, Unreachable) as error:
        raise Unusable(printable(str(error), secrets())) from None
    return Deployment(contract, world, target)


def contract_of(options: Mapping[str, Any]) -> openapi.Contract:
    """The contract that the options name. Raises Unusable and InvalidDocument."""
    contract = openapi.load(options["contract"])
    if not contract.operations:
        raise Unusable(f"{contract.file}:1: no operation has x-outcomes, so there is nothing to test")
    for name in options["operation"]:
        if name not in contract.operations:
            raise Unusable(f"{contract.file} has no operation {name} ({openapi.nearest(name, contract.operations)})")
    return contract.only(*options["operation"]) if options["operation"] else contract


def manners_of(options: Mapping[str, Any], contract: openapi.Contract) -> Manners:
    """How the options want requests to be sent. Raises Unusable."""
    headers: tuple[Header, ...] = options["header"]
    parameters = {each.wire_name for one in contract.operations.values() for each in one.parameters if each.location == "header"}
    for each in headers:
        if each.name.lower() in parameters:
            raise Unusable(f"--header {each.name}: it is a parameter of the contract, so its values come from the world file")
    if options["ca"] and not Path(options["ca"]).is_file():
        raise Unusable(f"--ca {options['ca']}: there is no such file; give a PEM file of certificates")
    return Manners(
        rate=options["rate"],
        most_requests=options.get("max_requests") or sys.maxsize,
        timeout=options["timeout"] / 1000,
        retries=options["retries"],
        certificates=options["ca"],
        proxy=url("proxy", options["proxy"]) if options["proxy"] else None,
        reset=url("reset", options["reset"]) if options["reset"] else None,
        clock=url("clock", options["clock"]) if options.get("clock") else None,
        headers={each.name: each.value for each in headers},
        shown={each.name: each.shown for each in headers},
        connections=options.get("workers") or MOST_CONNECTIONS,
    )


def url(name: str, text: str) -> str:
    """Checks the URL of an option. Errors do not repeat it, because it may contain a password. Raises Unusable."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Unusable(f"--{name} is not a URL: write http://HOST:PORT or https://HOST")
    if name == "target" and parts.username is not None:
        raise Unusable("--target contains a user name or a password; pass them with --header, as '${NAME}' from the environment")
    return text

"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import click

import openapi
from contracts.cli.completion import operations
from contracts.cli.param_types import Duration, File, HeaderLine, Rate, Text, Workers, WorldFile
from contracts.cli.profile import PROFILE, option, options
from contracts.cli.unusable import Unusable
from contracts.generate.transport import ALL, BARE, BEARER, FORM, PROBE, QUERY, Transport
from contracts.run.examination import Plan


def _deployment(required: bool) -> Callable[[Any], Any]:
    where: dict[str, Any] = {"required": True} if required else {}
    return options(
        PROFILE,
        option("--target", type=Text(), metavar="URL", help="Base URL of the server to test.", **where),
        option("--world", type=WorldFile(), metavar="FILE", help="YAML file with the data that exists on the server.", **where),
        option("--contract", type=File(), metavar="FILE", help="OpenAPI document. Without it: the device-sharing example."),
        option(
            "--operation", multiple=True, metavar="NAME", shell_complete=operations, help="Test only this operation. Repeatable."
        ),
    )


DEPLOYMENT = _deployment(required=True)
DEPLOYMENT_OR_POOL = _deployment(required=False)
"""The same where a pool of worlds may stand in the place of a target and its world."""
WORLD_OF_TRAFFIC = options(
    PROFILE,
    option("--world", type=WorldFile(), metavar="FILE", help="YAML file with the data on the server, as far as it is known."),
    option("--contract", type=File(), metavar="FILE", help="OpenAPI document. Without it: the device-sharing example."),
    option(
        "--operation", multiple=True, metavar="NAME", shell_complete=operations, help="Judge only this operation. Repeatable."
    ),
    click.option(
        "--complete",
        multiple=True,
        metavar="TABLE",
        help="The world file has every row of this table; `all` for each. Repeatable.",
    ),
    option("--tolerance", default="1s", type=Duration(), metavar="TIME", help="How much the clocks of the machines may differ."),
)
CONNECTION = options(
    option("--rate", type=Rate(), metavar="N", help="Send at most N requests per second."),
    option("--timeout", default="10s", type=Duration(1), metavar="TIME", help="Timeout to connect, and to wait for a reply."),
    option("--retries", default=2, type=click.IntRange(0, 20), metavar="N", help="Retries if connecting fails."),
    option("--ca", type=File(), metavar="FILE", help="PEM file of certificates to trust instead of the system's."),
    option("--proxy", type=Text(), metavar="URL", help="Send requests through this HTTP proxy."),
    option("--reset", type=Text(), metavar="URL", help="A POST to this URL resets the server. Makes failures shorter."),
    option(
        "--header",
        key="headers",
        multiple=True,
        type=HeaderLine(),
        metavar="LINE",
        help="Header of every request, as `Name: value`. Repeatable.",
    ),
)
JUDGING = options(
    option("--strict-order", is_flag=True, help="The server must check in the order of the decision table."),
    option(
        "--transport",
        default=PROBE,
        type=click.Choice((PROBE, QUERY, FORM, ALL)),
        help="Where query parameters are sent. probe: where the server accepts them; all: it must accept both query and form.",
    ),
    option(
        "--credential",
        default=PROBE,
        type=click.Choice((PROBE, BARE, BEARER, ALL)),
        help="How credentials are sent. probe: as the server accepts them; all: it must accept them with and without `Bearer `.",
    ),
    option(
        "--tolerance",
        default="1s",
        type=Duration(),
        metavar="TIME",
        help="How much the clocks of the server's machines may differ.",
    ),
    option("--slower-than", key="slower-than", type=Duration(1), metavar="TIME", help="A slower reply is a violation."),
)
SEED = option("--seed", default=0, metavar="N", help="Random seed. The same seed gives the same requests.")
REQUIRE = option(
    "--require",
    multiple=True,
    metavar="OUTCOME",
    help="Outcome that must be verified: a name, a pattern such as `OPERATION/*`, or `all`. Repeatable.",
)
SENDING = options(
    SEED,
    option(
        "--workers",
        default="auto",
        type=Workers(),
        metavar="N",
        help="Parallel requests, of those that do not affect one another. auto: by the latency, up to 24.",
    ),
    option(
        "--races/--no-races",
        default=True,
        help="Also send requests that compete at the same moment. Not with --workers 1; fuzz: only with --reset.",
    ),
    REQUIRE,
)

LIMITS = options(
    click.option("--for", "time", type=Duration(1), metavar="TIME", help="Run for this long, for example 90s, 30m or 8h."),
    option("--fail-fast", is_flag=True, help="Stop at the first violation, once its requests are shortened."),
)


def max_requests(default: int | None) -> Callable[[Any], Any]:
    """The option that limits the number of requests."""
    return option("--max-requests", default=default, type=click.IntRange(1), metavar="N", help="Send at most N requests.")


def plan(options: Mapping[str, Any], contract: openapi.Contract, **more: Any) -> Plan:
    """The plan of a test run, from options. Raises Unusable if a --require matches no outcome."""
    return Plan(
        seed=options.get("seed", 0),
        workers=options.get("workers", 1) or None,
        strict_order=options["strict_order"],
        tolerance=options["tolerance"],
        slower_than=options["slower_than"],
        transport=Transport(options["transport"], options["credential"]),
        stop_early=options.get("fail_fast", False),
        races=None if options.get("races", True) else 0,
        required=frozenset(required(options.get("require", ()), _outcomes(contract), contract.file)),
        **more,
    )


def _outcomes(contract: openapi.Contract) -> list[str]:
    return [outcome for each in contract.operations.values() for outcome in each.outcomes]


def required(patterns: Iterable[str], known: Sequence[str], where: str) -> list[str]:
    """The known outcomes that match --require. `where` says what has them. Raises Unusable if a pattern matches none."""
    found: list[str] = []
    for pattern in patterns:
        matching = known if pattern == "all" else [each for each in known if fnmatchcase(each, pattern)]
        if not matching:
            raise Unusable(f"--require {pattern}: {where} has no such outcome ({openapi.nearest(pattern, known)})")
        found += matching
    return found

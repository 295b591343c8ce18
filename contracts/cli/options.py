"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import click

import openapi
from contracts.cli.param_types import Duration, File, HeaderLine, Rate, Text, WorldFile
from contracts.cli.profile import PROFILE, option, options
from contracts.cli.unusable import Unusable
from contracts.generate.transport import ALL, BARE, BEARER, FORM, PROBE, QUERY, Transport
from contracts.run.examination import Plan

DEPLOYMENT = options(
    PROFILE,
    option("--target", required=True, type=Text(), metavar="URL", help="The base URL of the server."),
    option("--world", required=True, type=WorldFile(), metavar="FILE", help="The rows that exist on that server."),
    option("--contract", type=File(), metavar="FILE", help="The OpenAPI document; default: device sharing."),
    option("--operation", multiple=True, metavar="NAME", help="Only this operation; may be repeated."),
)
MANNERS = options(
    option("--rate", type=Rate(), metavar="N", help="Requests per second at most."),
    option(
        "--timeout", default="10s", type=Duration(1), metavar="TIME", help="The longest time to connect, and for a whole reply."
    ),
    option("--retries", default=2, type=click.IntRange(0, 20), metavar="N", help="How often to try again to connect."),
    option("--ca", type=File(), metavar="FILE", help="Certificates to trust instead of the system's, PEM."),
    option("--proxy", type=Text(), metavar="URL", help="A proxy to go through."),
    option("--reset", type=Text(), metavar="URL", help="A POST to this URL resets the server; then failures shrink better."),
    option(
        "--header",
        key="headers",
        multiple=True,
        type=HeaderLine(),
        metavar="LINE",
        help="`Name: value`, sent with every request; repeatable.",
    ),
)
JUDGING = options(
    option("--strict-order", is_flag=True, help="Require the order of the decision table."),
    option(
        "--transport",
        default=PROBE,
        type=click.Choice((PROBE, QUERY, FORM, ALL)),
        help="Where parameters are sent: where the server takes them (probe), in one place, or in all, which is then demanded.",
    ),
    option(
        "--credential",
        default=PROBE,
        type=click.Choice((PROBE, BARE, BEARER, ALL)),
        help="How credentials are sent: as the server takes them (probe), bare, after `Bearer `, or both, which is demanded.",
    ),
    option(
        "--tolerance",
        default="1s",
        type=Duration(),
        metavar="TIME",
        help="How much the clocks of the server may differ from each other.",
    ),
)
SENDING = options(
    option("--seed", default=0, metavar="N", help="Seed of the generators: the same seed sends the same requests."),
    option(
        "--workers", default=1, type=click.IntRange(1, 64), metavar="N", help="Concurrent requests; only such as change nothing."
    ),
    option(
        "--require",
        multiple=True,
        metavar="OUTCOME",
        help="Fail unless verified: an outcome, a pattern such as `NAME/*`, or all.",
    ),
)


def max_requests(default: int | None) -> Callable[[Any], Any]:
    """The option that bounds how many requests are sent."""
    return option("--max-requests", default=default, type=click.IntRange(1), metavar="N", help="Stop after this many requests.")


def plan(options: Mapping[str, Any], contract: openapi.Contract, **more: Any) -> Plan:
    """The plan of an examination. Raises Unusable."""
    return Plan(
        seed=options.get("seed", 0),
        workers=options.get("workers", 1),
        strict_order=options["strict_order"],
        tolerance=options["tolerance"],
        transport=Transport(options["transport"], options["credential"]),
        required=frozenset(_required(options.get("require", ()), contract)),
        **more,
    )


def _required(patterns: tuple[str, ...], contract: openapi.Contract) -> list[str]:
    known = [outcome for each in contract.operations.values() for outcome in each.outcomes]
    found = []
    for pattern in patterns:
        matching = known if pattern == "all" else [each for each in known if fnmatchcase(each, pattern)]
        if not matching:
            raise Unusable(f"--require {pattern}: {contract.file} has no such outcome ({openapi.nearest(pattern, known)})")
        found += matching
    return found

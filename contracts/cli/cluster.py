"""`contracts fuzz --cluster`: the options of a run on a cluster."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import click
from click.core import ParameterSource

import openapi
from contracts.cli import output
from contracts.cli.deployment import contract_of, url
from contracts.cli.options import plan
from contracts.cli.param_types import Header
from contracts.cli.profile import options as together
from contracts.cli.unusable import Unusable
from contracts.cluster.crew import ClusterError
from contracts.cluster.job import Job, Place, Sending
from contracts.cluster.names import differences
from contracts.cluster.texts import ContractText, WorldText
from contracts.http.target import MOST_CONNECTIONS
from contracts.http.variables import names
from contracts.run.deadline import Deadline
from contracts.run.fuzz import Shard
from contracts.run.pool import PoolWorld, read_pool
from contracts.sequence.corpus import Corpus, stream_name

MOST_CHECKED = 100
"""How many worlds of a pool are read before a run."""
CLUSTER = together(
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Run the shards of the seed on a Dask cluster: tcp://HOST:8786, or `local` for the cores of this machine.",
    ),
    click.option(
        "--pool", type=click.Path(path_type=Path), metavar="FILE", help="Pool of worlds: one for each shard, and spare ones."
    ),
    click.option(
        "--shards", type=click.IntRange(1, 10_000), metavar="N", help="Shards on the cluster. Without it: one per worker."
    ),
)


def fuzz_on_cluster(options: Mapping[str, Any]) -> NoReturn:
    """Runs the shards of a seed on a cluster, prints the report and exits. Raises Unusable."""
    if find_spec("distributed") is None:
        raise Unusable("--cluster needs the extra: pip install 'contract-mock[cluster]' (distributed is not installed)")
    from contracts.cluster.run import ClusterRun  # imports Dask

    if options["shard"] != Shard():
        raise Unusable("--shard is one part of a run, and --cluster runs all parts; give --shards N")
    deadline = Deadline()
    with deadline.at_interrupt(), output.progress(options) as progress:
        try:
            contract = contract_of(options)
            places = _places(options)
            _check_worlds(places, contract)
            job = _job(options, contract, places[0])
            corpus = _corpus(options, contract, places[0])
            if options["time"] is not None:
                deadline.end(options["time"] / 1000)
            run = ClusterRun(options["cluster"], contract, places, job, options["shards"], corpus, options["resume"])
            record = run.run(deadline, progress, lambda sentence: click.echo(f"warning: {sentence}", err=True))
        except (openapi.InvalidDocument, ClusterError) as error:
            raise Unusable(str(error)) from None
    output.finish(record, contract, options)


def _places(options: Mapping[str, Any]) -> list[Place]:
    """The worlds of the pool, or the one that --target and --world name. Raises Unusable and InvalidDocument."""
    headers: tuple[Header, ...] = options["header"]
    common = tuple((each.name, each.value) for each in headers)
    for name, value in common:
        if openapi.tells_secret(name) and not names(value):
            raise Unusable(
                f"--header {name}: its value would travel to the workers; write '{name}: ${{NAME}}' and set NAME there"
            )
    if options["pool"] is None:
        _wanted(options)
        reset = _url("reset", options["reset"]) if options["reset"] else None
        return [Place(_url("target", options["target"]), _one_world(options["world"]), reset, common)]
    for name in ("target", "world", "reset"):
        if click.get_current_context().get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise Unusable(f"--{name} is for one world, and --pool names the worlds; give one or the other")
    places = [_place(each, common) for each in read_pool(options["pool"])]
    first = places[0].world.document().data
    return [replace(each, differences=differences(first, each.world.document().data)) for each in places]


def _check_worlds(places: Sequence[Place], contract: openapi.Contract) -> None:
    """Reads the first worlds, for mistakes. One with variables can be read on the workers only. Raises InvalidDocument."""
    for each in places[:MOST_CHECKED]:
        if not each.variables():
            openapi.read_world(each.world.document(), contract, time.time_ns() // 1_000_000, {})


def _wanted(options: Mapping[str, Any]) -> None:
    """Raises Unusable where there is neither a pool nor a world."""
    for name in ("target", "world"):
        if options[name] is None:
            raise Unusable(f"--cluster needs --pool FILE, or --target and --world for one shard; --{name} is missing")


def _place(each: PoolWorld, common: tuple[tuple[str, str], ...]) -> Place:
    own = (line.partition(":") for line in each.headers)
    headers = {**dict(common), **{name: value.strip() for name, _, value in own}}
    return Place(each.target, _world(each.world), each.reset, tuple(headers.items()))


def _url(name: str, text: str) -> str:
    """A URL, which is checked where it has no variables. Raises Unusable."""
    return text if names(text) else url(name, text)


def _one_world(document: openapi.Document) -> WorldText:
    """The world of --world, or the one that is written in a profile. Raises InvalidDocument."""
    found = _world(Path(document.file))
    inside = found.document().data != document.data
    return WorldText(found.name, json.dumps(document.data).encode()) if inside else found


def _world(file: Path) -> WorldText:
    """A world file. Raises InvalidDocument."""
    try:
        return WorldText(openapi.short_name(str(file)), file.read_bytes())
    except OSError as error:
        raise openapi.InvalidDocument([openapi.Problem(str(file), 1, f"cannot be read: {error.strerror}")]) from None


def _job(options: Mapping[str, Any], contract: openapi.Contract, place: Place) -> Job:
    """What each shard gets. Raises Unusable and InvalidDocument."""
    sending = Sending(
        rate=options["rate"],
        timeout=options["timeout"] / 1000,
        retries=options["retries"],
        certificates=_certificates(options["ca"]),
        proxy=_url("proxy", options["proxy"]) if options["proxy"] else None,
        connections=options["workers"] or MOST_CONNECTIONS,
    )
    return Job(
        run=uuid4().hex,
        shard=Shard(),
        attempt=0,
        process="",
        contract=ContractText.of(contract),
        operations=tuple(options["operation"]),
        place=place,
        plan=plan(options, contract, thorough=False),
        sending=sending,
        now=time.time_ns() // 1_000_000,
        most_requests=options["max_requests"] or sys.maxsize,
        seconds=None if options["time"] is None else options["time"] / 1000,
        start=None,
        end=options["max_inputs"] or sys.maxsize,
        reset=False,
    )


def _certificates(file: str | None) -> bytes | None:
    try:
        return None if file is None else Path(file).read_bytes()
    except OSError as error:
        raise Unusable(f"--ca {file}: {error.strerror}; give a PEM file of certificates") from None


def _corpus(options: Mapping[str, Any], contract: openapi.Contract, place: Place) -> Corpus | None:
    """The corpus of the run, with requests as the first world has them. Raises Unusable and InvalidDocument."""
    if options["corpus"] is None:
        return None
    secrets = {f"${{{name}}}": f"${{{name}}}" for name in place.variables()}
    try:
        return Corpus(options["corpus"], stream_name(options["seed"], 1, 1), contract, secrets)
    except OSError as error:
        raise Unusable(f"--corpus {options['corpus']} cannot be used: {error.strerror}") from None

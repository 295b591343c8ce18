"""Joins corpora: of the sequences that show the same behaviours the shortest one stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openapi
from contracts.sequence.corpus import LARGEST_FILE, MOST_ENTRIES, Position, corpus_file, invalid_entry, read_entry, read_lines
from contracts.sequence.steps import MOST_STEPS, InvalidSteps


@dataclass(frozen=True, slots=True)
class Joined:
    """What was joined: the file, how many sequences were read, and how many of them it has."""

    file: Path
    read: int
    kept: int


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """Where a sequence stands. The smallest is the best one."""

    steps: int
    size: int
    file: Path
    offset: int


def join(paths: Iterable[Path], into: Path) -> Joined:
    """Joins the corpora at these paths into the one at another path, which may exist or be one of them.

    The order is that of the corpora, first of that which exists. Neither the contract nor the steps of it are looked at. Of the
    positions of a stream the furthest stays.
    Raises InvalidDocument for a file that is no corpus and where there would be too many sequences, OSError.
    """
    target = corpus_file(into)
    files = list(dict.fromkeys(map(corpus_file, paths)))
    if target.exists():
        files = [target, *(each for each in files if not each.samefile(target))]
    best: dict[bytes, _Entry] = {}
    read = 0
    for file in files:
        for key, entry in _entries(file):
            read += 1
            best[key] = min(best.get(key, entry), entry)
            if len(best) > MOST_ENTRIES:
                what = f"is one of more than {MOST_ENTRIES:,} sequences of all corpora together"
                raise openapi.InvalidDocument([openapi.Problem(str(file), 1, what)])
    if sum(each.size for each in best.values()) > LARGEST_FILE:
        raise openapi.InvalidDocument([openapi.Problem(str(target), 1, f"would be larger than {LARGEST_FILE // 1024**2} MiB")])
    positions = _positions(files)
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    with new.open("wb") as stream:
        stream.writelines(_lines(best.values()))
    new.replace(target)
    for name, number in positions.items():  # after the corpus: a run that repeats inputs loses nothing
        Position.beside(target, name).write(number)
    return Joined(target, read, len(best))


def _entries(file: Path) -> Iterator[tuple[bytes, _Entry]]:
    """The sequences of a file, each with a digest of what it shows; of its steps where it shows nothing."""
    for number, offset, line in read_lines(file):
        try:
            steps, shows = read_entry(line)
            if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
                raise InvalidSteps(f"steps is not a list of 1 to {MOST_STEPS} requests")
        except ValueError as error:
            raise invalid_entry(file, number, error) from None
        text = json.dumps(sorted(set(shows)) or steps, sort_keys=True)
        digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        yield digest, _Entry(len(steps), len(line.strip()) + 1, file, offset)


def _positions(files: Iterable[Path]) -> dict[str, int]:
    """The furthest position of each stream with one of these corpora. Raises InvalidDocument."""
    found: dict[str, int] = {}
    for file in files:
        for stream, position in Position.all_beside(file).items():
            found[stream] = max(found.get(stream, 0), position.read() or 0)
    return found


def _lines(entries: Iterable[_Entry]) -> Iterator[bytes]:
    for each in entries:
        with each.file.open("rb") as stream:
            stream.seek(each.offset)
            yield stream.readline().strip() + b"\n"

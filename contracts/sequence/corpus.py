"""A corpus: sequences that showed new behaviour, as lines of JSON, to start other runs from.

A line is `{"format": 1, "shows": [...], "steps": [...]}`, its steps requests as they go over the wire, with placeholders for
secrets, times and what a server mints. So it holds no secret, and corpora may be joined with `cat`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openapi
from contracts.http.json_text import parse
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps
from contracts.sequence.steps import InvalidSteps, read_steps

FORMAT = 1
"""Raised when a line changes so that a reader would stumble."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a file."""
MOST_ENTRIES = 100_000
_FILE = "corpus.jsonl"


class Corpus:
    """A file of sequences, to which new ones are added."""

    def __init__(self, path: Path, stream: str, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        """A file that ends in .jsonl, or a folder that holds one; made where it does not exist.

        `stream` is the name under which the position of a run is kept beside it.

        Raises InvalidDocument for a file that is no corpus of this contract and world, OSError for one that cannot be used.
        """
        self.file = path if path.suffix == ".jsonl" else path / _FILE
        self.position = Position(self.file.with_name(f"{self.file.stem}.{stream}.json"))
        self.entries: list[Steps] = []
        self.shows: set[str] = set()
        """What its sequences have shown."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            for number, line in self._lines():
                try:
                    self._read(line, contract, secrets)
                except ValueError as error:
                    why = "is no entry of a corpus" if isinstance(error, json.JSONDecodeError) else str(error)
                    raise openapi.InvalidDocument([openapi.Problem(str(self.file), number, why, "delete the line")]) from None
        self._append(b"")

    def add(self, sequence: Sequence) -> None:
        """Adds as much of a sequence as it takes to show what was new. Raises OSError."""
        steps = sequence.abstract()[: sequence.needed]
        entry = {"format": FORMAT, "shows": sequence.shows, "steps": [each.as_data() for each in steps]}
        self._append(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if self.file.stat().st_size > LARGEST:
            raise openapi.InvalidDocument([openapi.Problem(str(self.file), 1, f"is larger than {LARGEST} bytes")])
        for number, line in enumerate(self.file.read_bytes().split(b"\n"), 1):
            if len(self.entries) == MOST_ENTRIES:
                raise openapi.InvalidDocument([openapi.Problem(str(self.file), number, f"more than {MOST_ENTRIES} entries")])
            if line.strip():
                yield number, line

    def _read(self, line: bytes, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        data: Any = parse(line)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidSteps(f"is no entry of a corpus of format {FORMAT}")
        self.entries.append(read_steps(data.get("steps"), contract, secrets))
        shows = data.get("shows", [])
        if not isinstance(shows, list):
            raise InvalidSteps("shows is not a list of texts")
        self.shows |= set(map(str, shows))

    def _append(self, line: bytes) -> None:
        """A line of its own, also where the last one was cut off."""
        with self.file.open("ab+") as stream:
            if stream.seek(0, os.SEEK_END) and line:
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else b"\n" + line
            stream.write(line)


class Position:
    """How far a run has come, in a file beside its corpus."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> int | None:
        """The number to go on with; None where nothing was kept. Raises InvalidDocument."""
        if not self.file.exists():
            return None
        document = openapi.read_document(self.file)
        found = document.data.get("next") if isinstance(document.data, dict) else None
        if type(found) is not int or found < 0:
            raise openapi.InvalidDocument([document.root.problem("is no position of a run", "delete the file")])
        return found

    def write(self, number: int) -> None:
        """Keeps the number to go on with. Raises OSError."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"format": FORMAT, "next": number}) + "\n", encoding="utf-8")
        new.replace(self.file)

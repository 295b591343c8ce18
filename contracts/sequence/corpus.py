"""A corpus: a JSON Lines file of the sequences that showed a new behaviour. Other runs send them first.

A line is `{"format": 1, "shows": [...], "steps": [...]}`. `shows` lists the behaviours, `steps` the requests, with placeholders
for secrets, times and minted values. A corpus contains no secret. Corpora can be joined with `cat`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import openapi
from contracts.sequence.sequence import Sequence
from contracts.sequence.shrink import Steps
from contracts.sequence.steps import InvalidSteps, read_steps

FORMAT = 1
"""The version of the format. It increases with each incompatible change."""
LARGEST_FILE = 256 * 1024 * 1024
"""The most bytes of a corpus file."""
MOST_ENTRIES = 100_000
_FILE = "corpus.jsonl"


class Corpus:
    """A file of sequences. New sequences are appended."""

    def __init__(self, path: Path, stream: str, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        """Opens the file at a path that ends in .jsonl, or `corpus.jsonl` in the folder at another path. Creates it if needed.

        `stream` names the file next to the corpus that stores the position of a run.

        Raises InvalidDocument if the file is not a corpus for this contract and world, OSError if it cannot be read or written.
        """
        self.file = path if path.suffix == ".jsonl" else path / _FILE
        self.position = Position(self.file.with_name(f"{self.file.stem}.{stream}.json"))
        self.entries: list[Steps] = []
        self.behaviours: set[str] = set()
        """The behaviours that its sequences show."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            for number, line in self._lines():
                try:
                    self._read(line, contract, secrets)
                except ValueError as error:
                    why = "is not a corpus entry" if isinstance(error, json.JSONDecodeError) else str(error)
                    raise openapi.InvalidDocument([openapi.Problem(str(self.file), number, why, "delete the line")]) from None
        self._append(b"")

    def stored(self, has: Callable[[int], bool]) -> Iterator[Steps]:
        """The sequences at the positions, from 0, for which `has` is true."""
        return (steps for position, steps in enumerate(self.entries) if has(position))

    def arrived(self) -> Iterable[Steps]:
        """Sequences that came since the last call: none, because a file is read once."""
        return ()

    def add(self, sequence: Sequence) -> None:
        """Appends a sequence, without the steps after its last new behaviour. Raises OSError."""
        steps = sequence.abstract()[: sequence.needed_length]
        entry = {"format": FORMAT, "shows": sequence.new_behaviours, "steps": [each.as_data() for each in steps]}
        self.add_line(json.dumps(entry, ensure_ascii=False))

    def add_line(self, line: str) -> None:
        """Appends an entry, as a line without its end. Raises OSError."""
        self._append(line.encode("utf-8", "replace") + b"\n")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        if self.file.stat().st_size > LARGEST_FILE:
            raise openapi.InvalidDocument([openapi.Problem(str(self.file), 1, f"is larger than {LARGEST_FILE} bytes")])
        for number, line in enumerate(self.file.read_bytes().split(b"\n"), 1):
            if len(self.entries) == MOST_ENTRIES:
                raise openapi.InvalidDocument([openapi.Problem(str(self.file), number, f"more than {MOST_ENTRIES} entries")])
            if line.strip():
                yield number, line

    def _read(self, line: bytes, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        data: Any = openapi.parse_json(line)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidSteps(f"is not a corpus entry of format {FORMAT}")
        self.entries.append(read_steps(data.get("steps"), contract, secrets))
        shows = data.get("shows", [])
        if not isinstance(shows, list):
            raise InvalidSteps("shows is not a list of texts")
        self.behaviours |= set(map(str, shows))

    def _append(self, line: bytes) -> None:
        """Appends a line. Starts a new line first if the file does not end with one, because its last write was interrupted."""
        with self.file.open("ab+") as stream:
            if stream.seek(0, os.SEEK_END) and line:
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else b"\n" + line
            stream.write(line)


class Position:
    """The position of a run in its stream, stored in a file next to the corpus."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> int | None:
        """The number of the input to continue with; None without a file. Raises InvalidDocument."""
        if not self.file.exists():
            return None
        document = openapi.read_document(self.file)
        found = document.data.get("next") if isinstance(document.data, dict) else None
        if type(found) is not int or found < 0:
            raise openapi.InvalidDocument([document.root.problem("is not the position of a run", "delete the file")])
        return found

    def write(self, number: int) -> None:
        """Stores the number of the input to continue with. Raises OSError."""
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"format": FORMAT, "next": number}) + "\n", encoding="utf-8")
        new.replace(self.file)

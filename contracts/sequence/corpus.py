"""A corpus: a JSON Lines file of the sequences that showed a new behaviour. Other runs send them first.

A line is `{"format": 1, "shows": [...], "steps": [...]}`. `shows` lists the behaviours, `steps` the requests, with placeholders
for secrets, times and minted values. A corpus contains no secret. Corpora can be joined with `cat`, or without
doubles by `join`.
"""

from __future__ import annotations

import json
import os
import re
from array import array
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
"""The most sequences of a corpus."""
_FILE = "corpus.jsonl"
_STREAM = re.compile(r"seed-?\d+-shard\d+of\d+").fullmatch


def corpus_file(path: Path) -> Path:
    """The file of the corpus at a path: the path itself if it ends in .jsonl, else a file in the folder."""
    return path if path.suffix == ".jsonl" else path / _FILE


def stream_name(seed: int, number: int, of: int) -> str:
    """The name of the position of a shard, by its number and how many there are."""
    return f"seed{seed}-shard{number}of{of}"


def read_lines(file: Path) -> Iterator[tuple[int, int, bytes]]:
    """The number (from 1), the offset and the text of each line of a corpus that is not blank.

    Raises InvalidDocument for a file that is too large, OSError if it cannot be read.
    """
    if file.stat().st_size > LARGEST_FILE:
        raise openapi.InvalidDocument([openapi.Problem(str(file), 1, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB")])
    offset = count = 0
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                count += 1
                if count > MOST_ENTRIES:
                    what = f"is one of more than {MOST_ENTRIES:,} entries"
                    raise openapi.InvalidDocument([openapi.Problem(str(file), number, what, "delete some lines")])
                yield number, offset, line
            offset += len(line)


def read_entry(line: bytes) -> tuple[Any, list[str]]:
    """The steps and the behaviours of a line, as plain data. Raises ValueError, with a sentence unless it is no JSON."""
    data: Any = openapi.parse_json(line)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InvalidSteps(f"is not a corpus entry of format {FORMAT}")
    shows = data.get("shows", [])
    if not isinstance(shows, list):
        raise InvalidSteps("shows is not a list of texts")
    return data.get("steps"), list(map(str, shows))


def invalid_entry(file: Path, number: int, error: ValueError) -> openapi.InvalidDocument:
    """The error for a line that is no entry."""
    why = "is not a corpus entry" if isinstance(error, json.JSONDecodeError) else str(error)
    return openapi.InvalidDocument([openapi.Problem(str(file), number, why, "delete the line")])


class Entries:
    """The sequences of a corpus when it was opened. Each is read from the file when it is needed: there may be many."""

    def __init__(self, file: Path, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        self._file, self._contract, self._secrets = file, contract, secrets
        self._offsets = array("q")

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, position: int) -> Steps:
        """The steps of an entry. Raises OSError, also if the file was changed meanwhile."""
        with self._file.open("rb") as stream:
            stream.seek(self._offsets[position])
            line = stream.readline()
        try:
            return read_steps(read_entry(line)[0], self._contract, self._secrets)
        except ValueError:
            raise OSError(f"{self._file} was changed while it was in use") from None

    def check(self, offset: int, line: bytes) -> list[str]:
        """Adds the entry in this line, which begins at an offset of the file, and returns its behaviours. Raises ValueError."""
        steps, shows = read_entry(line)
        read_steps(steps, self._contract, self._secrets)
        self._offsets.append(offset)
        return shows


class Corpus:
    """A file of sequences. New sequences are appended."""

    def __init__(self, path: Path, stream: str, contract: openapi.Contract, secrets: Mapping[str, str]) -> None:
        """Opens the file at a path that ends in .jsonl, or `corpus.jsonl` in the folder at another path. Creates it if needed.

        `stream` names the file next to the corpus that stores the position of a run.

        Raises InvalidDocument if the file is not a corpus for this contract and world, OSError if it cannot be read or written.
        """
        self.file = corpus_file(path)
        self.position = self.position_of(stream)
        self.entries = Entries(self.file, contract, secrets)
        self.behaviours: set[str] = set()
        """The behaviours that its sequences show."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            for number, offset, line in read_lines(self.file):
                try:
                    self.behaviours.update(self.entries.check(offset, line))
                except ValueError as error:
                    raise invalid_entry(self.file, number, error) from None
        self._append(b"")

    def position_of(self, stream: str) -> Position:
        """The position of another stream with this corpus."""
        return Position.beside(self.file, stream)

    def stored(self, has: Callable[[int], bool]) -> Iterator[Steps]:
        """The sequences at the positions, from 0, for which `has` is true."""
        return (self.entries[position] for position in filter(has, range(len(self.entries))))

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

    @classmethod
    def beside(cls, corpus: Path, stream: str) -> Position:
        """The position of a stream with the corpus in this file."""
        return cls(corpus.with_name(f"{corpus.stem}.{stream}.json"))

    @classmethod
    def all_beside(cls, corpus: Path) -> dict[str, Position]:
        """The stored positions with the corpus in this file, by the names of their streams."""
        streams = (each.name.removeprefix(f"{corpus.stem}.").removesuffix(".json") for each in sorted(corpus.parent.iterdir()))
        found = {stream: cls.beside(corpus, stream) for stream in streams if _STREAM(stream)}
        return {stream: each for stream, each in found.items() if each.file.exists()}

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

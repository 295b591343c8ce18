"""What a recording consists of: a HAR file, and beside it a world and a sequence that the mock and `contracts replay` read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

import openapi
from contracts.sequence.corpus import FORMAT
from contracts.traffic.exchange import Exchange
from contracts.traffic.har import write_har
from contracts.traffic.judge import Traffic
from contracts.traffic.suppose import with_rows

MOST_EXCHANGES = 20_000
MOST_BYTES = 256 * 1024 * 1024
"""Of all bodies."""


class Recording:
    """Keeps exchanges, and writes them with what was learnt from them."""

    def __init__(self, file: Path, traffic: Traffic, now: int) -> None:
        """`now` is the time at which it began, epoch ms."""
        self.file, self._traffic, self._now = file, traffic, now
        self.exchanges: list[Exchange] = []
        self.dropped = self._bytes = 0

    @property
    def files(self) -> tuple[Path, Path, Path, Path]:
        """The HAR file, the world, the corpus, and the sequence for `contracts replay`."""
        stem = self.file.with_suffix("")
        return self.file, Path(f"{stem}.world.yaml"), Path(f"{stem}.corpus.jsonl"), Path(f"{stem}.replay.json")

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Keeps exchanges, as long as there is room."""
        for each in exchanges:
            self._bytes += len(each.body or b"") + len(each.reply_body or b"")
            if len(self.exchanges) >= MOST_EXCHANGES or self._bytes > MOST_BYTES:
                self.dropped += 1
            else:
                self.exchanges.append(each)

    def write(self) -> None:
        """Writes all files; each replaces the one before when it is complete. Raises OSError."""
        har, world, corpus, sequence = self.files
        traffic, secrets = self._traffic, self._traffic.secrets
        write_har(har, self.exchanges, traffic.record.base, secrets)
        _replace(world, yaml.safe_dump(self._world(), allow_unicode=True, sort_keys=False, width=120))
        steps = [each.as_data() for each in traffic.sequence.abstract()]
        if steps:
            _replace(corpus, json.dumps({"format": FORMAT, "shows": [], "steps": steps}, ensure_ascii=False) + "\n")
            _replace(sequence, json.dumps({"format": FORMAT, "steps": steps}, ensure_ascii=False, indent=1) + "\n")

    def _world(self) -> dict[str, Any]:
        """The rows at the beginning: those of the world file, and those that replies have shown to be there."""
        state = with_rows(self._traffic.world.state, self._traffic.supposed)
        return {table: [self._row(table, each) for each in rows] for table, rows in state.snapshot().items()}

    def _row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as a world file has it: secrets have other names, and times that are only about right are relative."""
        found = {name: value for name, value in row.items() if value is not None}
        for name, value in found.items():
            if isinstance(value, openapi.Approximate):
                distance = int(value) - self._now
                found[name] = f"now {'-' if distance < 0 else '+'} {abs(distance)}ms"
            elif isinstance(value, str) and (table, name) in self._traffic.contract.secret_columns:
                found[name] = self._traffic.secrets.get(value, value)
        return found


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, encoding="utf-8", errors="replace")
    new.replace(file)

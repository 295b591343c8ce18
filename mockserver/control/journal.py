"""The journal of a world, and the requests that the mock sends to itself: a call again, or the witness of an outcome."""

from __future__ import annotations

from itertools import islice
from typing import Any

from mockserver.control import arguments as asked
from mockserver.control.context import WORLD, Body, Context, NotThere, Route
from mockserver.control.patterns import pattern
from mockserver.serving.asking import asked_again, asked_for
from mockserver.serving.witnesses import witnesses
from mockserver.worlds.journal import Entry
from mockserver.worlds.world import LiveWorld


class JournalViews:
    """The views of the journal and of the witnesses."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            ("GET", f"{WORLD}/journal", self.get_journal),
            ("DELETE", f"{WORLD}/journal", self.clear_journal),
            ("POST", f"{WORLD}/journal/verify", self.verify_journal),
            ("POST", f"{WORLD}/journal/<number>/replay", self.replay),
            ("GET", f"{WORLD}/witnesses", self.get_witnesses),
            ("POST", f"{WORLD}/witnesses", self.send_witness),
        ]

    def get_journal(self, world: str) -> Body:
        live, wanted = self.context.get(world), asked.query("getJournal")
        redaction = self.context.redaction(wanted)
        journal, state = live.read_journal()
        found = list(islice(journal.matching(pattern(wanted, live, journal), wanted.get("after", 0)), wanted["limit"]))
        redaction.learn(state)
        return {"entries": [self.context.entry(live, each, redaction) for each in found], "forgotten": journal.forgotten}

    def clear_journal(self, world: str) -> Body:
        self.context.get(world).clear_journal()

    def verify_journal(self, world: str) -> Body:
        live, wanted = self.context.get(world), asked.body("verifyJournal")
        journal, _ = live.read_journal()
        count = sum(1 for _ in journal.matching(pattern(wanted, live, journal)))
        return _verdict(wanted, count, journal.forgotten)

    def get_witnesses(self, world: str) -> Body:
        live = self.context.get(world)
        return witnesses(live.contract, live.state, live.now(), self.context.url(live), live.secrets)

    def replay(self, world: str, number: str) -> Body:
        live = self.context.get(world)
        journal, _ = live.read_journal()
        entry = next((each for each in journal.entries if str(each.number) == number), None)
        if entry is None:
            raise NotThere(f"the journal of world {world} has no entry {number[:64]}; it keeps the last {len(journal.entries)}")
        return self._described(live, asked_again(live, entry))

    def send_witness(self, world: str) -> Body:
        live, wanted = self.context.get(world), asked.body("sendWitness")
        return self._described(live, asked_for(live, self.context.mock.table, wanted["outcome"]))

    def _described(self, live: LiveWorld, entry: Entry) -> Body:
        redaction = self.context.redaction({})
        redaction.learn(live.state)
        return self.context.entry(live, entry, redaction)


def _verdict(wanted: dict[str, Any], count: int, forgotten: int) -> dict[str, Any]:
    least, most = wanted.get("atLeast"), wanted.get("atMost")
    if "exactly" in wanted:
        least = max(wanted["exactly"], least or 0)
        most = min(wanted["exactly"], wanted["exactly"] if most is None else most)
    elif least is None and most is None:
        least = 1
    verified = (least is None or count >= least) and (most is None or count <= most)
    message = f"{count} matched, {_wish(least, most)} expected"
    if forgotten and (most is not None or not verified):
        verified = False
        message += f"; the journal had no room for {forgotten} older ones, so nobody can know: use a larger --journal"
    return {"verified": verified, "count": count, "message": message}


def _wish(least: int | None, most: int | None) -> str:
    if least == most:
        return f"exactly {least}"
    return " and ".join(
        [*([f"at least {least}"] if least is not None else []), *([f"at most {most}"] if most is not None else [])]
    )

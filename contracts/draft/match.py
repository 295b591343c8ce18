"""Which parameters a message is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.draft.record import Field
from contracts.draft.text import by_language, similarity, title_of, words
from contracts.draft.words import ALTERNATIVES, SEVERAL

ALIKE, INSIDE, SURE = 0.65, 0.7, 0.9
"""From which similarity on a name is taken for another, and from which on there is hardly a doubt;
that of a phrase that stands somewhere in a description."""
Match = tuple[Field, float]


def likeness(what: str, field: Field) -> float:
    """How alike a phrase and a parameter are: its name, the beginning of its description, or a part of the description."""
    titles = dict.fromkeys(title_of(text) for text in (field.description, *by_language(field.description).values()))
    found = max(similarity(what, each) for each in (field.name, *titles))
    phrase = words(what)
    if found < INSIDE and (len(phrase) > 1 or len("".join(phrase)) > 2):
        return INSIDE if f" {' '.join(phrase)} " in f" {' '.join(words(field.description))} " else found
    return found


def best(what: str, fields: Iterable[Field]) -> Match | None:
    """The parameter that a phrase names; None where none is alike enough."""
    found = max(((each, likeness(what, each)) for each in fields), key=lambda match: match[1], default=None)
    return found if found and found[1] >= ALIKE else None


def all_alike(what: str, fields: Iterable[Field]) -> list[Match]:
    """The parameters that a phrase names: the one that is surely meant, or else all that are alike."""
    found = [(each, score) for each in fields if (score := likeness(what, each)) >= ALIKE]
    sure = [each for each in found if each[1] >= SURE]
    return sure or found


def several(what: str, fields: Sequence[Field]) -> tuple[list[Match], bool]:
    """The parameters of a phrase such as `a, b or c`, and whether one of them is enough; none where a part names none."""
    parts = [each.strip() for each in SEVERAL.split(what) if each.strip()]
    matches = [best(each, fields) for each in parts[:10]]
    found = {match[0].name: match for match in matches if match}
    if len(parts) < 2 or None in matches or len(found) != len(parts):
        return [], False
    return [*found.values()], bool(ALTERNATIVES.search(what))

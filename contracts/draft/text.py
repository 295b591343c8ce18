"""Texts of pages: cleaned, split by language, compared."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

LONGEST_TEXT = 2000
"""Characters of a description that are kept."""
LONGEST_MESSAGE = 300
"""Characters of a message that is understood; the time of a pattern grows faster than the text."""
LONGEST_COMPARED = 40
"""Words of a text that are compared."""
LEAST = 0.6
"""A similarity below this is taken for none, which saves most of the comparisons."""

_tag = re.compile(r"<!--[^<>]*>|</?[A-Za-z][^<>]*>")
_break = re.compile(r"<br\s*/?>", re.IGNORECASE)
_link = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_chinese = re.compile(r"[㐀-鿿]").search
_word = re.compile(r"[a-z0-9]+|[㐀-鿿]").findall
_separator = re.compile(r"\s*(?:\n|/|\||｜|／)\s*")
_bracketed = re.compile(r"([^()（）]+?)\s*[(（]([^()（）]+)[)）]").fullmatch


def cleaned(text: str) -> str:
    """Text without markup, entities, control characters and surrounding space; `<br>` is a line break."""
    text = html.unescape(_tag.sub("", _break.sub("\n", text)))
    text = _link.sub(r"\1", text).replace("**", "").replace("`", "")
    return "".join(each if each == "\n" or each.isprintable() else " " for each in text).strip()


def one_line(text: str) -> str:
    """The text in one line, cut where it is very long."""
    found = " ".join(text.split())
    return found if len(found) <= LONGEST_TEXT else found[:LONGEST_TEXT] + "…"


def by_language(text: str) -> dict[str, str]:
    """A message by language, `zh` and `en`; a cell such as `成功/Success` has both."""
    text = text.strip()
    match = _bracketed(text) if len(text) < LONGEST_MESSAGE else None
    parts = [match[1], match[2]] if match else [each for each in _separator.split(text) if each]
    if len(parts) == 2:
        chinese = [part for part in parts if _chinese(part)]
        english = [part for part in parts if not _chinese(part)]
        if len(chinese) == len(english) == 1 and _is_sentence(english[0], chinese[0]):
            return {"zh": one_line(chinese[0]), "en": one_line(english[0])}
    text = one_line(text)
    return {"zh" if _chinese(text) else "en": text} if text else {}


def _is_sentence(english: str, chinese: str) -> bool:
    """Whether the part without Chinese is a translation, and not a name such as in `请输入pk/dk`."""
    return " " in english.strip() or (len(english) > 3 and not re.search(r"[A-Za-z]", chinese))


@lru_cache(maxsize=10_000)
def words(text: str) -> tuple[str, ...]:
    """The words of a text for comparison: lower-case, camelCase split, each Chinese character a word."""
    text = unicodedata.normalize("NFKC", text)
    return tuple(_word(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower())[:LONGEST_COMPARED])


def similarity(one: str, other: str) -> float:
    """How alike two texts are: 0, or from 0.6 to 1. A text that contains the other one is at least 0.7."""
    first, second = words(one), words(other)
    if not first or not second:
        return 0.0
    if first == second:
        return 1.0
    short, long = sorted((first, second), key=len)
    length = len(short)
    if (length > 1 or len(short[0]) > 1) and any(long[at : at + length] == short for at in range(len(long) - length + 1)):
        return 0.7 + 0.3 * length / len(long)
    return 0.95 * max(_ratio(" ".join(first), " ".join(second)), _ratio(first, second))


def _ratio(one: Sequence[str], other: Sequence[str]) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= LEAST and matcher.quick_ratio() >= LEAST else 0.0


def title_of(description: str) -> str:
    """The beginning of a description that names the thing."""
    return re.split(r"[，,。;；（(:：\n]|\s\d", description, maxsplit=1)[0].strip()

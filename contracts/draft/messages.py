"""The messages of a draft, by code and language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from contracts.draft.record import Code
from contracts.draft.replies import phrase

INVENTED = "invalid parameter"
"""The message of a code that no page has."""
Messages = Mapping[str, Mapping[str, str]]
_LAST = 1 << 62


def messages_of(codes: Iterable[Code], successes: Iterable[Code]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The messages of all codes, by code; of several for one code the most frequent; and what a person must decide.

    Each has all languages: where a page has no text in one, it stands there in another.
    """
    by_code: dict[str, Counter[tuple[tuple[str, str], ...]]] = {}
    succeeded = {str(each.value) for each in successes}
    for code in codes:
        if not code.is_status:
            by_code.setdefault(str(code.value), Counter())[tuple(code.messages.items())] += bool(code.messages)
    known = {number: dict(by_code[number].most_common(1)[0][0]) for number in sorted(by_code, key=_number)}
    seen = Counter(language for each in known.values() for language in each)
    languages = sorted(seen, key=lambda each: (-seen[each], each != "zh")) or ["en"]
    found, todos = {}, []
    for number, texts in known.items():
        lacking = [each for each in languages if each not in texts]
        if lacking and texts:
            todos.append(f"the message of {number} has no text in {', '.join(lacking)}")
        other = next(iter(texts.values()), "success" if number in succeeded else INVENTED)
        found[number] = {each: texts.get(each, other) for each in languages}
    return found, todos


def own_message(code: Code, messages: Messages) -> dict[str, str]:
    """The message that a row needs besides the common ones; empty where it needs none."""
    common = {} if code.is_status else messages.get(str(code.value), {})
    if not code.is_status and all(common.get(language) == text for language, text in code.messages.items()):
        return {}
    status = phrase(code.value) if isinstance(code.value, int) else INVENTED
    text = next(iter(code.messages.values()), status)
    languages = next(iter(messages.values()), {"en": ""})
    return {language: code.messages.get(language, text) for language in languages}


def _number(code: str) -> tuple[int, str]:
    return (int(code), "") if code.lstrip("-").isdecimal() and len(code) < 19 else (_LAST, code)

"""The envelope of the replies: which keys hold the code, the message and the data, by examples and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.draft.record import Code, Operation, Place
from contracts.draft.text import by_language, cleaned
from contracts.draft.words import CODE_KEYS, CODE_KEYS_TOO, DATA_KEYS, MESSAGE_KEYS, SUCCESS

ZEROS = ("0", "00", "000", "0000", "00000", "000000")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The keys of a body; a key that is not there is empty."""

    code: str
    message: str
    data: str
    keys: Mapping[str, Any]
    """All keys of the body with a value of each."""
    place: Place
    why: str = "the keys are those of the example"
    """Why these are the keys."""

    @property
    def is_text(self) -> bool:
        """Whether codes are texts."""
        return isinstance(self.keys.get(self.code), str)

    def typed(self, code: int | str) -> int | str:
        """A code in the type that bodies have."""
        if self.is_text:
            return str(code)
        return int(code) if isinstance(code, str) and code.lstrip("-").isdecimal() and len(code) < 18 else code

    def pointers(self) -> dict[str, str]:
        """The JSON Pointers of code, message and data."""
        keys = {"code": self.code, "message": self.message, "data": self.data}
        return {name: "/" + key.replace("~", "~0").replace("/", "~1") for name, key in keys.items() if key}

    @property
    def body(self) -> dict[str, Any]:
        """A body to fill in."""
        blank = {name: _zero(value) for name, value in self.keys.items()}
        return blank | ({self.data: None} if self.data else {})


def envelope_of(operations: Sequence[Operation]) -> Envelope | None:
    """The envelope that most operations have; None where the bodies of most have no code."""
    by_operation = [[*_envelopes(each)] for each in operations if each.examples or each.reply]
    found = [envelope for each in by_operation for envelope in each]
    if not found or 2 * sum(map(bool, by_operation)) < len(by_operation):
        return _usual(operations)
    [((code, _), _)] = Counter((each.code, each.message) for each in found).most_common(1)
    same = [each for each in found if each.code == code]
    return max(same, key=lambda each: (bool(each.message) + bool(each.data), -len(each.keys)))


def _usual(operations: Sequence[Operation]) -> Envelope | None:
    """The most usual envelope, for pages that list codes and show no body; None where all codes may be HTTP statuses."""
    codes = (code for each in operations for code in each.codes if not code.is_status)
    first = next((code for code in codes if not (isinstance(code.value, int) and 100 <= code.value < 600)), None)
    if first is None:
        return None
    keys = {"code": "" if isinstance(first.value, str) else 0, "msg": "", "data": None}
    return Envelope("code", "msg", "data", keys, first.place, "no page shows a body, and these keys are usual")


def _envelopes(operation: Operation) -> Iterator[Envelope]:
    for example in operation.examples:
        if isinstance(example.value, dict) and (found := _envelope(example.value, example.place)):
            yield found
    fields = {each.name: _sample(each.schema.get("type")) for each in operation.reply}
    if operation.reply and (found := _envelope(fields, operation.reply[0].place)):
        yield found


def _sample(kind: Any) -> Any:
    return {"integer": 0, "number": 0, "string": "", "boolean": False, "array": []}.get(kind if isinstance(kind, str) else "")


def _envelope(body: Mapping[str, Any], place: Place) -> Envelope | None:
    if not 2 <= len(body) <= 12:
        return None
    message, data = _key(body, MESSAGE_KEYS), _key(body, DATA_KEYS)
    code = _key(body, CODE_KEYS) or (_key(body, CODE_KEYS_TOO) if message or data else "")
    value = body.get(code)
    if not code or not (message or data) or isinstance(value, (bool, dict, list)):
        return None
    return Envelope(code, message, data, {**body, code: 0 if value is None else value}, place)


def _key(body: Mapping[str, Any], names: Iterable[str]) -> str:
    by_lower = {str(each).lower(): str(each) for each in body}
    return next((by_lower[each] for each in names if each in by_lower), "")


def _zero(value: Any) -> Any:
    if isinstance(value, bool):
        return False
    return {int: 0, float: 0, str: "", list: [], dict: {}}.get(type(value))


def add_codes_seen(operation: Operation, envelope: Envelope) -> None:
    """Adds the codes of real replies, with their messages; HTTP statuses of success say nothing then."""
    known = {str(each.value) for each in operation.codes if not each.is_status}
    for example in operation.examples:
        value = example.value.get(envelope.code) if isinstance(example.value, dict) else None
        if isinstance(value, (int, str)) and not isinstance(value, bool) and example.real and str(value) not in known:
            text = example.value.get(envelope.message)
            messages = by_language(cleaned(text)) if isinstance(text, str) else {}
            operation.codes.append(Code(value, messages, example.place))
            known.add(str(value))
    if known:
        operation.codes = [
            each for each in operation.codes if not (each.is_status and isinstance(each.value, int) and each.value < 300)
        ]


def success_code(operation: Operation, envelope: Envelope) -> tuple[int | str | None, str]:
    """The code of success, and what a person must decide about it; None where the page has none."""
    listed = {str(each.value): each for each in operation.codes if not each.is_status}
    example = next((each for each in operation.examples if isinstance(each.value, dict) and envelope.code in each.value), None)
    shown = example.value[envelope.code] if example else None
    found = next((each for each in ("200", *ZEROS) if each in listed), None)
    if found is None:
        found = next((value for value, each in listed.items() if _is_success(each)), None)
    if found is None and example and isinstance(shown, (int, str)) and shown != "" and str(shown) not in listed:
        return envelope.typed(shown), f"{example.place}: {shown} is the code of the example; is it success?"
    if found is None:
        return None, ""
    todo = ""
    if example and str(shown) != found and not example.real and str(shown) not in listed:
        where = listed[found].place
        todo = f"{example.place}: the example has {envelope.code} {shown!r}, the table at {where} {found}; is {found} success?"
    return envelope.typed(listed[found].value), todo


def split_codes(operation: Operation, envelope: Envelope | None, operations: Sequence[Operation]) -> tuple[Code, list[Code]]:
    """The code of success, and all other codes. `operations` tell it where this one does not."""
    if envelope is None:
        return _split_statuses(operation)
    value, todo = success_code(operation, envelope)
    if value is None:
        value = next(
            (found for each in operations if (found := success_code(each, envelope)[0]) is not None), envelope.typed(200)
        )
        todo = f"{operation.place}: the page has no code of success; is it {value}?"
    if todo:
        operation.todos.append(todo)
    others, success = [], Code(value, {}, operation.place)
    for each in operation.codes:
        if not each.is_status:
            each.value = envelope.typed(each.value)
        if not each.is_status and str(each.value) == str(value):
            success = each
        elif not (each.is_status and isinstance(each.value, int) and each.value < 400):
            others.append(each)
    return success, others


def _split_statuses(operation: Operation) -> tuple[Code, list[Code]]:
    """The HTTP status of success, and all refusals, of an operation whose bodies have no code."""
    for each in operation.codes:
        each.is_status = each.is_status or (isinstance(each.value, int) and 100 <= each.value < 600)
    succeeded = [each for each in operation.codes if isinstance(each.value, int) and each.is_status and each.value < 300]
    success = min(succeeded, key=lambda each: str(each.value), default=Code(200, {}, operation.place, is_status=True))
    return success, [
        each for each in operation.codes if not (each.is_status and isinstance(each.value, int) and each.value < 400)
    ]


def _is_success(code: Code) -> bool:
    """Whether the message of a code tells of success."""
    return any(SUCCESS(text) for text in code.messages.values())

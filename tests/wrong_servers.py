"""A catalogue of servers: each wrong one has one defect around the contract's own decision; the correct ones differ from
each other where the documents are silent.

`python tests/wrong_servers.py NAME --port N` serves one; without a name it lists them.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from family_servers import FORGETFUL, LENIENT, Change, mutated

import openapi

WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
CONTRACT = openapi.load()
SUCCESS = 200
RESET = "/reset"
"""A POST to this path resets a server."""

Raw = dict[str, Any]
Body = dict[str, Any]
Rule = openapi.Rule


class Crash(Exception):
    """Raised where a server crashes on a request."""


@dataclass(frozen=True)
class Outage:
    """What something in front of a server answers; status 0 closes the connection."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b"{}"
    carried_out: bool = False
    """Whether the server did what it was asked for."""


@dataclass(frozen=True)
class Entry:
    """A server: how it differs from the contract, and what the report must contain (nothing for a correct one)."""

    says: str = ""
    """A part of the sentence that the report must contain."""
    read: Callable[[Server, Raw], Raw] = lambda server, raw: raw
    """Changes the raw values of a request."""
    body: Callable[[Server, Raw, Body], Any] = lambda server, raw, body: body
    """Changes the body of a reply."""
    status: Callable[[Body], int] = lambda body: 200
    wire: Callable[[bytes], bytes] = lambda content: content
    """Changes the bytes of a reply."""
    without: Callable[[Rule], bool] | None = None
    """The rows that it skips."""
    order: Callable[[Rule], Any] | None = None
    """The order in which it checks the rows."""
    change: Change | None = None
    """Changes the contract that it executes."""
    taken: Callable[[list[str]], str] = lambda values: values[0]
    """Which of several values of one parameter counts."""
    routes: Callable[[str, str], tuple[str, str]] = lambda method, path: (method, path)
    """Changes the method and the path of a request."""
    form: str = "after"
    """Whether the form counts after the query, before it, or not at all."""
    outage: Callable[[], Outage | None] = lambda: None
    """What comes in place of a reply, now and then."""
    half: int = 0
    """Of so many shares in a row the last one fails half-way: what stood is replaced, and nothing comes in its place."""
    language: str = "zh"
    """In which its messages are."""
    behind: int = 0
    """By how many ms its clock is behind."""
    mixes: bool = False
    """Whether it keeps the token of the latest request in one place for all threads."""
    media_type: str = "application/json"
    whole: bool = False
    """Whether only a sequence over all operations can show the defect."""


class Server:
    """One server of the catalogue."""

    def __init__(self, entry: Entry) -> None:
        self.entry, self.lock = entry, threading.Lock()
        self.contract = CONTRACT if entry.change is None else mutated(entry.change)
        self.reset()
        self.operations = {(each.method, each.path): self._changed(each) for each in self.contract.operations.values()}

    def reset(self) -> None:
        """Resets the server."""
        self.world = openapi.load_world(WORLD, self.contract, self.now(), {})
        self.state, self.random, self.shares = self.world.state, random.Random(self.world.seed), 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 - self.entry.behind

    def _changed(self, operation: openapi.Operation) -> openapi.Operation:
        *rules, success = operation.rules
        if self.entry.without is not None:
            rules = [rule for rule in rules if not self.entry.without(rule)]
        if self.entry.order is not None:
            rules.sort(key=self.entry.order)
        return replace(operation, rules=(*rules, success))

    def answer(self, operation: openapi.Operation, raw: Raw) -> tuple[int, bytes]:
        """HTTP status and content. Raises Crash."""
        if self.entry.mixes:
            self.token = raw.get("token", "")
            time.sleep(0.005)
            raw = raw | {"token": self.token}
        with self.lock:
            raw = self.entry.read(self, raw)
            decision = openapi.decide(operation, raw, self.state, self.now(), self.random)
            self.shares += bool(decision.changes) and operation.name == "shareInfo"
            rule = decision.rule
            body = self.contract.envelope.body(rule.code, rule.message(self.entry.language), decision.data)
            if self.entry.half and operation.name == "shareInfo" and decision.changes and self.shares % self.entry.half == 0:
                first = replace(operation, rules=(replace(rule, effects=rule.effects[:1]),))
                decision = openapi.decide(first, raw, self.state, self.now(), self.random)
                body |= {"code": 5134, "data": None}
            self.state = decision.state
            changed = self.entry.body(self, raw, body)
        return self.entry.status(body), self.entry.wire(json.dumps(changed).encode())


def says(code: int, words: str = "") -> str:
    return f"shareInfo/{code} - {words}"


def recode(old: int, new: Any) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: body | {"code": new} if body["code"] == old else body


def swap(one: int, other: int) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: body | {"code": {one: other, other: one}.get(body["code"], body["code"])}


def on_success(**values: Any) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: body | values if body["code"] == SUCCESS else body


def dropping(name: str) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: {key: value for key, value in body.items() if key != name}


def skipping(words: str) -> Callable[[Rule], bool]:
    return lambda rule: words in rule.condition


def setting(name: str, when: Callable[[str], bool], value: Callable[[str], str | None]) -> Callable[[Server, Raw], Raw]:
    """Changes a parameter where it has a certain form; None removes it."""

    def read(server: Server, raw: Raw) -> Raw:
        text = raw.get(name)
        if text is None or not when(text):
            return raw
        changed = value(text)
        return {key: each for key, each in raw.items() if key != name} | ({} if changed is None else {name: changed})

    return read


def lax(parse: Callable[[str], int]) -> Callable[[Server, Raw], Raw]:
    """Reads numbers with a parser that accepts more than digits."""

    def read(server: Server, raw: Raw) -> Raw:
        found = dict(raw)
        for name in ("acceptingExpireAt", "sharingExpireAt", "coverMark"):
            text = found.get(name, "").strip("\0")
            if (text and not text.lstrip("-").isdecimal()) or not text.isascii() or "_" in text:
                try:
                    found[name] = str(parse(text))
                except ValueError:
                    continue
        return found

    return read


def crashing(when: Callable[[Raw], bool]) -> Callable[[Server, Raw], Raw]:
    def read(server: Server, raw: Raw) -> Raw:
        if when(raw):
            raise Crash
        return raw

    return read


def times(change: Callable[[int, int], tuple[int, int]]) -> Callable[[Server, Raw], Raw]:
    """Changes both times, where both are numbers."""

    def read(server: Server, raw: Raw) -> Raw:
        texts = [raw.get(name, "") for name in (ACCEPTING, SHARING)]
        if not all(map(number, texts)):
            return raw
        accepting, sharing = change(*map(int, texts))
        return raw | {"acceptingExpireAt": str(accepting), "sharingExpireAt": str(sharing)}

    return read


def device_of(server: Server, raw: Raw, column: str) -> Raw:
    """Completes the pair of keys from one key alone."""
    rows = [row for row in server.state.rows("devices") if row[column] == raw.get(column)]
    known = any(row["pk"] == raw.get("pk") and row["dk"] == raw.get("dk") for row in rows)
    if not rows or known or not raw.get("pk", "").strip() or not raw.get("dk", "").strip():
        return raw
    return raw | {"pk": min(rows, key=repr)["pk"], "dk": min(rows, key=repr)["dk"]}


def compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def known_keys(fold: Callable[[str], str]) -> Callable[[Server, Raw], Raw]:
    """Keys that are looked up as a database does that compares in its own way."""

    def read(server: Server, raw: Raw) -> Raw:
        found = dict(raw)
        for name in {"pk", "dk"} & raw.keys():
            known = sorted({row[name] for row in server.state.rows("devices")})
            found[name] = next((each for each in known if raw[name].strip() and fold(each) == fold(raw[name])), raw[name])
        return found

    return read


def texts(change: Callable[[str], str | None], *names: str) -> Callable[[Server, Raw], Raw]:
    """Every parameter, or these, read otherwise; None leaves one out."""

    def read(server: Server, raw: Raw) -> Raw:
        chosen = {name: change(text) if not names or name in names else text for name, text in raw.items()}
        return {name: text for name, text in chosen.items() if text is not None}

    return read


def numbers(pattern: str, change: Callable[[str], str]) -> Callable[[Server, Raw], Raw]:
    """Numbers of a certain spelling read otherwise."""
    return texts(lambda text: change(text) if re.fullmatch(pattern, text) else text, ACCEPTING, SHARING, "coverMark")


def any_token(server: Server, raw: Raw) -> Raw:
    bare = raw.get("token", "").split()[-1:]
    known = sorted(row["token"] for row in server.state.rows("sessions"))
    return raw | {"token": known[0]} if bare and bare[0] not in known else raw


def first_session(server: Server, raw: Raw) -> Raw:
    known = sorted(row["token"] for row in server.state.rows("sessions"))
    return raw | {"token": known[0]} if raw.get("token", "").split()[-1:] == [known[1]] else raw


def expired_token(server: Server, raw: Raw) -> Raw:
    bare = raw.get("token", "").split()[-1:]
    rows = {row["token"]: row for row in server.state.rows("sessions")}
    if not bare or bare[0] not in rows or rows[bare[0]]["expiresAt"] > server.now():
        return raw
    uid = rows[bare[0]]["uid"]
    return raw | {"token": next(token for token, row in rows.items() if row["uid"] == uid and token != bare[0])}


def nth(count: int) -> Callable[[Server, Raw, Body], Body]:
    def body(server: Server, raw: Raw, value: Body) -> Body:
        if value["code"] == SUCCESS and server.shares % count == 0:
            raise Crash
        return value

    return body


def cycling(count: int) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: body | {"data": f"share_dv_{server.shares % count}"} if body["code"] == SUCCESS else body


def wrapped(bits: int) -> Callable[[str], str]:
    return lambda text: str((int(text) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1))


def number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()


ANY_TIME = "{code: 5134, permitted: the server may fail to write at any time}"
BESIDE = "coverMark == 2 && standing.acceptingExpireAt > now"
DIGITS = "０１２３４５６７８９"
ACCEPTING, SHARING = "acceptingExpireAt", "sharingExpireAt"

WRONG: dict[str, Entry] = {
    # codes that are wrong, swapped or missing
    "always-code-0": Entry("shareInfo/", body=lambda server, raw, body: body | {"code": 0}),
    "always-200": Entry("shareInfo/", body=lambda server, raw, body: body | {"code": SUCCESS, "data": "share_dv_1"}),
    "no-token-is-a-bad-token": Entry(says(5106, "missing: token"), body=recode(5106, 5032)),
    "a-bad-token-is-no-token": Entry(says(5032, "missing: caller"), body=recode(5032, 5106)),
    "pk-and-dk-swapped": Entry(says(5066, "missing: pk"), body=swap(5066, 5067)),
    "wrong-code-for-missing-dk": Entry(says(5067, "missing: dk"), body=recode(5067, 5066)),
    "a-missing-time-is-malformed": Entry(says(5132, "missing: acceptingExpireAt"), body=recode(5132, 5145)),
    "a-malformed-time-is-missing": Entry(says(5145, "malformed: acceptingExpireAt"), body=recode(5145, 5132)),
    "cover-mark-out-of-range-is-a-time": Entry(says(5133, "malformed: coverMark"), body=recode(5133, 5145)),
    "wrong-order-of-times-is-malformed": Entry(says(5153, "when: sharing"), body=recode(5153, 5145)),
    "no-permission-is-unverified": Entry(says(5135), body=recode(5135, 5360)),
    "unverified-is-no-permission": Entry(says(5360, "when: !device.verified"), body=recode(5360, 5135)),
    "undocumented-code": Entry(says(5135), body=recode(5135, 5999)),
    "success-is-code-0": Entry(says(200), body=recode(200, 0)),
    "success-is-refused": Entry("reply schema: /data", body=recode(200, 5360)),
    # checks that are left out
    "token-may-be-missing": Entry(says(5106), read=lambda server, raw: {"token": "demo-token-alice"} | raw),
    "pk-may-be-missing": Entry(says(5066), read=lambda server, raw: {"pk": "p11pLZ"} | raw),
    "dk-may-be-missing": Entry(says(5067), read=lambda server, raw: {"dk": "D001"} | raw),
    "time-may-be-missing": Entry(says(5132), read=lambda server, raw: {ACCEPTING: str(server.now() + 60_000)} | raw),
    "order-of-times-unchecked": Entry(says(5153), without=skipping(f"{SHARING} <= {ACCEPTING}")),
    "malformed-end-ignored": Entry(says(5145), read=setting(SHARING, lambda text: not number(text), lambda text: None)),
    "malformed-cover-mark-ignored": Entry(
        says(5133), read=setting("coverMark", lambda text: text not in ("1", "2", "3"), lambda text: None)
    ),
    "anybodys-device-accepted": Entry(says(5135, "missing: received"), without=skipping("device.owner")),
    "unknown-device-accepted": Entry(says(5135, "missing: device"), without=skipping("missing: device")),
    "unverified-device-accepted": Entry(says(5360), without=skipping("device.verified")),
    # boundaries
    "equal-times-accepted": Entry(says(5153), read=times(lambda one, two: (one, two + (one == two < 2**62)))),
    "one-ms-is-not-later": Entry("shareInfo/", read=times(lambda one, two: (one, two - (two == one + 1)))),
    "times-compared-in-seconds": Entry("shareInfo/", read=times(lambda one, two: (one // 1000, two // 1000))),
    "times-compared-as-text": Entry(
        "shareInfo/", read=times(lambda one, two: (one, one + 1) if str(two) > str(one) else (two + 1, two))
    ),
    "times-of-32-bits": Entry("shareInfo/", read=setting(ACCEPTING, number, lambda text: str(min(int(text), 2**31 - 1)))),
    "end-wraps-at-64-bits": Entry(says(5145), read=setting(SHARING, lambda text: number(text) and int(text) > 0, wrapped(64))),
    "largest-end-refused": Entry("shareInfo/", read=setting(SHARING, lambda text: text == str(2**63 - 1), lambda text: "x")),
    "cover-mark-wraps-at-32-bits": Entry(says(5133), read=setting("coverMark", number, wrapped(32))),
    "cover-mark-0-accepted": Entry(says(5133), read=setting("coverMark", lambda text: text == "0", lambda text: "1")),
    "cover-mark-4-accepted": Entry(says(5133), read=setting("coverMark", lambda text: text == "4", lambda text: "1")),
    # spellings that a lax parser accepts
    "fractions-accepted": Entry("shareInfo/5", read=lax(lambda text: int(float(text)) if "." in text else int(text, 10))),
    "hexadecimal-accepted": Entry("shareInfo/5", read=lax(lambda text: int(text, 16) if "x" in text else int("?"))),
    "underscores-accepted": Entry("shareInfo/5", read=lax(lambda text: int(text.strip()) if "_" in text else int("?"))),
    # keys that are compared as if they were others
    "keys-compared-without-case": Entry("x-readings: case: exact", read=known_keys(str.casefold)),
    "keys-compared-without-trailing-blanks": Entry("one server reads padding in one way", read=known_keys(str.rstrip)),
    "keys-compared-after-normalisation": Entry("x-readings: normalisation: exact", read=known_keys(compatible)),
    # devices
    "device-by-dk-alone": Entry(says(5135, "missing: device"), read=lambda server, raw: device_of(server, raw, "dk")),
    "device-by-pk-alone": Entry(says(5135, "missing: device"), read=lambda server, raw: device_of(server, raw, "pk")),
    # tokens
    "token-not-checked": Entry(says(5032, "missing: caller"), read=any_token),
    "callers-mixed-up-under-load": Entry("shareInfo/", mixes=True),
    "expired-token-accepted": Entry(says(5032, "missing: caller"), read=expired_token),
    "token-of-somebody-else": Entry("shareInfo/", read=first_session),
    # the envelope
    "code-as-text": Entry("reply schema: /code", body=lambda server, raw, body: body | {"code": str(body["code"])}),
    "code-missing": Entry("reply schema", body=dropping("code")),
    "code-null": Entry("reply schema: /code", body=lambda server, raw, body: body | {"code": None}),
    "code-fraction": Entry("reply schema: /code", body=lambda server, raw, body: body | {"code": body["code"] + 0.5}),
    "msg-missing": Entry("reply schema", body=dropping("msg")),
    "msg-null": Entry("reply schema: /msg", body=lambda server, raw, body: body | {"msg": None}),
    "body-is-a-list": Entry("reply schema", body=lambda server, raw, body: [body]),
    "body-is-null": Entry("reply schema", body=lambda server, raw, body: None),
    "data-null-on-success": Entry("reply schema: /data", body=on_success(data=None)),
    "data-missing-on-success": Entry(
        "reply schema", body=lambda server, raw, body: body if body["code"] != SUCCESS else {"code": SUCCESS, "msg": ""}
    ),
    "data-object-on-success": Entry("reply schema: /data", body=on_success(data={"shareCode": "x"})),
    "data-empty-on-success": Entry("reply schema: /data", body=on_success(data="")),
    "byte-order-mark": Entry("reply body", wire=lambda content: b"\xef\xbb\xbf" + content),
    "trailing-bytes": Entry("reply body", wire=lambda content: content + b"\n<!-- 3 ms -->"),
    "cut-off": Entry("reply body", wire=lambda content: content[:-2]),
    "in-gbk": Entry("reply body", wire=lambda content: json.dumps(json.loads(content), ensure_ascii=False).encode("gbk")),
    "html-page": Entry("reply header: Content-Type", media_type="text/html"),
    "http-400-for-refusals": Entry("HTTP status", status=lambda body: 200 if body["code"] == SUCCESS else 400),
    "http-401-for-tokens": Entry("HTTP status", status=lambda body: 401 if body["code"] in (5032, 5106) else 200),
    "http-500-for-refusals": Entry("HTTP status", status=lambda body: 500 if body["code"] == 5135 else 200),
    "http-201-for-success": Entry("HTTP status", status=lambda body: 201 if body["code"] == SUCCESS else 200),
    # crashes
    "http-500-on-non-ascii-dk": Entry("HTTP status", read=crashing(lambda raw: not raw.get("dk", "").isascii())),
    "http-500-on-emoji": Entry("HTTP status", read=crashing(lambda raw: any("\U0001f600" in each for each in raw.values()))),
    "http-500-on-quotes": Entry("HTTP status", read=crashing(lambda raw: "'" in raw.get("pk", ""))),
    "http-500-on-long-values": Entry("HTTP status", read=crashing(lambda raw: any(len(each) > 255 for each in raw.values()))),
    "http-500-on-repeated-parameters": Entry("HTTP status", taken=lambda values: values[0] if len(values) == 1 else "\0crash"),
    "http-500-on-malformed-numbers": Entry("HTTP status", read=crashing(lambda raw: not number(raw.get("coverMark", "1")))),
    "http-500-on-the-7th-share": Entry("HTTP status", body=nth(7)),
    # methods and paths
    "get-instead-of-post": Entry("HTTP status", routes=lambda method, path: ("GET" if method == "POST" else "POST", path)),
    "get-shares-too": Entry("the contract has no GET", routes=lambda method, path: ("POST" if method == "GET" else method, path)),
    "any-method-shares": Entry("the contract has no", routes=lambda method, path: ("POST", path)),
    "any-longer-path-shares": Entry(
        "-unknown", routes=lambda method, path: (method, path[: path.find("shareInfo") + 9] if "shareInfo" in path else path)
    ),
    # what is permitted at any time, every time
    "beside-what-stands-it-always-fails": Entry(
        says(200, "always"),
        change=Change("shareInfo", f"- {ANY_TIME}", f"- {{code: 5134, when: {BESIDE}, assumed: x}}\n        - {ANY_TIME}"),
    ),
    "other-devices-always-fail-to-write": Entry(says(5135), body=recode(5135, 5134)),
    # share codes
    "repeated-share-code": Entry(says(200), body=on_success(data="share_dv_always_the_same")),
    "share-codes-come-again": Entry(says(200), body=cycling(5)),
    "refusal-leaks-a-share-code": Entry(
        "reply schema: /data", body=lambda server, raw, body: body | {"data": "share_dv_1"} if body["code"] == 5153 else body
    ),
}
WRONG |= {name: Entry("/", change=change, whole=True) for name, change in FORGETFUL.items()}
HALF = "fails-half-way-and-does-not-undo"
WRONG[HALF] = Entry("/", half=2, whole=True)


def messages(text: str) -> Callable[[Server, Raw, Body], Body]:
    return lambda server, raw, body: body | {"msg": text}


def at_random(server: Server, raw: Raw, body: Body) -> Body:
    """Fails to write now and then, before any change."""
    return body | {"code": 5134, "data": None} if body["code"] == 5135 and random.random() < 0.1 else body


def past_refused(server: Server, raw: Raw) -> Raw:
    text = raw.get(ACCEPTING, "")
    return raw | {ACCEPTING: "past"} if number(text) and int(text) < server.now() - 5000 else raw


def sometimes(percent: int, outage: Outage) -> Callable[[], Outage | None]:
    return lambda: outage if random.random() * 100 < percent else None


BLANK = "takes white space for a value"
HABITS: dict[str, tuple[Entry, str]] = {
    # how texts are read
    "blank-pk-is-a-value": (Entry(read=setting("pk", lambda text: not text.strip(), lambda text: "(blank)")), BLANK),
    "blank-dk-is-a-value": (Entry(read=setting("dk", lambda text: not text.strip(), lambda text: "(blank)")), BLANK),
    "blank-time-is-malformed": (Entry(read=setting(ACCEPTING, lambda text: not text.strip(), lambda text: "?")), BLANK),
    "blank-end-is-malformed": (Entry(read=setting(SHARING, lambda text: not text.strip(), lambda text: "?")), BLANK),
    "blank-cover-mark-is-malformed": (Entry(read=setting("coverMark", lambda text: not text.strip(), lambda text: "?")), BLANK),
    "trims-every-text": (Entry(read=texts(str.strip)), "cuts white space around a text"),
    "null-alone-is-missing": (
        Entry(read=texts(lambda text: None if text == "null" else text)),
        "takes the text null for a missing parameter",
    ),
    "blanks-before-numbers": (Entry(read=numbers(r"\s+[0-9]+", str.lstrip)), "cuts white space before a text"),
    "blanks-after-numbers": (Entry(read=numbers(r"[0-9]+\s+", str.rstrip)), "cuts white space after a number"),
    "blanks-around-numbers": (Entry(read=numbers(r"\s*[0-9]+\s*", str.strip)), "cuts white space around a text"),
    "null-is-missing": (
        Entry(read=texts(lambda text: None if text in ("null", "undefined") else text)),
        "takes the text undefined for a missing parameter",
    ),
    "plus-sign": (Entry(read=numbers(r"\+[0-9]+", lambda text: text[1:])), "takes +12 for a number"),
    "full-width-digits": (
        Entry(read=numbers(r"-?\d+", lambda text: str(int(text)))),
        "takes digits that are not ASCII for a number",
    ),
    "leading-zeros-refused": (Entry(read=numbers(r"-?0[0-9]+", lambda text: "?")), "refuses numbers with leading zeros"),
    "fractions-of-nothing": (Entry(read=numbers(r"-?[0-9]+\.0+", lambda text: text.split(".")[0])), "takes 12.0 for an integer"),
    "exponents": (Entry(read=numbers(r"[0-9]+e[0-9]+", lambda text: str(int(float(text))))), "takes 1e3 for an integer"),
    # how requests are read
    "query-only": (Entry(form="never"), "does not read parameters from a form"),
    "forms-are-a-404": (Entry(form="404"), "refuses forms"),
    "form-first": (Entry(form="before"), "prefers a form to the query"),
    "last-value-counts": (Entry(taken=lambda values: values[-1]), "takes the last value of a repeated parameter"),
    "values-joined": (Entry(taken=",".join), "joins the values of a repeated parameter"),
    "verbatim-credential": (
        Entry(read=setting("token", lambda text: text.startswith("Bearer "), lambda text: text.replace(" ", ""))),
        "takes a credential without `Bearer ` alone",
    ),
    "bearer-only": (
        Entry(read=setting("token", lambda text: "Bearer" not in text, lambda text: "unknown")),
        "takes a credential after `Bearer ` alone",
    ),
    "bearer-or-nothing": (
        Entry(read=setting("token", lambda text: "Bearer" not in text, lambda text: None)),
        "takes a credential after `Bearer ` alone",
    ),
}
"""Servers that read requests in a way of their own where the documents are silent, and what the suite says of it."""


def java(server: Server, raw: Raw) -> Raw:
    """`Long.parseLong` on what is not empty, and texts by `isEmpty`."""
    found = numbers(r"[+-]?\d+", lambda text: str(int(text)))(server, raw)
    blank = {name: "(blank)" if name in ("pk", "dk") else "?" for name, text in raw.items() if text and not text.strip()}
    return found | {name: text for name, text in blank.items() if name != "token"}


CORRECT: dict[str, Entry] = {
    **{f"correct-{name}": entry for name, (entry, _) in HABITS.items()},
    "correct-in-java-by-query-alone": Entry(read=java, form="never", taken=lambda values: values[0]),
    "correct-in-php": Entry(read=texts(str.strip), form="before", taken=lambda values: values[-1]),
    "correct": Entry(),
    "correct-reversed-order": Entry(order=lambda rule: -rule.number),
    "correct-times-first": Entry(order=lambda rule: "ExpireAt" not in rule.condition),
    "correct-order-of-codes": Entry(order=lambda rule: str(rule.code)),
    "correct-device-first": Entry(order=lambda rule: "device" not in rule.condition),
    "correct-without-messages": Entry(body=messages("")),
    "correct-other-messages": Entry(body=messages("Oops: <b>é</b> \u2028")),
    "correct-bare-refusals": Entry(
        body=lambda server, raw, body: body if body["code"] == SUCCESS else {"code": body["code"], "msg": body["msg"]}
    ),
    "correct-without-ext-msg": Entry(body=dropping("extMsg")),
    "correct-null-ext-msg": Entry(body=lambda server, raw, body: body | {"extMsg": None}),
    "correct-more-keys": Entry(body=lambda server, raw, body: body | {"traceId": "7f", "ts": 1}),
    "correct-past-refused": Entry(read=past_refused),
    "correct-negative-times": Entry(without=lambda rule: rule.kind == "assumed" and "< 0" in rule.condition),
    "correct-text-as-cover-mark": Entry(
        read=setting("coverMark", lambda text: not number(text) and bool(text.strip()), lambda text: text),
        body=lambda server, raw, body: recode(5133, 5145)(server, raw, body) if not number(raw.get("coverMark", "")) else body,
    ),
    "correct-cover-mark-3-always": Entry(without=skipping("coverMark == 3")),
    "correct-unknown-device": Entry(change=Change("shareInfo", "{code: 5135, missing: device}", "{code: 5134, missing: device}")),
    "correct-recipients-share-on": Entry(without=skipping("received.recipient == caller.uid")),
    "correct-0-is-for-life": Entry(without=skipping("sharingExpireAt == 0 && acceptingExpireAt >= 0")),
    "correct-ten-minutes-behind": Entry(behind=600_000),
    "correct-an-hour-ahead": Entry(behind=-3_600_000),
    "correct-fails-at-times": Entry(body=at_random),
}
ALWAYS_ENGLISH = "correct-speaks-english-to-everybody"
CORRECT[ALWAYS_ENGLISH] = Entry(language="en")
CORRECT |= {f"correct-{name}": Entry(change=change, whole=True) for name, change in LENIENT.items()}
CATALOGUE: Mapping[str, Entry] = WRONG | CORRECT


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of a server, with keep-alive connections."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            if url.path == RESET:
                server.reset()
                return self.reply(200, b"{}")
            operation = server.operations.get(server.entry.routes(self.command, url.path))
            if operation is None or (content and server.entry.form == "404"):
                known = any(path == url.path for _, path in server.operations)
                return (
                    self.reply(405, b'{"title": "Method Not Allowed"}') if known else self.reply(404, b'{"title": "Not Found"}')
                )
            entry = server.entry
            is_form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            query = taken(url.query, entry.taken)
            form = taken(content.decode("utf-8", "replace"), entry.taken) if is_form and entry.form != "never" else {}
            if entry.form == "before":
                query |= form
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                if "\0crash" in (*query.values(), *form.values()):
                    raise Crash
                outage, raw = entry.outage(), operation.gather(query=query, headers=headers, form=form)
                if outage is None or outage.carried_out:
                    answer = server.answer(operation, raw)
                if outage is not None and outage.status == 0:
                    self.close_connection = True
                elif outage is not None:
                    self.reply(outage.status, outage.content, outage.headers)
                else:
                    self.reply(*answer)
            except Crash:
                self.reply(500, b'{"error": "unexpected"}')

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_TRACE = do_QUERY = answer

        def reply(self, status: int, content: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status == 405:
                self.send_header(
                    "Allow", ", ".join(sorted(way for way, path in server.operations if path == self.path.partition("?")[0]))
                )
            self.send_header("Date", formatdate(server.now() / 1000, usegmt=True))
            if not headers:
                self.send_header("Content-Type", server.entry.media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else content)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return Handler


def taken(text: str, choose: Callable[[list[str]], str]) -> dict[str, str]:
    """For each name the value that the server uses."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: choose(values) for name, values in found.items()}


def serving(name: str) -> AbstractContextManager[str]:
    """Serves an entry of the catalogue in threads; gives its base URL."""
    return serving_in_threads(Server(CATALOGUE[name]))


@contextmanager
def serving_in_threads(server: Server, port: int = 0) -> Iterator[str]:
    """Serves a server in threads; yields its base URL."""
    http = ThreadingHTTPServer(("127.0.0.1", port), handler(server))
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=CATALOGUE, metavar="NAME")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.name is None:
        print("\n".join(CATALOGUE))
        return
    http = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(Server(CATALOGUE[arguments.name])))
    print(f"{arguments.name} at http://127.0.0.1:{http.server_port}", flush=True)
    http.serve_forever()


if __name__ == "__main__":
    main()

"""A catalogue of servers, each wrong in one way, around a correct one; and correct ones that look in another order.

`python tests/wrong_servers.py NAME --port N` serves one; without a name it lists them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import openapi

WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
SUCCESS = 200

Raw = dict[str, Any]
Answer = tuple[int, Any]
"""HTTP status and body."""


class Server:
    """A correct server. Defects override one of its steps."""

    def __init__(self) -> None:
        self.contract = openapi.load()
        world = openapi.load_world(WORLD, self.contract, self.now(), {})
        self.state, self.random, self.lock = world.state, random.Random(world.seed), threading.Lock()
        self.operation = next(iter(self.contract.operations.values()))

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def answer(self, raw: Raw) -> Answer:
        with self.lock:
            decision = openapi.decide(self.operation, self.read(raw), self.state, self.now(), self.random)
            self.state = decision.state
        rule = decision.rule
        return rule.status, self.contract.envelope.body(rule.code, rule.message("zh"), decision.data)

    def read(self, raw: Raw) -> Raw:
        """What the server takes the request for."""
        return raw


class AlwaysZero(Server):
    def answer(self, raw: Raw) -> Answer:
        return 200, super().answer(raw)[1] | {"code": 0}


class AlwaysSuccess(Server):
    def answer(self, raw: Raw) -> Answer:
        return 200, {"code": SUCCESS, "msg": "", "data": f"share_dv_{self.random.getrandbits(128):032x}"}


class WrongCodeWithoutDeviceKey(Server):
    def answer(self, raw: Raw) -> Answer:
        status, body = super().answer(raw)
        return status, body | {"code": 5066} if body["code"] == 5067 else body


class CoverMarkFour(Server):
    def read(self, raw: Raw) -> Raw:
        return raw | {"coverMark": "1"} if raw.get("coverMark") == "4" else raw


class EqualTimes(Server):
    def read(self, raw: Raw) -> Raw:
        usable = raw.get("sharingExpireAt")
        equal = usable is not None and usable.isdecimal() and usable == raw.get("acceptingExpireAt")
        return raw | {"sharingExpireAt": str(int(usable) + 1)} if equal else raw


class WithoutRule(Server):
    """Does not look at the rules that this picks."""

    def __init__(self, dropped: Callable[[openapi.Rule], bool]) -> None:
        super().__init__()
        kept = tuple(rule for rule in self.operation.rules if not dropped(rule))
        self.operation = replace(self.operation, rules=kept)


class TokenUnchecked(Server):
    def read(self, raw: Raw) -> Raw:
        token = raw.get("token", "").split()[-1:]
        known = [row["token"] for row in self.state.rows("sessions")]
        return raw | {"token": sorted(known)[0]} if token and token[0] not in known else raw


class CodeAsText(Server):
    def answer(self, raw: Raw) -> Answer:
        status, body = super().answer(raw)
        return status, body | {"code": str(body["code"])}


class ErrorOnUnicode(Server):
    def answer(self, raw: Raw) -> Answer:
        if not raw.get("dk", "").isascii():
            return 500, {"error": "UnicodeEncodeError"}
        return super().answer(raw)


class RepeatedShareCode(Server):
    def answer(self, raw: Raw) -> Answer:
        status, body = super().answer(raw)
        return status, body | {"data": "share_dv_always_the_same"} if body["code"] == SUCCESS else body


class Reordered(Server):
    """Correct: it looks at the same rules in another order."""

    def __init__(self, key: Callable[[openapi.Rule], Any]) -> None:
        super().__init__()
        *rules, success = self.operation.rules
        self.operation = replace(self.operation, rules=(*sorted(rules, key=key), success))


@dataclass(frozen=True)
class Entry:
    """A server, and the part of a rule that the report must name; empty for a correct one."""

    make: Callable[[], Server]
    rule: str = ""


CATALOGUE: Mapping[str, Entry] = {
    "always-code-0": Entry(AlwaysZero, "shareInfo/5067 - missing: dk"),
    "always-200": Entry(AlwaysSuccess, "shareInfo/5106 - missing: token"),
    "wrong-code-for-missing-dk": Entry(WrongCodeWithoutDeviceKey, "shareInfo/5067 - missing: dk"),
    "cover-mark-4-accepted": Entry(CoverMarkFour, "shareInfo/5133 - malformed: coverMark"),
    "equal-times-accepted": Entry(EqualTimes, "shareInfo/5153 - when: sharingExpireAt != 0"),
    "anybodys-device-accepted": Entry(
        lambda: WithoutRule(lambda rule: "device.owner" in rule.condition), "shareInfo/5135 - missing: received"
    ),
    "token-not-checked": Entry(TokenUnchecked, "shareInfo/5032 - missing: caller"),
    "code-as-text": Entry(CodeAsText, "reply schema: /code"),
    "http-500-on-non-ascii-dk": Entry(ErrorOnUnicode, "HTTP status"),
    "unverified-device-accepted": Entry(
        lambda: WithoutRule(lambda rule: "device.verified" in rule.condition), "shareInfo/5360 - when: !device.verified"
    ),
    "repeated-share-code": Entry(RepeatedShareCode, "shareInfo/200 - always"),
    "correct": Entry(Server),
    "correct-reversed-order": Entry(lambda: Reordered(lambda rule: -rule.number)),
    "correct-times-first": Entry(lambda: Reordered(lambda rule: "ExpireAt" not in rule.condition)),
}


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of a server, with connections that are kept."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            if url.path != server.operation.path:
                return self.reply(404, {"title": "Not Found"})
            form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            raw = server.operation.gather(
                query=first_of(url.query),
                headers={name.lower(): value for name, value in self.headers.items()},
                form=first_of(body.decode("utf-8", "replace")) if form else {},
            )
            self.reply(*server.answer(raw))

        def do_GET(self) -> None:
            self.reply(404, {"title": "Not Found"})

        def reply(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return Handler


def first_of(text: str) -> dict[str, str]:
    """The first value of each name."""
    return dict(reversed(parse_qsl(text, keep_blank_values=True)))


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Serves an entry of the catalogue in a thread; gives its base URL."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(CATALOGUE[name].make()))
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
    parser.add_argument("name", nargs="?", choices=CATALOGUE)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.name is None:
        print("\n".join(CATALOGUE))
        return
    http = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(CATALOGUE[arguments.name].make()))
    print(f"{arguments.name} at http://127.0.0.1:{http.server_port}", flush=True)
    http.serve_forever()


if __name__ == "__main__":
    main()

"""Locust alone: `python -m bench.locust_alone HttpUser|FastHttpUser POOL RATE SECONDS`. Prints a JSON object.

Each user sends the requests that `contracts load` would send to its world, and looks at no reply. They are planned beforehand.
"""

from __future__ import annotations

import locust  # isort: skip  # it comes first, because it replaces sockets and threads

import itertools
import json
import sys
import time
from typing import Any

from locust.env import Environment

import openapi
from contracts.generate.stream import Stream
from contracts.http.wire import Request
from contracts.load.crew import SUCCESS_PERCENT
from contracts.run.pool import PoolWorld, read_pool
from contracts.run.session import UNKNOWN
from contracts.sequence.placeholder import Placeholders

WALKS = 4
"""Walks that are planned for each user; they are sent again and again."""
Sent = tuple[str, str, dict[str, str], bytes | None]
"""Method, URL, headers and body."""


def main(kind: str, pool: str, rate: float, seconds: float) -> None:
    """Runs as many users as there are worlds; `rate` is in requests per second, 0 for no limit."""
    worlds = read_pool(pool)
    plans = [itertools.cycle(_planned(each)) for each in worlds]
    base: Any = {"HttpUser": locust.HttpUser, "FastHttpUser": locust.FastHttpUser}[kind]
    waiting = {"wait_time": locust.constant_throughput(rate / len(worlds))} if rate else {}
    parts = {"plans": iter(plans), "send": locust.task(_send), "on_start": _begin, "host": worlds[0].target, "abstract": False}
    environment = Environment(user_classes=[type("Alone", (base,), parts | waiting)])
    runner = environment.create_local_runner()
    began, processor = time.monotonic(), time.process_time()
    runner.start(len(worlds), 100)
    time.sleep(seconds)
    runner.quit()
    took, used = time.monotonic() - began, time.process_time() - processor
    total = environment.stats.total
    found = {
        "requests": total.num_requests,
        "rate": total.num_requests / took,
        "processor": used * 1000 / max(total.num_requests, 1),
        "median": total.median_response_time,
        "p95": total.get_response_time_percentile(0.95),
    }
    print(json.dumps(found))


def _planned(place: PoolWorld) -> list[Sent]:
    contract, now = openapi.load(), time.time_ns() // 1_000_000
    world = openapi.load_world(place.world, contract, now, {})
    stream, placeholders = Stream(contract, world, 0, SUCCESS_PERCENT), Placeholders(now, {})
    walks = (stream.walk(number) for number in range(WALKS))
    return [_sent(place.target, placeholders.fill(each, UNKNOWN)) for walk in walks for each in walk]


def _sent(base: str, request: Request) -> Sent:
    content, media_type = request.content()
    headers = {name: value.encode("utf-8", "replace").decode("latin-1") for name, value in request.headers}
    return request.method, request.url(base), headers | ({"Content-Type": media_type} if media_type else {}), content


def _begin(self: Any) -> None:
    self.plan = next(self.plans)


def _send(self: Any) -> None:
    method, url, headers, content = next(self.plan)
    with self.client.request(method, url, headers=headers, data=content, name=method, catch_response=True) as response:
        response.success()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))

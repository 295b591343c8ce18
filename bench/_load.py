"""The load generator: wrk on its own core, with keep-alive connections that all send the same request."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench._servers import TOKEN, Server
from bench._tools import wrk

CONNECTIONS = 32
SCRIPT = f"""
wrk.method = "POST"
wrk.headers["Authorization"] = "{TOKEN}"
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "errors": %d}}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round."""

    requests: int
    rate: float
    """Requests per second."""
    p50: float
    """Milliseconds."""
    p99: float
    """Milliseconds."""
    processor: float
    """Processor time of the server per request, µs."""
    errors: int


def load(server: Server, seconds: int, core: int | None, folder: Path) -> Round:
    """Runs one round. Raises Missing without a load generator."""
    command, environ = wrk()
    script = folder / "request.lua"
    script.write_text(SCRIPT)
    pin = ["taskset", "-c", str(core)] if core is not None else []
    argv = [*pin, *command, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), server.url]
    before = server.processor()
    output = subprocess.run(argv, check=True, capture_output=True, text=True, env=os.environ | environ).stdout
    found = json.loads(output.splitlines()[-1])
    rate = found["requests"] / found["microseconds"] * 1e6
    spent = (server.processor() - before) / max(found["requests"], 1) * 1e6
    return Round(found["requests"], rate, found["p50"] / 1000, found["p99"] / 1000, spent, found["errors"])

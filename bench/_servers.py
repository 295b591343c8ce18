"""The servers of the comparison, each with the same endpoint: starting, measuring and stopping them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import openapi
from bench._tools import from_pypi, node
from bench.serve import package

ROOT = Path(__file__).parent.parent
PATH = "/v2/binding/enduserapi/shareInfo"
QUERY = "?pk=p11pLZ&dk=D001&acceptingExpireAt=4102444800000&sharingExpireAt=4133980800000&coverMark=1"
TOKEN = "Bearer demo-token-alice"
ANSWER = {"code": 200, "msg": "ok", "data": "share_dv_C18222055", "extMsg": ""}
PATIENCE = 60.0

Command = Callable[[int, Path], list[str]]
"""From a port and a scratch folder to the command of a server."""


class Server:
    """One running server, pinned to one core."""

    def __init__(self, name: str, command: Command, core: int | None, folder: Path) -> None:
        """Starts it and waits for its first reply. Raises Missing or RuntimeError."""
        self.name, self.port = name, _free_port()
        folder.mkdir()
        argv = command(self.port, folder)
        pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        started = time.perf_counter()
        self.log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=self.log, stderr=self.log, preexec_fn=pin, start_new_session=True)
        self.reply = self._first_reply(started + PATIENCE)
        self.start_up = time.perf_counter() - started

    @property
    def url(self) -> str:
        """The request that is measured."""
        return f"http://127.0.0.1:{self.port}{PATH}{QUERY}"

    def ask(self) -> str:
        """Sends the request once; returns the reply."""
        request = urllib.request.Request(self.url, method="POST", headers={"Authorization": TOKEN})
        with urllib.request.urlopen(request, timeout=5) as response:
            return str(response.read().decode())

    def _first_reply(self, deadline: float) -> str:
        while time.perf_counter() < deadline and self.process.poll() is None:
            try:
                return self.ask()
            except (OSError, urllib.error.URLError):
                time.sleep(0.01)
        self.stop()
        self.log.seek(0)
        last = self.log.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"{self.name} does not answer: {last or 'it says nothing'}")

    def get(self, path: str) -> str:
        """The reply of its control plane."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as response:
            return str(response.read().decode())

    def waiting(self) -> float:
        """How long a request to a mock takes, ms, that is sent while a fault delays another one by a second."""
        fault = json.dumps({"delay": 1000, "times": 1, "operation": "shareInfo"}).encode()
        control = f"http://127.0.0.1:{self.port}/_mock/worlds/default/faults"
        urllib.request.urlopen(urllib.request.Request(control, fault, method="POST"), timeout=5).close()
        delayed = Thread(target=self.ask)
        delayed.start()
        time.sleep(0.2)
        started = time.perf_counter()
        self.ask()
        waited = (time.perf_counter() - started) * 1000
        delayed.join()
        return waited

    def memory(self) -> float:
        """Resident memory of the server and its children, MiB."""
        return sum(int(_field(each / "status", "VmRSS")) for each in self._processes()) / 1024

    def processor(self) -> float:
        """Processor time of the server and its children so far, seconds."""
        ticks = (((each / "stat").read_text().rpartition(")")[2].split()) for each in self._processes())
        return sum(int(each[11]) + int(each[12]) for each in ticks) / os.sysconf("SC_CLK_TCK")

    def _processes(self) -> list[Path]:
        group, found = self.process.pid, []
        for each in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.getpgid(int(each.name)) == group:
                    found.append(each)
        return found

    def pause(self) -> None:
        """Pauses the server and its children, so that they do not disturb the measurement of another one."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resumes a paused server."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stops the server and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()


def _field(file: Path, name: str) -> str:
    return next(line.split()[1] for line in file.open() if line.startswith(name))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mock(port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "mockserver", "serve", "--port", str(port), "--max-rows", "10000000", "--no-reload", "--quiet"]


def _on(way: str, application: str) -> Command:
    def command(port: int, folder: Path) -> list[str]:
        if (name := package(way)) is not None:
            from_pypi(name)
        return [sys.executable, "-m", "bench.serve", application, way, str(port)]

    return command


def _prism(port: int, folder: Path) -> list[str]:
    document = Path(openapi.__file__).parent / "device-sharing.yaml"
    return [*node("prism"), "mock", str(document), "--port", str(port), "--verboseLevel", "silent"]


def _wiremock(*flags: str) -> Command:
    def command(port: int, folder: Path) -> list[str]:
        (folder / "mappings").mkdir()
        stub = {
            "request": {"method": "POST", "urlPath": PATH, "headers": {"Authorization": {"equalTo": TOKEN}}},
            "response": {"status": 200, "jsonBody": ANSWER, "headers": {"Content-Type": "application/json"}},
        }
        (folder / "mappings/share.json").write_text(json.dumps(stub))
        return [*node("wiremock"), "--port", str(port), "--root-dir", str(folder), "--disable-banner", *flags]

    return command


def _mockoon(port: int, folder: Path) -> list[str]:
    response = {
        "uuid": "00000000-0000-4000-8000-000000000003",
        "body": json.dumps(ANSWER),
        "statusCode": 200,
        "headers": [{"key": "Content-Type", "value": "application/json"}],
        "bodyType": "INLINE",
        "disableTemplating": True,
        "default": True,
    }
    route = {
        "uuid": "00000000-0000-4000-8000-000000000002",
        "type": "http",
        "method": "post",
        "endpoint": PATH.lstrip("/"),
        "responses": [response],
    }
    environment = {
        "uuid": "00000000-0000-4000-8000-000000000001",
        "lastMigration": 33,
        "name": "bench",
        "port": port,
        "hostname": "127.0.0.1",
        "routes": [route],
        "rootChildren": [{"type": "route", "uuid": route["uuid"]}],
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    return [*node("mockoon-cli"), "start", "--data", str(folder / "environment.json"), "--repair", "--disable-log-to-file"]


MOCK, FLASK, BYTES = "this mock", "bare Flask view", "fixed bytes"
SERVERS: dict[str, Command] = {
    MOCK: _mock,
    FLASK: _on("ours", "flask"),
    f"{FLASK}, on the event loop": _on("ours", "flask-at-once"),
    f"{FLASK}, granian": _on("granian", "flask"),
    BYTES: _on("ours", "fixed"),
    "Prism, log off": _prism,
    "WireMock": _wiremock(),
    "WireMock, journal off": _wiremock("--no-request-journal"),
    "Mockoon": _mockoon,
}
HTTP_SERVERS: dict[str, Command] = {
    MOCK: _mock,
    BYTES: _on("ours", "fixed"),
    **{
        f"{way}: {label}": _on(way, application)
        for way in ("plain", "fastpysgi", "bjoern", "granian", "uvicorn", "waitress", "gunicorn", "cheroot")
        for label, application in ((MOCK, "mock"), (BYTES, "fixed"))
    },
}

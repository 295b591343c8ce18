"""The pytest plugin: `mock_server` is a world of its own for each test, in a mock that runs as long as the session.

Under pytest-xdist each worker has a mock of its own. `--mock-contract` and `--mock-world` (or `mock_contract` and
`mock_world` in the configuration) choose what is served.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import openapi
from mockserver.client import Client, World
from mockserver.running import running

_OPTIONS = {
    "mock_contract": "The OpenAPI document that mock_server serves; without it, the one of device sharing.",
    "mock_world": "The world file that each test's world begins with.",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, also as lines of the configuration."""
    group = parser.getgroup("mockserver")
    for name, text in _OPTIONS.items():
        group.addoption(f"--{name.replace('_', '-')}", metavar="FILE", help=text)
        parser.addini(name, text)


@pytest.fixture(scope="session")
def mock_server_session(request: pytest.FixtureRequest) -> Iterator[Client]:
    """The mock of this session: its `url`, and a client of its control plane."""
    contract, world = (request.config.getoption(name) or request.config.getini(name) or None for name in _OPTIONS)
    try:
        with running(contract, world) as client:
            yield client
    except openapi.InvalidDocument as error:
        raise pytest.fail.Exception(f"mock_server: {error}", pytrace=False) from None


@pytest.fixture
def mock_server(mock_server_session: Client) -> Iterator[World]:
    """A fresh world: `url` to call, `clock`, `faults` and `journal` to arrange and to look at."""
    world = mock_server_session.create()
    yield world
    world.delete()

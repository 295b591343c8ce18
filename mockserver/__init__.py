"""A stateful mock server for a contract."""

from mockserver.application import create_app
from mockserver.client import Client, ControlError, World
from mockserver.running import running
from mockserver.serving.mock import Mock
from mockserver.worlds.world import LiveWorld, Origin
from mockserver.worlds.worlds import Bounds

__all__ = ["Bounds", "Client", "ControlError", "LiveWorld", "Mock", "Origin", "World", "create_app", "running"]

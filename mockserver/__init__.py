"""A stateful mock that plays the server of a contract."""

from mockserver._application import create_app
from mockserver._client import Client, ControlError, World
from mockserver._mock import Mock
from mockserver._running import running
from mockserver._world import LiveWorld, Origin
from mockserver._worlds import Bounds

__all__ = ["Bounds", "Client", "ControlError", "LiveWorld", "Mock", "Origin", "World", "create_app", "running"]

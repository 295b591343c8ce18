"""A stateful mock that plays the server of a contract."""

from mockserver._application import create_app
from mockserver._mock import Mock
from mockserver._world import LiveWorld, Origin
from mockserver._worlds import Bounds

__all__ = ["Bounds", "LiveWorld", "Mock", "Origin", "create_app"]

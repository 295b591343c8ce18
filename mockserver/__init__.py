"""A stateful mock that plays the server of a contract."""

from mockserver._application import create_app
from mockserver._world import LiveWorld

__all__ = ["LiveWorld", "create_app"]

"""Measurements that a person runs: `python -m bench`, `python -m bench servers`, `start`, `flat`, `decide`."""

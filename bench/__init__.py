"""Measurements that a person runs: `python -m bench`, `python -m bench flat`, `python -m bench decide`."""

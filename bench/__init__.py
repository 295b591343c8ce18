"""Benchmarks, started by hand: `python -m bench`, `python -m bench servers`, `start`, `flat`, `decide`, `cases`, `catches`."""

"""Worlds: state, clock, faults, journal and metrics that requests share."""

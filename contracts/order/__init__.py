"""Infers the order in which a server performs its checks."""

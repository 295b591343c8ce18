"""Worlds in a database: they survive their process, and several processes that share it are one mock."""

"""Requests that a contract and a state give: likely values, and the simplest request for each outcome."""

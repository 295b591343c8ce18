"""Candidate requests for a contract and a state, and the simplest request for each outcome."""

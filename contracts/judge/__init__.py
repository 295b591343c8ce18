"""Judging replies: the oracle, the record of a test run, the evidence for each finding."""

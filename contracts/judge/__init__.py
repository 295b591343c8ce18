"""Where a reply is judged: the oracle, the record of what was seen, the evidence for each finding."""

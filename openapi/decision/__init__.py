"""The decision table: lookups, rules, effects and reply data, and `decide()`."""

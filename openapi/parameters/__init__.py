"""Parameters: the raw texts of a request are read into named values, or are missing or malformed."""

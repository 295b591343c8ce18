"""Parameters: the raw texts of a request become named values, or missing or malformed."""

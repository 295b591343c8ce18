"""Documents that people write: read with the line of every value, and the errors that name it."""

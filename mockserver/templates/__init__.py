"""The files that `mockserver new` writes."""

"""The command line `mockserver`."""

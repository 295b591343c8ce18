"""The command line `contracts`."""

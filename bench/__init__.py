"""Measurements of the connector against the sandbox; see `python -m bench --help`."""

"""Measurements of the connector against the sandbox; docs/benchmarks.md says what each figure is."""

"""Measurements; each prints a table. Run as ``python -m benchmarks.<name>``."""

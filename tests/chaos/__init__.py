"""Breaks the real pipeline on purpose and compares what the sink holds with an undisturbed run."""

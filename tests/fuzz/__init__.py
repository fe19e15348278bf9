"""Mutated rule files and events: whatever they hold, there are words for it, never a traceback.

`python -m tests.fuzz.rules --count 100000 --seed 1`, `python -m tests.fuzz.events ...`.
"""

"""Replays of a range of EVENTS, held against what was alerted when it was live."""

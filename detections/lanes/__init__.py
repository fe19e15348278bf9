"""Engines on the bus: what a lane reads, saves, restores and takes back."""

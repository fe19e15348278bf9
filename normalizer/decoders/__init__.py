"""Frames of one protocol to records: a decoder a file."""

"""Stateful correlators, one typology a file."""

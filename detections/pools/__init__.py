"""Pools as markets: their books, what is in them, and who swaps."""

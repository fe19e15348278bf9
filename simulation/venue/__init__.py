"""Venues with an order book, and the honest who trade there."""

"""Coinbase Exchange, or a venue that speaks its protocol."""

from collectors.coinbase.collector import CoinbaseCollector

__all__ = ["CoinbaseCollector"]

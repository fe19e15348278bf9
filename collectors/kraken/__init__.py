"""Kraken spot, WebSocket v2."""

from collectors.kraken.collector import KrakenCollector

__all__ = ["KrakenCollector"]

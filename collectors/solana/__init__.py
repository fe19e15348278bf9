"""Solana by a node's JSON-RPC and PubSub: every block once, in order, with what is watched."""

from collectors.solana.collector import SolanaCollector

__all__ = ["SolanaCollector"]

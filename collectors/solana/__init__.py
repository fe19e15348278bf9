"""Solana by a node's JSON-RPC and PubSub: every block once, in order, with what is watched."""

"""An EVM chain by a node's WebSocket JSON-RPC: every block once, in order, with what is watched."""

from collectors.evm.watched import Watched, WatchedToken

__all__ = ["Watched", "WatchedToken"]

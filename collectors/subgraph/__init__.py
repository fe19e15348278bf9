"""Pools by a subgraph's GraphQL, where there is no node: swaps and liquidity, block by block."""

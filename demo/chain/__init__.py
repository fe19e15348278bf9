"""A real EVM chain for the demo and the tests: a node, an ERC-3643 token, a Uniswap pool, a play.

web3 is needed by everything here but `anvil` and `facts`; it comes with the extra `demo`.
"""

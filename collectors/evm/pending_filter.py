"""Which pending transactions concern what is watched."""

import ahocorasick_rs

from collectors.evm.blocks import Transaction
from collectors.evm.native_transfers import NativeTransfers

#: Hex digits of calldata in which addresses are looked for.
MOST_LOOKED_AT = 128 * 1024


class PendingFilter:
    """Calls of watched contracts and of ``callees`` (such as routers), whatever names a watched
    contract in its calldata, and gifts of the chain's own currency that the source tells of.
    """

    def __init__(
        self, watched: frozenset[str], callees: frozenset[str], native: NativeTransfers
    ) -> None:
        """Addresses in lower case."""
        self._called = watched | callees
        self._native = native
        names = sorted(address[2:] for address in watched)
        # Not word by word: Uniswap's paths have addresses next to each other.
        self._named = ahocorasick_rs.AhoCorasick(names) if names else None

    def matters(self, transaction: Transaction) -> bool:
        """Whether it is one to follow."""
        if transaction.receiver in self._called or self._native.matters(transaction):
            return True
        data = transaction.data
        if self._named is None or len(data) <= 10:
            return False
        return bool(self._named.find_matches_as_indexes(data[:MOST_LOOKED_AT].lower()))

"""The pools that a subgraph's source reads."""

from collections.abc import Iterable

from msgspec import Struct


class WatchedPools(Struct, frozen=True):
    """Addresses in lower case."""

    pools: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pools: Iterable[str], elsewhere: Iterable[str]) -> "WatchedPools":
        """These pools, but for those that a node's source watches: a pool is told of by one of the
        two, for their events have different ids.
        """
        taken = {address.lower() for address in elsewhere}
        return cls(frozenset(address.lower() for address in pools) - taken)

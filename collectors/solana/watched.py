"""The mints that a Solana source watches."""

from msgspec import Struct


class WatchedMints(Struct, frozen=True):
    """Mints in base58, besides those that the source's configuration names."""

    mints: frozenset[str] = frozenset()

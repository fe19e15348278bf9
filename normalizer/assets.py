"""Which asset an event is about: what decides its lane.

Everything about one asset has one key: on every chain, in its pools, at its oracles and at every
venue, as the reference data links them. So detections that look at one asset at a time find all of
it in one lane. Where two tokens share a contract, an address or a name at a venue, they share the
key too; then equal values of those fields always mean the same lane.
"""

from collections.abc import Iterator

from normalizer.events import AssetEvent, ChainEvent, Event, MarketEvent, SocialEvent
from normalizer.reference import Reference, Token

#: An instrument that means the whole source.
_ALL_INSTRUMENTS = "*"


class Assets:
    """The keys of events. Immutable."""

    def __init__(self, reference: Reference) -> None:
        leaders = _Leaders()
        for token in reference.tokens:
            for name in _names(token):
                leaders.unite(name, ("token", token.id))
        self._keys = {name: ":".join(leaders.of(name)) for name in leaders}

    def key(self, event: Event) -> str | None:
        """The key of an event's asset, or of its source where it is about none.

        None for what concerns everybody: the chain or the source as a whole.
        """
        if not isinstance(event, AssetEvent):
            return None
        if event.token_id is not None:
            return self._key("token", event.token_id)
        if isinstance(event, ChainEvent):
            # A module or a manager tells of a token that the reference data need not have.
            address = event.token_address or event.contract
            if address is not None:
                return self._key("address", address)
        elif isinstance(event, MarketEvent):
            if event.instrument == _ALL_INSTRUMENTS:
                return None
            return self._key("instrument", f"{event.venue}/{event.instrument}")
        elif isinstance(event, SocialEvent) and event.instrument is not None:
            return self._key("instrument", f"{event.venue}/{event.instrument}")
        return f"source:{event.provider}"

    def _key(self, kind: str, name: str) -> str:
        return self._keys.get((kind, name)) or f"{kind}:{name}"


_Name = tuple[str, str]


def _names(token: Token) -> Iterator[_Name]:
    """Everything that means the token, on whichever chain."""
    yield "token", token.id
    for contract in token.contracts:
        for address in (contract.address, *contract.suite):
            if address is not None:
                yield "address", address.lower()
    for mint in token.mints:
        yield "address", mint.address
    for pool in token.pools:
        if pool.pool_id is None:  # a PoolManager of Uniswap v4 has the pools of everything
            yield "address", pool.address.lower()
        yield "instrument", f"{pool.protocol}/{token.symbol or token.id}-{pool.quote.symbol}"
    for feed in token.price_feeds:
        if feed.feed_id is None:  # a contract of Pyth has the prices of everything
            yield "address", feed.address.lower()
    for instrument in token.instruments:
        yield "instrument", f"{instrument.venue}/{instrument.symbol}"


class _Leaders(dict[_Name, _Name]):
    """Names that belong together; of each group the least one leads, whatever the order."""

    def of(self, name: _Name) -> _Name:
        """The leader of a name's group."""
        while (leader := self.setdefault(name, name)) != name:
            name = leader
        return name

    def unite(self, one: _Name, other: _Name) -> None:
        """Make one group of two."""
        first, second = sorted((self.of(one), self.of(other)))
        self[second] = first

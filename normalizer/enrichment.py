"""What the reference data says of a contract, an instrument, an account or an address, by one
dictionary lookup each."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from normalizer.parties import NOBODY, Known, Party, Timeline, party_at
from normalizer.reference import (
    Reference,
    Token,
    TokenContract,
    feed_key,
    pool_key,
    quote_currency,
)
from normalizer.reference_book import FILES, Dirty, ReferenceBook
from normalizer.reference_parties import Parties
from normalizer.session_stamps import SessionStamps
from pipeline.chain_ids import chain_number
from pipeline.reference_changes import ReferenceChange, change_of
from pipeline.reference_records import ListEntry, Mint, ReferenceRecord, compared_account

__all__ = [
    "NOBODY", "ChainReference", "Enrichment", "FeedInfo", "Known", "Party", "PoolInfo", "Timeline",
    "TokenInfo", "VenueInstrument", "party_at",
]  # fmt: skip


class TokenInfo(Struct, frozen=True, gc=False):
    """A token as events carry it; ``address`` is its contract on the chain in question."""

    id: str
    address: str | None
    symbol: str | None
    name: str | None
    standard: str | None
    classification: str | None
    issuer_id: str | None
    issuer_name: str | None
    #: Smallest units in one whole token.
    unit: int

    def fields(self) -> dict[str, str | None]:
        """The ``token_...`` attributes of an event."""
        return {
            "token_id": self.id,
            "token_address": self.address,
            "token_symbol": self.symbol,
            "token_name": self.name,
            "token_standard": self.standard,
            "token_classification": self.classification,
            "token_issuer_id": self.issuer_id,
            "token_issuer_name": self.issuer_name,
        }


class PoolInfo(Struct, frozen=True):
    """A pool: which side of it is the watched token, and in what it is priced."""

    token: TokenInfo
    token_is_0: bool
    venue: str
    instrument: str
    currency: str
    quote_unit: int
    token0: str
    token1: str
    #: All assets of the pool, in its own order.
    coins: tuple[str, ...] = ()


class FeedInfo(Struct, frozen=True):
    """An oracle's price feed for a token."""

    token: TokenInfo
    name: str
    currency: str
    #: Answer's units in one unit of the currency.
    unit: int
    #: Seconds after which a new answer is promised.
    heartbeat: float | None = None


class ChainReference(Struct, frozen=True):
    """What is known of one chain, by address as it is compared: EVM ones in lower case."""

    tokens: Mapping[str, TokenInfo]
    #: Registries and compliance contracts, where they belong to one token only.
    suite: Mapping[str, TokenInfo]
    #: Those of Uniswap v4 by the PoolManager's address, a colon and their id.
    pools: Mapping[str, PoolInfo]
    #: Those of a Pyth contract by its address, a colon and their id.
    price_feeds: Mapping[str, FeedInfo] = {}


class VenueInstrument(Struct, frozen=True):
    """An instrument of a venue, with the token behind it if that is known."""

    token: TokenInfo | None
    currency: str | None


_NO_CHAIN = ChainReference({}, {}, {})


class _Tokens:
    """Contracts and instruments by the tokens that hold at one time."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        reference = Reference(tokens=tuple(tokens))
        self.chains = _chains(reference)
        self.instruments = {
            (instrument.venue, instrument.symbol): VenueInstrument(
                _token_info(token, token.contracts[0] if token.contracts else None),
                instrument.currency or quote_currency(instrument.symbol),
            )
            for token in reference.tokens
            for instrument in token.instruments
        }


class Enrichment:
    """Lookups in reference data, which changes between frames and never within one."""

    def __init__(self, reference: Reference) -> None:
        self.book = ReferenceBook()
        self._parties = Parties(self.book)
        #: Sessions and reference times of venues.
        self.stamps = SessionStamps(self.book)
        #: By address as it is compared, on any chain.
        self.parties: Mapping[str, Known] = self._parties.by_address
        self._accounts: Mapping[tuple[str, str], Known] = self._parties.by_account
        self._token_times: Sequence[int] = ()
        self._periods: dict[int, _Tokens] = {0: _Tokens(())}
        #: Which of the periods instruments are of: bounds in time of tokens part the periods.
        self._period = 0
        self._on_tokens: list[Callable[[], object]] = []
        #: Whether anybody is, or was, on a list that is about one token.
        self.lists_of_tokens = False
        for record in reference.records():
            self.put(FILES, change_of(record), record)
        self.settle()

    def put(
        self, source: str, change: ReferenceChange, record: ReferenceRecord | None
    ) -> ReferenceRecord | None:
        """Make a change of a source; what was there before. It is looked up after `settle` only."""
        if isinstance(record, ListEntry) and record.token is not None:
            self.lists_of_tokens = True
        return self.book.put(source, change, record)

    def settle(self) -> Dirty:
        """Let what was put be what is looked up; of whom something else is said."""
        dirty = self.book.taken()
        if dirty.tokens:
            self._settle_tokens(dirty)
        if dirty.venues:
            self.stamps.settle()
        self._parties.settle(dirty)
        return dirty

    def on_tokens(self, forget: Callable[[], object]) -> None:
        """Call this when tokens have changed: for whoever keeps what `instrument` said."""
        self._on_tokens.append(forget)

    def go_to(self, time: int) -> None:
        """Instruments are asked for as they are at a time, in nanoseconds since the epoch."""
        if not self._token_times:
            return
        period = bisect_right(self._token_times, time)
        if period != self._period:
            self._period = period
            self._forget()

    def tokens(self) -> Iterable[Token]:
        """Every token that there is at any time, each once, in the version that counts most."""
        for key in self.book.keys("token"):
            yield cast(Token, self.book.versions("token", key)[0].record)

    def chain(self, chain_id: int, time: int | None = None) -> ChainReference:
        """Contracts and pools of a chain at a time; empty for a chain without any."""
        tokens = self._tokens_at(time) if self._token_times else self._periods[0]
        return tokens.chains.get(chain_id, _NO_CHAIN)

    def token(self, token: str, time: int) -> TokenInfo | None:
        """A token at a time, with its first contract; None where the reference data has none."""
        for version in self.book.versions("token", token):
            if version.holds(time):
                found = cast(Token, version.record)
                return _token_info(found, found.contracts[0] if found.contracts else None)
        return None

    def instrument(self, venue: str, symbol: str) -> VenueInstrument:
        """An instrument; without a token where the reference data has none for it."""
        known = self._tokens_of(self._period).instruments.get((venue, symbol))
        return known or VenueInstrument(None, quote_currency(symbol))

    def party(self, address: str, time: int) -> Party:
        """Who stands behind an address at a time."""
        return party_at(self.parties.get(address, NOBODY), time)

    def account(self, venue: str, account: str, time: int) -> Party:
        """Who has this account at this venue at a time."""
        known = self._accounts.get((venue, compared_account(account)), NOBODY)
        return party_at(known, time)

    def _settle_tokens(self, dirty: Dirty) -> None:
        times: set[int] = set()
        pools: set[str] = set()
        for key in self.book.keys("token"):
            for version in self.book.versions("token", key):
                times.update(
                    one for one in (version.valid_from, version.valid_to) if one is not None
                )
                pools.update(pool.address.lower() for pool in cast(Token, version.record).pools)
        self._token_times = sorted(times)
        self._periods = {0: self._period_of(None)}
        self._period = min(self._period, len(self._token_times))
        dirty.addresses |= self._parties.take_pools(pools)
        self._forget()

    def _tokens_at(self, time: int | None) -> _Tokens:
        return self._tokens_of(0 if time is None else bisect_right(self._token_times, time))

    def _tokens_of(self, period: int) -> _Tokens:
        tokens = self._periods.get(period)
        if tokens is None:
            tokens = self._periods[period] = self._period_of(self._token_times[period - 1])
        return tokens

    def _period_of(self, time: int | None) -> _Tokens:
        found: list[Token] = []
        for key in self.book.keys("token"):
            versions = [one for one in self.book.versions("token", key) if one.holds(time)]
            if versions:
                found.append(cast(Token, versions[0].record))
        return _Tokens(found)

    def _forget(self) -> None:
        for forget in self._on_tokens:
            forget()


def _token_info(
    token: Token, contract: TokenContract | None, mint: Mint | None = None
) -> TokenInfo:
    address = contract.address.lower() if contract else None
    return TokenInfo(
        id=token.id,
        address=address if mint is None else mint.address,
        symbol=token.symbol,
        name=token.name,
        standard=token.standard,
        classification=token.classification,
        issuer_id=token.issuer.id if token.issuer else None,
        issuer_name=token.issuer.name if token.issuer else None,
        unit=10**token.decimals,
    )


def _chains(reference: Reference) -> dict[int, ChainReference]:
    tokens: dict[int, dict[str, TokenInfo]] = {}
    suite: dict[int, dict[str, TokenInfo]] = {}
    pools: dict[int, dict[str, PoolInfo]] = {}
    feeds: dict[int, dict[str, FeedInfo]] = {}
    shared: set[tuple[int, str]] = set()
    for token in reference.tokens:
        for contract in token.contracts:
            info = _token_info(token, contract)
            tokens.setdefault(contract.chain, {})[contract.address.lower()] = info
            for part in contract.suite:
                if part is not None:
                    here = suite.setdefault(contract.chain, {})
                    if here.setdefault(part.lower(), info).id != token.id:
                        shared.add((contract.chain, part.lower()))
        for mint in token.mints:
            info = _token_info(token, None, mint)
            tokens.setdefault(chain_number(mint.chain), {})[mint.address] = info
        for pool in token.pools:
            token_is_0 = pool.quote.address.lower() == pool.token1.lower()
            base = (pool.token0 if token_is_0 else pool.token1).lower()
            own = [c for c in token.contracts if (c.chain, c.address.lower()) == (pool.chain, base)]
            pools.setdefault(pool.chain, {})[pool_key(pool)] = PoolInfo(
                token=_token_info(token, own[0] if own else None),
                token_is_0=token_is_0,
                venue=pool.protocol,
                instrument=f"{token.symbol or token.id}-{pool.quote.symbol}",
                currency=pool.quote.symbol,
                quote_unit=10**pool.quote.decimals,
                token0=pool.token0.lower(),
                token1=pool.token1.lower(),
                coins=tuple(coin.lower() for coin in pool.coins or (pool.token0, pool.token1)),
            )
        for feed in token.price_feeds:
            own = [c for c in token.contracts if c.chain == feed.chain]
            feeds.setdefault(feed.chain, {})[feed_key(feed)] = FeedInfo(
                token=_token_info(token, own[0] if own else None),
                name=feed.name or (feed.feed_id or feed.address).lower(),
                currency=feed.currency,
                unit=10**feed.decimals,
                heartbeat=None if feed.heartbeat is None else float(feed.heartbeat),
            )
    for chain_id, part in shared:
        del suite[chain_id][part]
    return {
        chain_id: ChainReference(
            tokens.get(chain_id, {}),
            suite.get(chain_id, {}),
            pools.get(chain_id, {}),
            feeds.get(chain_id, {}),
        )
        for chain_id in {*tokens, *pools, *feeds}
    }

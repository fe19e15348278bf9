"""What the reference data says of a contract, an instrument, an account or an address, by one
dictionary lookup each."""

import datetime
from collections.abc import Mapping

from msgspec import Struct

from normalizer.reference import Investor, Reference, Token, TokenContract, quote_currency

_DAY = 86_400 * 10**9
_EPOCH = datetime.date(1970, 1, 1)


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


class Party(Struct, frozen=True):
    """Who stands behind an address or an account."""

    id: str | None = None
    jurisdiction: str | None = None
    accreditation: str | None = None
    cluster: str | None = None
    labels: tuple[str, ...] = ()
    #: Labels that count from a time on, nanoseconds since the epoch.
    dated: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def labels_at(self, time: int) -> tuple[str, ...]:
        """The labels at a time: a sanction does not count before its date."""
        if not self.dated:
            return self.labels
        later = (label for since, labels in self.dated if since <= time for label in labels)
        return tuple(dict.fromkeys((*self.labels, *later)))


#: Of whom the reference data says nothing.
NOBODY = Party()


class PoolInfo(Struct, frozen=True):
    """A pool: which side of it is the watched token, and in what it is priced."""

    token: TokenInfo
    token_is_0: bool
    venue: str
    instrument: str
    currency: str
    quote_unit: int


class FeedInfo(Struct, frozen=True):
    """An oracle's price feed for a token."""

    token: TokenInfo
    name: str
    currency: str
    #: Answer's units in one unit of the currency.
    unit: int


class ChainReference(Struct, frozen=True):
    """What is known of one chain, by address in lower case."""

    tokens: Mapping[str, TokenInfo]
    #: Registries and compliance contracts, where they belong to one token only.
    suite: Mapping[str, TokenInfo]
    pools: Mapping[str, PoolInfo]
    price_feeds: Mapping[str, FeedInfo] = {}


class VenueInstrument(Struct, frozen=True):
    """An instrument of a venue, with the token behind it if that is known."""

    token: TokenInfo | None
    currency: str | None


_NO_CHAIN = ChainReference({}, {}, {})


class Enrichment:
    """Lookups in reference data. Immutable."""

    def __init__(self, reference: Reference) -> None:
        self._chains = _chains(reference)
        self._instruments = {
            (instrument.venue, instrument.symbol): VenueInstrument(
                _token_info(token, token.contracts[0] if token.contracts else None),
                instrument.currency or quote_currency(instrument.symbol),
            )
            for token in reference.tokens
            for instrument in token.instruments
        }
        #: By address in lower case, on any chain.
        self.parties: Mapping[str, Party] = _parties(reference)
        self._accounts = {
            (account.venue, account.account): _party(investor)
            for investor in reference.investors
            for account in investor.accounts
        }

    def chain(self, chain_id: int) -> ChainReference:
        """Contracts and pools of a chain; empty for a chain without any."""
        return self._chains.get(chain_id, _NO_CHAIN)

    def instrument(self, venue: str, symbol: str) -> VenueInstrument:
        """An instrument; without a token where the reference data has none for it."""
        known = self._instruments.get((venue, symbol))
        return known or VenueInstrument(None, quote_currency(symbol))

    def account(self, venue: str, account: str) -> Party:
        """Who has this account at this venue."""
        return self._accounts.get((venue, account), NOBODY)


def _token_info(token: Token, contract: TokenContract | None) -> TokenInfo:
    return TokenInfo(
        id=token.id,
        address=contract.address.lower() if contract else None,
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
        for pool in token.pools:
            token_is_0 = pool.quote.address.lower() == pool.token1.lower()
            base = (pool.token0 if token_is_0 else pool.token1).lower()
            own = [c for c in token.contracts if (c.chain, c.address.lower()) == (pool.chain, base)]
            pools.setdefault(pool.chain, {})[pool.address.lower()] = PoolInfo(
                token=_token_info(token, own[0] if own else None),
                token_is_0=token_is_0,
                venue=pool.protocol,
                instrument=f"{token.symbol or token.id}-{pool.quote.symbol}",
                currency=pool.quote.symbol,
                quote_unit=10**pool.quote.decimals,
            )
        for feed in token.price_feeds:
            own = [c for c in token.contracts if c.chain == feed.chain]
            feeds.setdefault(feed.chain, {})[feed.address.lower()] = FeedInfo(
                token=_token_info(token, own[0] if own else None),
                name=feed.name or feed.address.lower(),
                currency=feed.currency,
                unit=10**feed.decimals,
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


def _party(investor: Investor) -> Party:
    return Party(
        id=investor.id,
        jurisdiction=investor.jurisdiction,
        accreditation=investor.accreditation,
        cluster=investor.cluster,
        labels=investor.labels,
    )


def _parties(reference: Reference) -> dict[str, Party]:
    owners = {
        address.lower(): _party(investor)
        for investor in reference.investors
        for address in investor.addresses
    }
    labels: dict[str, list[str]] = {}
    for token in reference.tokens:
        for pool in token.pools:
            labels.setdefault(pool.address.lower(), []).append("pool")
    for labelled in reference.addresses:
        labels.setdefault(labelled.address.lower(), []).extend(labelled.labels)
    dated: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for sanction in reference.sanctions:
        names = ("sanctioned", f"sanctioned:{sanction.list}")
        if sanction.since is None:
            labels.setdefault(sanction.address.lower(), []).extend(names)
        else:
            since = (sanction.since - _EPOCH).days * _DAY
            dated.setdefault(sanction.address.lower(), []).append((since, names))
    parties: dict[str, Party] = {}
    for address in {*owners, *labels, *dated}:
        owner = owners.get(address, NOBODY)
        parties[address] = Party(
            id=owner.id,
            jurisdiction=owner.jurisdiction,
            accreditation=owner.accreditation,
            cluster=owner.cluster,
            labels=tuple(dict.fromkeys((*owner.labels, *labels.get(address, ())))),
            dated=tuple(dated.get(address, ())),
        )
    return parties

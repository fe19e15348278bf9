"""Blank events of one instrument at one venue, filled with what the reference data says of it."""

from typing import Any

from normalizer.decoders.blank import blank
from normalizer.enrichment import NOBODY, Enrichment, Party
from normalizer.events import PartyEvent
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    CancelRejected,
    FeedGap,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderReceived,
    OrderRejected,
    OrderRemoved,
    Trade,
    TradeBusted,
    TradeCorrected,
    TradingStatus,
)

_MOST_INSTRUMENTS = 10_000


class InstrumentBlanks:
    """One function per record: a new event of this instrument.

    What has to be set on each: id, timestamp, ingested, original and the record's own fields.
    """

    def __init__(self, provider: str, venue: str, symbol: str, enrichment: Enrichment) -> None:
        known = enrichment.instrument(venue, symbol)
        common: dict[str, Any] = {
            "id": "",
            "timestamp": 0,
            "ingested": 0,
            "original": "",
            "provider": provider,
            "venue": venue,
            "instrument": symbol,
            "currency": known.currency,
        }
        if known.token is not None:
            common |= known.token.fields()
        self.prefix = f"{venue}:{symbol}:"
        self.received = blank(OrderReceived(**common, order_id=""))
        self.placed = blank(OrderPlaced(**common, order_id=""))
        self.changed = blank(OrderChanged(**common, order_id=""))
        self.cancelled = blank(OrderCancelled(**common, order_id=""))
        self.filled = blank(OrderFilled(**common, order_id=""))
        self.removed = blank(OrderRemoved(**common, order_id=""))
        self.rejected = blank(OrderRejected(**common, order_id=""))
        self.cancel_rejected = blank(CancelRejected(**common, order_id=""))
        self.trade = blank(Trade(**common, trade_id="", price=0.0, quantity=0.0))
        self.busted = blank(TradeBusted(**common, trade_id=""))
        self.corrected = blank(TradeCorrected(**common, trade_id=""))
        self.status = blank(TradingStatus(**common, status=""))
        self.snapshot = blank(BookSnapshot(**common))
        self.update = blank(BookUpdate(**common))
        self.gap = blank(FeedGap(**common))


class Instruments(dict[str, InstrumentBlanks]):
    """By the venue's symbol, made when first asked for."""

    def __init__(self, provider: str, venue: str, enrichment: Enrichment) -> None:
        super().__init__()
        self.provider = provider
        self.venue = venue
        self.enrichment = enrichment
        enrichment.on_tokens(self.clear)

    def __missing__(self, symbol: str) -> InstrumentBlanks:
        if len(self) >= _MOST_INSTRUMENTS:
            self.clear()
        self[symbol] = made = InstrumentBlanks(self.provider, self.venue, symbol, self.enrichment)
        return made


def set_party(event: PartyEvent, account: str, party: Party) -> None:
    """Put an account, and the investor behind it, into an event."""
    event.investor_account = account
    if party is NOBODY:
        event.related_user = (account,)
        return
    event.investor_id = party.id
    event.investor_jurisdiction = party.jurisdiction
    event.investor_accreditation = party.accreditation
    event.investor_cluster = party.cluster
    event.investor_labels = party.labels
    event.related_user = (account,) if party.id is None else (account, party.id)


def set_traders(
    event: Trade, buyer: str | None, seller: str | None, venue: str, enrichment: Enrichment
) -> None:
    """Put the accounts of both sides, as far as they are known, and who they are into a trade."""
    related: list[str] = []
    if buyer is not None:
        party = enrichment.account(venue, buyer, event.timestamp)
        event.buyer_account = buyer
        event.buyer_id = party.id
        event.buyer_jurisdiction = party.jurisdiction
        event.buyer_accreditation = party.accreditation
        event.buyer_cluster = party.cluster
        event.buyer_labels = party.labels
        related += (buyer,) if party.id is None else (buyer, party.id)
    if seller is not None:
        party = enrichment.account(venue, seller, event.timestamp)
        event.seller_account = seller
        event.seller_id = party.id
        event.seller_jurisdiction = party.jurisdiction
        event.seller_accreditation = party.accreditation
        event.seller_cluster = party.cluster
        event.seller_labels = party.labels
        related += (seller,) if party.id is None else (seller, party.id)
    if related:
        event.related_user = tuple(dict.fromkeys(related))

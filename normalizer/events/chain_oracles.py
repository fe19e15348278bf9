"""Oracles: what a contract says that something is worth."""

from typing import Annotated

from msgspec import field

from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Int256, Nanoseconds, Uint256, described


class OracleUpdate(ChainEvent, tag="oracle-update", kw_only=True):
    """An oracle published a price (Chainlink aggregators' ``AnswerUpdated``).

    Token, price and currency are there where the reference data has the feed.
    """

    feed: Annotated[str, described("Name of the feed; its address where it has none")] = field(
        name="market.oracle.feed"
    )
    answer_raw: Annotated[Int256, described("Answer as the oracle gave it, exact")] = field(
        name="market.oracle.answer_raw"
    )
    round: Annotated[Uint256, described("Number of the aggregator's round, exact")] = field(
        name="market.oracle.round"
    )
    updated: Annotated[
        Nanoseconds, described("When the oracle's nodes agreed on the answer, as it says")
    ] = field(name="market.oracle.updated")
    price: Annotated[float | None, described("Price of one whole token; not exact")] = field(
        name="market.oracle.price", default=None
    )
    currency: Annotated[str | None, described("Currency of the price")] = field(
        name="market.currency", default=None
    )

"""Oracles: what a contract says that something is worth."""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Int256, Nanoseconds, Uint256, described


class _OracleEvent(ChainEvent, kw_only=True):
    feed: Annotated[str, described("Name of the feed; its address where it has none")] = field(
        name="market.oracle.feed"
    )
    protocol: Annotated[Literal["chainlink", "pyth"], described("Whose oracle it is")] = field(
        name="market.oracle.protocol", default="chainlink"
    )
    proxy: Annotated[
        Address | None,
        described("The proxy that contracts read the aggregator through", personal="no"),
    ] = field(name="market.oracle.proxy", default=None)
    phase: Annotated[
        int | None, described("Which one of the proxy's aggregators it is, counted from 1")
    ] = field(name="market.oracle.phase", default=None)
    currency: Annotated[str | None, described("Currency of the price")] = field(
        name="market.currency", default=None
    )


class OracleUpdate(_OracleEvent, tag="oracle-update", kw_only=True):
    """An oracle published a price (Chainlink's ``AnswerUpdated``, Pyth's ``PriceFeedUpdate``).

    Token, price and currency are there where the reference data has the feed.
    """

    answer_raw: Annotated[Int256, described("Answer as the oracle gave it, exact")] = field(
        name="market.oracle.answer_raw"
    )
    round: Annotated[
        Uint256 | None, described("Number of the aggregator's round, exact; Pyth has none")
    ] = field(name="market.oracle.round", default=None)
    proxy_round: Annotated[
        Uint256 | None, described("The proxy's number of the round: phase and round, exact")
    ] = field(name="market.oracle.proxy_round", default=None)
    updated: Annotated[
        Nanoseconds, described("When the oracle's nodes agreed on the answer, as it says")
    ] = field(name="market.oracle.updated")
    price: Annotated[float | None, described("Price of one whole token; not exact")] = field(
        name="market.oracle.price", default=None
    )
    confidence_raw: Annotated[
        Uint256 | None, described("How far off the price may be, as the oracle gave it, exact")
    ] = field(name="market.oracle.confidence_raw", default=None)
    confidence: Annotated[
        float | None, described("The same as a part of the price: 0.01 is 1% of it")
    ] = field(name="market.oracle.confidence", default=None)
    heartbeat: Annotated[
        float | None,
        described("Seconds after which the feed promises a new answer, as the reference data says"),
    ] = field(name="market.oracle.heartbeat_seconds", default=None)


class OracleRoundStarted(_OracleEvent, tag="oracle-round-started", kw_only=True):
    """A round of an aggregator began (Chainlink's ``NewRound``)."""

    round: Annotated[Uint256, described("Number of the aggregator's round, exact")] = field(
        name="market.oracle.round"
    )
    started_by: Annotated[
        Address | None, described("Who began it; none where the network does")
    ] = field(name="market.oracle.started_by", default=None)
    started: Annotated[
        Nanoseconds, described("When it began: with OCR 2, when the nodes observed the prices")
    ] = field(name="market.oracle.started")


class OracleTransmission(_OracleEvent, tag="oracle-transmission", kw_only=True):
    """The report behind an answer: what each node saw (Chainlink's ``NewTransmission``).

    The answer is the median of the observations.
    """

    round: Annotated[Uint256, described("Number of the aggregator's round, exact")] = field(
        name="market.oracle.round"
    )
    answer_raw: Annotated[Int256, described("Answer as the oracle gave it, exact")] = field(
        name="market.oracle.answer_raw"
    )
    price: Annotated[float | None, described("Price of one whole token; not exact")] = field(
        name="market.oracle.price", default=None
    )
    transmitter: Annotated[Address, described("Node that sent the report", personal="no")] = field(
        name="market.oracle.transmitter"
    )
    observed: Annotated[
        Nanoseconds | None, described("When the nodes observed the prices (OCR 2)")
    ] = field(name="market.oracle.observed", default=None)
    observations: Annotated[Keywords, described("What each node saw, the least first, exact")] = (
        field(name="market.oracle.observations", default=())
    )
    observers: Annotated[int, described("How many nodes the report is of")] = field(
        name="market.oracle.observers", default=0
    )
    spread: Annotated[
        float | None,
        described("From the least observation to the largest, as a part of the answer"),
    ] = field(name="market.oracle.spread", default=None)


class OracleAggregatorChanged(_OracleEvent, tag="oracle-aggregator-changed", kw_only=True):
    """A proxy reads from another aggregator from now on (Chainlink's ``AggregatorConfirmed``)."""

    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))
    previous: Annotated[Address, described("Aggregator before", personal="no")] = field(
        name="market.oracle.previous_aggregator"
    )
    aggregator: Annotated[Address, described("Aggregator from now on", personal="no")] = field(
        name="market.oracle.aggregator"
    )

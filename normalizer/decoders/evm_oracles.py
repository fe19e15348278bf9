"""Rounds of Chainlink's aggregators and prices of Pyth, in terms of the token that they price.

Contracts read Chainlink through a proxy, which emits nothing when an answer comes: the aggregator
behind it does. The collector asks the proxy, and names in the frame what stands behind it.
Source: smartcontractkit/libocr (OffchainAggregator, OCR2Aggregator: ``NewTransmission``, then
``NewRound`` and ``AnswerUpdated``), AggregatorProxy (phases); pyth-network/pyth-sdk-solidity
(IPythEvents): the price is ``price * 10**expo``, and the exponent is not in the event.
"""

from typing import Any

from normalizer.decoders.evm_scope import LogScope, related
from normalizer.enrichment import FeedInfo
from normalizer.events.chain import (
    ZERO_ADDRESS,
    OracleAggregatorChanged,
    OracleRoundStarted,
    OracleTransmission,
    OracleUpdate,
)

_SECOND = 10**9
#: Aggregators have `updatedAt` as uint64 in storage; beyond this nanoseconds don't fit an int64.
_LAST_SECOND = (1 << 63) // _SECOND - 1
_PHASE_OFFSET = 64
#: An oracle network of Chainlink has at most 31 nodes.
_MOST_OBSERVATIONS = 256


def answer_updated(scope: LogScope, values: tuple[Any, ...]) -> OracleUpdate:
    """The oracle's answer; a price where the feed and so its decimals are known."""
    answer, round_number, updated = values
    feed, fields = _about(scope)
    phase = fields.get("phase")
    return OracleUpdate(
        **fields,
        related_user=related(scope.call.sender),
        answer_raw=str(answer),
        round=str(round_number),
        proxy_round=None if phase is None else str((phase << _PHASE_OFFSET) | round_number),
        updated=_time(scope, updated),
        price=_price(feed, answer),
        heartbeat=feed.heartbeat if feed else None,
    )


def new_round(scope: LogScope, values: tuple[Any, ...]) -> OracleRoundStarted:
    """A round began. OCR 2 has nobody that starts one, and says so by the zero address."""
    round_number, starter, started = values
    _, fields = _about(scope)
    return OracleRoundStarted(
        **fields,
        related_user=related(scope.call.sender),
        round=str(round_number),
        started_by=None if starter == ZERO_ADDRESS else starter,
        started=_time(scope, started),
    )


def transmission_1(scope: LogScope, values: tuple[Any, ...]) -> OracleTransmission:
    """A report of OCR 1."""
    round_number, answer, transmitter, observations, observers, _ = values
    return _transmission(scope, round_number, answer, transmitter, None, observations, observers)


def transmission_2(scope: LogScope, values: tuple[Any, ...]) -> OracleTransmission:
    """A report of OCR 2, which says when the nodes looked."""
    round_number, answer, transmitter, observed, observations, observers, *_ = values
    return _transmission(
        scope, round_number, answer, transmitter, observed, observations, observers
    )


def _transmission(
    scope: LogScope,
    round_number: int,
    answer: int,
    transmitter: str,
    observed: int | None,
    observations: tuple[int, ...],
    observers: bytes,
) -> OracleTransmission:
    feed, fields = _about(scope)
    ordered = sorted(observations)[:_MOST_OBSERVATIONS]
    spread = (ordered[-1] - ordered[0]) / abs(answer) if ordered and answer else None
    return OracleTransmission(
        **fields,
        related_user=related(scope.call.sender),
        round=str(round_number),
        answer_raw=str(answer),
        price=_price(feed, answer),
        transmitter=transmitter,
        observed=None if observed is None else _time(scope, observed),
        observations=tuple([str(one) for one in ordered]),
        observers=len(observers),
        spread=spread,
    )


def aggregator_confirmed(scope: LogScope, values: tuple[Any, ...]) -> OracleAggregatorChanged:
    """The proxy, whose log it is, has another aggregator."""
    previous, latest = values
    _, fields = _about(scope)
    fields["proxy"] = scope.contract
    return OracleAggregatorChanged(
        **fields,
        related_user=related(scope.call.sender),
        previous=previous,
        aggregator=latest,
    )


def pyth_price(scope: LogScope, values: tuple[Any, ...]) -> OracleUpdate:
    """A price of one of the feeds of a Pyth contract."""
    feed_id, published, price, confidence = values
    name = "0x" + bytes(feed_id).hex()
    feed = scope.block.chain.price_feeds.get(f"{scope.contract}:{name}")
    fields: dict[str, Any] = dict(scope.fields)
    if feed is not None:
        fields |= feed.token.fields()
    return OracleUpdate(
        **fields,
        related_user=related(scope.call.sender),
        feed=feed.name if feed else name,
        protocol="pyth",
        currency=feed.currency if feed else None,
        answer_raw=str(price),
        updated=_time(scope, published),
        price=_price(feed, price),
        confidence_raw=str(confidence),
        confidence=confidence / abs(price) if price else None,
        heartbeat=feed.heartbeat if feed else None,
    )


def _about(scope: LogScope) -> tuple[FeedInfo | None, dict[str, Any]]:
    """The feed of an aggregator or proxy, and what every event of it says."""
    place = scope.block.feed_places.get(scope.contract)
    feeds = scope.block.chain.price_feeds
    feed = feeds.get(scope.contract) or (feeds.get(place.proxy) if place else None)
    fields: dict[str, Any] = {
        **scope.fields,
        "feed": feed.name if feed else scope.contract,
        "proxy": place.proxy if place else None,
        "phase": place.phase if place else None,
        "currency": feed.currency if feed else None,
    }
    return feed, fields


def _price(feed: FeedInfo | None, answer: int) -> float | None:
    return answer / feed.unit if feed else None


def _time(scope: LogScope, seconds: int) -> int:
    """A time that no clock can show is the block's: the answer counts from when it came."""
    return seconds * _SECOND if seconds <= _LAST_SECOND else scope.block.time

"""Oracles: Chainlink's ``AnswerUpdated``, and the prices of a Pyth contract."""

from typing import Any

import msgspec

from normalizer.assets import Assets
from normalizer.enrichment import Enrichment
from normalizer.events.chain import OracleUpdate
from normalizer.reference import Reference, watched
from normalizer.reference_contradictions import contradictions
from tests.normalizer import blocks as b

ANSWER = "AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt)"
FEED = "0x" + "66" * 20


def with_feed(**changes: Any) -> Reference:
    (token,) = msgspec.to_builtins(b.REFERENCE)["tokens"]
    feed = {"chain": b.CHAIN, "address": FEED, "currency": "USD", "name": "ACME / USD", **changes}
    return msgspec.convert({"tokens": [{**token, "price_feeds": [feed]}]}, Reference)


def update(
    answer: int, updated: int = b.SECONDS - 3, reference: Reference | None = None
) -> OracleUpdate:
    made = b.frame(b.log(ANSWER, answer, 42, updated, address=FEED))
    event = b.only(b.normalize(made, reference=reference or with_feed()))
    assert isinstance(event, OracleUpdate)
    return event


def test_an_answer_is_the_price_of_the_token_that_the_feed_is_for() -> None:
    event = update(101_2500_0000)
    assert (event.price, event.currency, event.feed) == (101.25, "USD", "ACME / USD")
    assert (event.answer_raw, event.round) == ("10125000000", "42")
    assert event.updated == (b.SECONDS - 3) * 10**9
    assert (event.token_id, event.token_address, event.contract) == ("acme", b.TOKEN, FEED)


def test_decimals_and_name_are_the_feeds_own() -> None:
    event = update(5 * 10**18, reference=with_feed(decimals=18, name=None, currency="EUR"))
    assert (event.price, event.currency, event.feed) == (5.0, "EUR", FEED)
    assert update(-1).price == -1e-8  # an oracle that failed may say so: it is told, not hidden


def test_a_feed_that_nobody_knows_has_an_answer_and_no_price() -> None:
    event = update(7, reference=b.REFERENCE)
    assert (event.answer_raw, event.price, event.currency, event.feed) == ("7", None, None, FEED)
    assert event.token_id is None


def test_a_time_that_no_clock_shows_is_the_blocks() -> None:
    assert update(1, updated=(1 << 256) - 1).updated == b.SECONDS * 10**9
    assert update(1, updated=(1 << 63) // 10**9 - 1).updated < 1 << 63


def test_feeds_are_watched_and_stand_in_nothing_elses_place() -> None:
    reference = with_feed()
    assert ("price-feed", FEED) in {(c.role, c.address) for c in watched(reference, b.CHAIN)}
    assert watched(reference, 1) == ()
    assert Enrichment(reference).chain(b.CHAIN).price_feeds[FEED].unit == 10**8
    (twice,) = contradictions([with_feed(address=b.POOL)])
    assert twice.path == ("tokens", 0, "price_feeds", 0, "address")


PYTH, ONE, OTHER = "0x" + "77" * 20, "0x" + "01" * 32, "0x" + "02" * 32
PRICE = "PriceFeedUpdate(bytes32 indexed id, uint64 publishTime, int64 price, uint64 conf)"


def with_pyth() -> Reference:
    """Two tokens whose prices are in one contract."""
    first, second = (
        {
            "id": name,
            "price_feeds": [
                {"chain": b.CHAIN, "address": PYTH, "feed_id": feed, "currency": "USD"}
            ],
        }
        for name, feed in (("one", ONE), ("other", OTHER))
    )
    return msgspec.convert({"tokens": [first, second]}, Reference)


def test_the_prices_of_one_pyth_contract_are_of_different_tokens_and_lanes() -> None:
    reference = with_pyth()
    assert contradictions([reference]) == []
    logs = [
        b.log(PRICE, bytes.fromhex(feed[2:]), b.SECONDS, 5 * 10**8, 10**6, address=PYTH, index=at)
        for at, feed in enumerate((ONE, OTHER))
    ]
    result = b.normalize(b.frame(*logs), reference=reference)
    _, first, second = result.events
    assert isinstance(first, OracleUpdate)
    assert isinstance(second, OracleUpdate)
    assert [(one.token_id, one.price, one.feed) for one in (first, second)] == [
        ("one", 5.0, ONE),
        ("other", 5.0, OTHER),
    ]
    assert first.confidence == 0.002
    assets = Assets(reference)
    assert assets.key(first) != assets.key(second)


def test_the_same_price_of_pyth_for_two_tokens_is_a_contradiction() -> None:
    reference = with_pyth()
    (feed,) = reference.tokens[0].price_feeds
    token = msgspec.structs.replace(reference.tokens[1], price_feeds=(feed,))
    twice = Reference(tokens=(reference.tokens[0], token))
    (found,) = contradictions([twice])
    assert found.path == ("tokens", 1, "price_feeds", 0, "address")

"""Chainlink's ``AnswerUpdated``: as an aggregator emits it, and as a real node gives it."""

import time
from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode

from demo.chain.anvil import Anvil
from normalizer.abi import EventAbi
from normalizer.enrichment import Enrichment
from normalizer.events.chain import OracleUpdate
from normalizer.normalize import Normalizer
from normalizer.reference import Reference, contradictions, watched
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.frames import Frame, FrameBatch
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


#: A contract that emits AnswerUpdated with the three words of its calldata, as the aggregators of
#: Chainlink do at the end of a transmission. Written by hand, for their own take a network to run.
_RUNTIME = (
    "604035600052"  # memory[0:32] = calldata[64:96], the time
    "602035600035"  # the round and the answer, as topics
    f"7f{EventAbi.parse(ANSWER).topic0[2:]}"
    "60206000a300"  # LOG3 of memory[0:32]
)
_LENGTH = f"{len(_RUNTIME) // 2:02x}"
_CREATION = f"0x60{_LENGTH}600c60003960{_LENGTH}6000f3{_RUNTIME}"


@pytest.mark.chain
def test_an_answer_decodes_as_a_real_node_gives_it(anvil: Anvil, undone: None) -> None:
    sender = anvil.rpc("eth_accounts")[0]

    def send(**call: str) -> Any:
        sent = anvil.rpc("eth_sendTransaction", {"from": sender, **call})
        until = time.monotonic() + 20
        # The node mines by itself, but answers before it has done so.
        while (receipt := anvil.rpc("eth_getTransactionReceipt", sent)) is None:
            assert time.monotonic() < until, "no receipt"
            time.sleep(0.01)
        return receipt

    feed = send(data=_CREATION)["contractAddress"]
    words = encode(["int256", "uint256", "uint256"], [99_9500_0000, 7, 1_700_000_000])
    receipt = send(to=feed, data="0x" + words.hex())
    block = anvil.rpc("eth_getBlockByNumber", receipt["blockNumber"], True)
    transactions = block.pop("transactions")

    def raw(items: Any) -> list[msgspec.Raw]:
        return [msgspec.Raw(msgspec.json.encode(item)) for item in items]

    payload = BlockPayload(
        chain_id=b.CHAIN,
        network="anvil",
        finality="latest",
        block=raw([block])[0],
        transactions=raw(transactions),
        logs=raw(receipt["logs"]),
        refusals=[],
        receipts=[],
    )
    received = int(block["timestamp"], 16) * 10**9
    frame = Frame("1", received, encode_block(payload))
    normalizer = Normalizer(with_feed(address=feed.lower()))
    event = b.only(normalizer.normalize(1, FrameBatch("chain", "evm", [frame])))
    assert isinstance(event, OracleUpdate)
    assert (event.price, event.round, event.updated) == (99.95, "7", 1_700_000_000 * 10**9)
    assert (event.contract, event.transaction_from) == (feed.lower(), sender.lower())

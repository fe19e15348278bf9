"""Price feeds on a real node: what stands behind a proxy, when it changes, and what it answers."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.solidity import compiled
from normalizer.events.chain import (
    OracleAggregatorChanged,
    OracleRoundStarted,
    OracleTransmission,
    OracleUpdate,
)
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.collectors.evm_session import collecting, numbers, source
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until

pytestmark = pytest.mark.chain
Start = Callable[..., Anvil]
CHAIN = 31337
OBSERVED = 1_700_000_000
PYTH_ID = "0x" + "e6" * 32


class Feeds:
    """Aggregators and a proxy on a node of its own; a source that has the feed's address alone."""

    def __init__(self, node: Anvil, *, silent: bool) -> None:
        self.ledger = Ledger(node)
        self.owner = self.ledger.accounts[0]
        artifacts = compiled("PriceAggregator", "PriceProxy", "PythPrices")
        self._aggregator, self._proxy, self._pyth = artifacts
        self.first = self.ledger.deploy(self._aggregator, 8, sender=self.owner)
        self.proxy = self.ledger.deploy(self._proxy, self.first.address, silent, sender=self.owner)
        self.outlet = ListOutlet()

    def reference(self, address: str, **more: Any) -> Reference:
        feed = {"chain": CHAIN, "address": address, "currency": "USD", "name": "ACME / USD", **more}
        token = {"id": "acme", "symbol": "ACME", "price_feeds": [feed]}
        return msgspec.convert({"tokens": [token]}, Reference)

    def send(self, contract: Any, function: str, *arguments: Any) -> int:
        """The block that has it."""
        sent = self.ledger.send(contract, function, *arguments, sender=self.owner)
        (receipt,) = self.ledger.receipts([sent])
        assert receipt.succeeded
        return receipt.height

    def replaced(self) -> Any:
        """Another aggregator, which the proxy reads from now on."""
        second = self.ledger.deploy(self._aggregator, 8, sender=self.owner)
        self.send(self.proxy, "confirmAggregator", second.address)
        return second

    def events(self, reference: Reference) -> list[Any]:
        frames = FrameBatch("chain", "evm", self.outlet.frames)
        result = Normalizer(reference).normalize(1, frames)
        assert not result.dead, result.dead
        return [event for event in result.events if event.provider == "chain"]

    async def collect(self, feed: str, until_block: Callable[[], int]) -> None:
        """From the block of now on; what happens ends in the block that it returns."""
        here = int(self.ledger.node.rpc("eth_blockNumber"), 16)
        config = source(self.ledger.node.ws_url, start_block=here)
        async with collecting(config, Watched.of(feeds=[feed]), self.outlet):
            await until(lambda: self.outlet.state.connection == "connected")
            last = until_block()
            await until(lambda: last in numbers(self.outlet.frames))


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_answers_behind_a_proxy_through_a_change_of_its_aggregator(
    start_anvil: Start,
) -> None:
    """The proxy says so, and the second aggregator's first answer is in the next block."""
    feeds = Feeds(start_anvil(), silent=False)
    address = str(feeds.proxy.address).lower()

    def happen() -> int:
        feeds.send(feeds.first, "transmit", [99_00000000, 100_00000000, 101_00000000], OBSERVED)
        second = feeds.replaced()
        return feeds.send(second, "transmit", [102_00000000], OBSERVED + 60)

    await feeds.collect(address, happen)
    events = feeds.events(feeds.reference(address, heartbeat=3600))
    first, second = of(events, OracleUpdate)
    assert (first.price, first.feed, first.phase, first.round) == (100.0, "ACME / USD", 1, "1")
    assert (first.proxy, first.token_id, first.heartbeat) == (address, "acme", 3600)
    assert (second.price, second.phase, second.round) == (102.0, 2, "1")
    assert second.proxy_round == str((2 << 64) | 1)
    (changed,) = of(events, OracleAggregatorChanged)
    assert (changed.previous, changed.aggregator) == (first.contract, second.contract)
    assert (changed.proxy, changed.token_id) == (address, "acme")
    report, _ = of(events, OracleTransmission)
    assert report.observations == ("9900000000", "10000000000", "10100000000")
    assert (report.spread, report.observers, report.observed) == (0.02, 3, OBSERVED * 10**9)
    begun, _ = of(events, OracleRoundStarted)
    assert (begun.started_by, begun.started) == (None, OBSERVED * 10**9)


async def test_the_past_of_a_silent_proxy_is_read_from_all_of_its_aggregators(
    start_anvil: Start,
) -> None:
    feeds = Feeds(start_anvil(), silent=True)
    feeds.send(feeds.first, "transmit", [7], 0)
    second = feeds.replaced()
    last = feeds.send(second, "transmit", [8], 0)
    address = str(feeds.proxy.address).lower()
    config = source(feeds.ledger.node.ws_url, start_block=0)
    async with collecting(config, Watched.of(feeds=[address]), feeds.outlet):
        await until(lambda: last in numbers(feeds.outlet.frames))
    events = feeds.events(feeds.reference(address))
    assert [(one.answer_raw, one.phase) for one in of(events, OracleUpdate)] == [("7", 1), ("8", 2)]
    assert of(events, OracleAggregatorChanged) == []
    # OCR 1 says who began the round, and not when the nodes looked.
    assert [one.observed for one in of(events, OracleTransmission)] == [None, None]
    assert {one.started_by for one in of(events, OracleRoundStarted)} == {str(feeds.owner).lower()}


async def test_a_silent_change_is_found_by_asking(
    start_anvil: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.evm.feeds.ASKED_EVERY", 0.05)
    feeds = Feeds(start_anvil(), silent=True)
    address = str(feeds.proxy.address).lower()
    config = source(feeds.ledger.node.ws_url, start_block="latest")
    async with collecting(config, Watched.of(feeds=[address]), feeds.outlet):
        await until(lambda: feeds.outlet.state.connection == "connected")
        second = feeds.replaced()

        def answered() -> bool:
            feeds.send(second, "transmit", [9], 0)
            return bool(of(feeds.events(feeds.reference(address)), OracleUpdate))

        await until(answered)
    assert {one.phase for one in of(feeds.events(feeds.reference(address)), OracleUpdate)} == {2}


async def test_an_aggregator_by_itself_needs_no_proxy(start_anvil: Start) -> None:
    feeds = Feeds(start_anvil(), silent=True)
    address = str(feeds.first.address).lower()
    await feeds.collect(address, lambda: feeds.send(feeds.first, "transmit", [5], 0))
    (update,) = of(feeds.events(feeds.reference(address)), OracleUpdate)
    assert (update.answer_raw, update.proxy, update.phase) == ("5", None, None)
    assert (update.price, update.proxy_round) == (5e-8, None)


async def test_a_price_of_pyth_is_told_of_the_feed_that_the_reference_knows(
    start_anvil: Start,
) -> None:
    feeds = Feeds(start_anvil(), silent=True)
    pyth = feeds.ledger.deploy(feeds._pyth, sender=feeds.owner)  # pyright: ignore[reportPrivateUsage]
    address = str(pyth.address).lower()

    def happen() -> int:
        known, other = bytes.fromhex(PYTH_ID[2:]), bytes(32)
        feeds.send(pyth, "update", other, 1, 1, -5, OBSERVED)
        return feeds.send(pyth, "update", known, -250_000, 500, -5, OBSERVED)

    await feeds.collect(address, happen)
    reference = feeds.reference(address, feed_id=PYTH_ID.upper().replace("0X", "0x"), decimals=5)
    unknown, known = of(feeds.events(reference), OracleUpdate)
    assert (known.price, known.confidence_raw, known.confidence) == (-2.5, "500", 0.002)
    assert (known.answer_raw, known.round, known.protocol) == ("-250000", None, "pyth")
    assert (known.token_id, known.currency, known.feed) == ("acme", "USD", "ACME / USD")
    assert known.updated == OBSERVED * 10**9
    assert (unknown.token_id, unknown.price, unknown.feed) == (None, None, "0x" + "0" * 64)

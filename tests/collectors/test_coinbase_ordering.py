"""Where a snapshot goes, whatever is lost and whenever the snapshot comes."""

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.coinbase.ordering import LARGEST_OVERLAP, Held, ProductFeed
from collectors.coinbase.rest_books import RestBook
from collectors.coinbase.synchronisation import Synchroniser
from collectors.websocket_feed import WebSocketFeed
from pipeline.config.sources import Reconnection
from pipeline.frames import GapNotice
from tests.collectors.coinbase_book import read_all
from tests.collectors.frames_outlet import FramesOutlet

PRODUCT = "ACME-USD"


def test_numbers_in_a_row_are_next() -> None:
    feed = ProductFeed(PRODUCT)
    assert [feed.take(n) for n in (7, 8, 9)] == ["next", "next", "next"]


def test_a_number_that_was_known_is_again_and_changes_nothing() -> None:
    feed = ProductFeed(PRODUCT)
    feed.take(7)
    feed.take(8)
    assert [feed.take(8), feed.take(7), feed.last] == ["again", "again", 8]
    assert feed.take(9) == "next"


def test_a_jump_is_a_gap_and_needs_a_snapshot_that_reaches_it() -> None:
    feed = ProductFeed(PRODUCT)
    feed.take(7)
    assert feed.take(12) == "gap"
    assert feed.needed == 11


def test_a_venue_that_numbers_anew_is_followed() -> None:
    feed = ProductFeed(PRODUCT)
    feed.take(10 * LARGEST_OVERLAP)
    assert feed.take(3) == "restart"
    assert (feed.take(4), feed.needed) == ("next", 2)


def test_a_heartbeat_may_run_ahead_of_a_message_but_not_twice() -> None:
    feed = ProductFeed(PRODUCT)
    feed.take(7)
    assert not feed.announce(8)
    feed.take(8)
    assert not feed.announce(10)
    assert feed.announce(10)


@dataclass
class Script:
    """A venue whose messages come one at a time, of which some are lost."""

    sent: int = 100
    lost: set[int] = field(default_factory=set)
    behind: int = 0

    async def fetch(self, product: str) -> RestBook:
        await asyncio.sleep(0)
        sequence = max(0, self.sent - self.behind)
        self.behind = 0  # a cache that catches up
        body = msgspec.json.encode({"bids": [], "asks": [], "sequence": sequence})
        return RestBook(sequence, body)


steps = st.lists(st.sampled_from(["message", "lose", "pause", "pause"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 5))
def test_a_reader_never_meets_a_message_or_snapshot_out_of_place(
    script: list[str], behind: int
) -> None:
    asyncio.run(_play(script, behind))


async def _play(script: list[str], behind: int) -> None:
    outlet, venue = FramesOutlet(), Script(behind=behind)
    feed = WebSocketFeed(outlet)
    policy = Reconnection(initial=1_000_000, maximum=1_000_000)
    synchroniser = Synchroniser(
        feed,
        venue,  # pyright: ignore[reportArgumentType]
        policy,
        most_held=1 << 20,
    )
    synchroniser.reader_waits = True
    product = ProductFeed(PRODUCT)
    product.hold()
    running = asyncio.create_task(synchroniser.run(product))
    lost = 0
    for step in [*script, "message"]:
        if step == "pause":
            await asyncio.sleep(0.002)
            continue
        venue.sent += 1
        if step == "lose":
            lost += 1
            continue
        last = product.last
        if product.take(venue.sent) == "gap":
            assert last is not None
            notice = GapNotice(PRODUCT, "lost", last + 1, venue.sent)
            await synchroniser.gap(product, notice, last + 1)
            if running.done():
                product.hold()
                running = asyncio.create_task(synchroniser.run(product))
        message = {"type": "open", "product_id": PRODUCT, "sequence": venue.sent}
        message |= {"order_id": str(venue.sent), "side": "buy", "price": "1", "remaining_size": "1"}
        held = Held(venue.sent, 1, msgspec.json.encode(message))
        if product.held is None:
            await feed.send(held.payload, held.received)
        else:
            await synchroniser.keep(product, held)
    await asyncio.wait_for(running, 20)
    assert read_all(outlet.frames).last[PRODUCT] == venue.sent
    sent = [msgspec.json.decode(payload)["sequence"] for payload in outlet.payloads]
    assert sent == sorted(set(sent))
    # What lies between the first message and the last is there, or a notice says that it is not.
    missing = {n for gap in outlet.gaps for n in range(gap.expected or 0, gap.received or 0)}
    assert missing.isdisjoint(sent)
    assert missing | set(sent) >= set(range(sent[0], venue.sent + 1))


@pytest.mark.parametrize("first", [1, 500])
async def test_without_messages_the_snapshot_alone_starts_the_sequence(first: int) -> None:
    outlet, venue = FramesOutlet(), Script(sent=first)
    synchroniser = Synchroniser(
        WebSocketFeed(outlet),
        venue,  # pyright: ignore[reportArgumentType]
        Reconnection(),
        most_held=1 << 20,
    )
    synchroniser.reader_waits = True
    product = ProductFeed(PRODUCT)
    product.newest = first
    await asyncio.wait_for(synchroniser.run(product), 5)
    assert [frame.context for frame in outlet.snapshots] == [PRODUCT]
    assert product.take(first + 1) == "next"

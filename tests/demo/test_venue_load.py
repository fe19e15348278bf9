"""The load source: cheap frames that are nevertheless a right and consistent feed."""

import asyncio
import os
import sys
import time

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from demo.venue.authentication import new_credential, sign
from demo.venue.clock import iso_time
from demo.venue.facts import ECHO
from demo.venue.load import send_load
from demo.venue.load_feed import LoadFeed
from demo.venue.messages import Event, Match, OrderBook, Received
from demo.venue.replica import Replica
from demo.venue.server import FeedServer

decode = msgspec.json.Decoder(Event).decode
T0, T1 = iso_time(10**18), iso_time(10**18 + 10**9)


@pytest.fixture(scope="module")
def cycle() -> int:
    return 1_000


def collected(feed: LoadFeed, counts: list[int], *, operator: bool = True) -> list[Event]:
    events: list[Event] = []
    for count in counts:
        frames = feed.next_frames(count, T0, operator=operator)
        assert len(frames) == count
        feed.advance(count, T0)
        events += [decode(frame) for frame in frames]
    return events


def test_sequences_trade_ids_and_order_ids_go_on_over_the_ends_of_cycles(cycle: int) -> None:
    feed = LoadFeed(cycle=cycle)
    events = collected(feed, [1, 7, 999, 3_000, 250])
    assert [e.sequence for e in events] == list(range(1, 4_258))
    trades = [e.trade_id for e in events if isinstance(e, Match)]
    assert trades == list(range(1, len(trades) + 1))
    received = [e.order_id for e in events if isinstance(e, Received)]
    assert len(set(received)) == len(received)
    assert (feed.sequence("ACME-USD"), feed.last_trade_id("ACME-USD")) == (4_257, len(trades))
    assert feed.last_match("ACME-USD") == [e for e in events if isinstance(e, Match)][-1]


def test_frames_carry_the_time_they_are_given(cycle: int) -> None:
    feed = LoadFeed(cycle=cycle)
    assert {e.time for e in collected(feed, [50])} == {T0}
    assert {decode(f).time for f in feed.next_frames(50, T1, operator=True)} == {T1}


def test_a_book_kept_from_any_snapshot_is_right_over_many_cycles(cycle: int) -> None:
    feed = LoadFeed(cycle=cycle)
    collected(feed, [345])
    replica = Replica(feed.order_book("ACME-USD"))
    assert replica.rows("buy")
    for count in (100, 555, 1_200, 3):
        for event in collected(feed, [count]):
            replica.apply(event)
        expected = Replica(feed.order_book("ACME-USD"))
        for side in ("buy", "sell"):
            assert replica.rows(side) == expected.rows(side)
        bids, asks = replica.rows("buy"), replica.rows("sell")
        assert not (bids and asks) or bids[0][0] < asks[0][0]


def test_public_frames_are_the_operators_without_owners(cycle: int) -> None:
    feed = LoadFeed(cycle=cycle)
    private = feed.next_frames(400, T0, operator=True)
    public = feed.next_frames(400, T0, operator=False)
    for mine, theirs in zip(private, public, strict=True):
        shown = msgspec.json.decode(mine)
        kept = {k: v for k, v in shown.items() if not k.endswith(("user_id", "profile_id"))}
        assert msgspec.json.decode(theirs) == kept
        assert kept != shown


def test_nobody_but_the_planted_account_trades_with_itself() -> None:
    events = collected(LoadFeed(cycle=4_000, self_trade_every=500), [4_000])
    own = [e for e in events if isinstance(e, Match) and e.maker_user_id == e.taker_user_id]
    assert {e.maker_user_id for e in own} == {ECHO.account}
    assert 5 <= len(own) <= 8
    assert not [
        e
        for e in collected(LoadFeed(cycle=4_000, self_trade_every=0), [4_000])
        if isinstance(e, Match) and e.maker_user_id == e.taker_user_id
    ]


def test_frames_are_produced_at_well_over_the_rate_of_the_benchmark() -> None:
    """25,000 frames/s must cost a small part of a core; the bound is loose for busy machines."""
    feed = LoadFeed()
    begun = time.process_time()
    for _ in range(500):
        feed.next_frames(100, T0, operator=True)
        feed.advance(100, T0)
    assert 50_000 / (time.process_time() - begun) > 100_000


async def test_load_arrives_at_the_rate_asked_for_and_nothing_is_missing() -> None:
    feed = LoadFeed(cycle=5_000)
    async with (
        FeedServer(feed, require_authentication=False, queue_limit=100_000) as server,
        connect(server.url, compression=None, max_queue=None) as socket,
    ):
        await socket.send('{"type":"subscribe","product_ids":["ACME-USD"],"channels":["full"]}')
        await socket.recv()
        sending = asyncio.create_task(send_load(server, feed, rate=5_000, seconds=1.0))
        sequences: list[int] = []
        async with asyncio.timeout(10):
            while len(sequences) < 4_000:
                sequences.append(decode(await socket.recv()).sequence)
        sent = await sending
    assert sequences == list(range(1, 4_001))
    assert sent.dropped == 0
    assert 4_000 <= sent.frames <= 5_000


async def test_without_a_rate_the_slowest_reader_sets_the_pace_and_is_not_dropped() -> None:
    feed = LoadFeed(cycle=5_000)
    async with (
        FeedServer(feed, require_authentication=False, queue_limit=10_000) as server,
        connect(server.url, compression=None, max_queue=4) as socket,
    ):
        await socket.send('{"type":"subscribe","product_ids":["ACME-USD"],"channels":["full"]}')
        await socket.recv()
        sending = asyncio.create_task(send_load(server, feed, rate=None, frames=20_000))
        async with asyncio.timeout(20):
            last = 0
            while last < 20_000:
                last = decode(await socket.recv()).sequence
        sent = await sending
    assert (sent.frames, sent.dropped) == (20_000, 0)


async def test_the_load_program_serves_in_a_process_of_its_own() -> None:
    credential = new_credential(operator=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "demo.venue.load", "--rate", "3000", "--seconds", "0.5", "--linger", "0.5"),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "VENUE_KEY": credential.key,
            "VENUE_PASSPHRASE": credential.passphrase,
            "VENUE_SECRET": credential.secret,
        },
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            ready = msgspec.json.decode(await process.stdout.readline())
            timestamp = str(time.time())
            async with connect(ready["url"], compression=None, max_queue=None) as socket:
                request = {
                    "type": "subscribe",
                    "product_ids": [ready["product_id"]],
                    "channels": ["full"],
                    "key": credential.key,
                    "passphrase": credential.passphrase,
                    "timestamp": timestamp,
                    "signature": sign(credential.secret, timestamp),
                }
                await socket.send(msgspec.json.encode(request), text=True)
                await socket.recv()
                event = decode(await socket.recv())
                assert (event.sequence, isinstance(event, Received)) == (1, True)
                assert str(event.user_id).startswith("acct-")
                async with httpx.AsyncClient() as http:
                    path = f"{ready['rest_url']}/products/{ready['product_id']}/book?level=3"
                    book = msgspec.json.decode((await http.get(path)).content, type=OrderBook)
                replica = Replica(book)
                while replica.sequence < book.sequence + 500:
                    replica.apply(decode(await socket.recv()))
            sent = msgspec.json.decode(await process.stdout.readline())
            assert sent["frames"] > 1_000
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

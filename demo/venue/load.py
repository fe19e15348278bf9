"""A venue under load: a given number of `full` frames per second, for end-to-end benchmarks.

    VENUE_KEY=... VENUE_PASSPHRASE=... VENUE_SECRET=... \\
        python -m demo.venue.load --rate 25000 --seconds 60

prints a JSON line with the addresses once it serves, waits for the first subscriber, and prints a
second one with what was sent. The key is an operator's; without these variables nobody has to sign
and the frames are the public ones.
"""

import argparse
import asyncio
import os
import sys
import time

import msgspec

from demo.venue.authentication import Credential
from demo.venue.clock import Clock, iso_time
from demo.venue.load_feed import LoadFeed
from demo.venue.server import FeedServer

TICK_SECONDS = 0.002
LARGEST_BATCH = 2_000
LOAD_QUEUE_LIMIT = 200_000


class Sent(msgspec.Struct, frozen=True):
    """What a load run sent. `dropped` counts clients that were too slow for the rate."""

    frames: int
    seconds: float
    dropped: int


async def send_load(
    server: FeedServer,
    feed: LoadFeed,
    *,
    rate: float | None,
    seconds: float | None = None,
    frames: int | None = None,
    clock: Clock = time.time_ns,
) -> Sent:
    """Send frames of `feed`, which must be the server's market.

    Args:
        rate: frames per second; None for as many as the slowest reader takes.
        seconds: ends after so long, if given.
        frames: ends after so many, if given.
    """
    loop = asyncio.get_running_loop()
    product_id = feed.product.id
    start, sent = loop.time(), 0
    while seconds is None or loop.time() - start < seconds:
        due = LARGEST_BATCH if rate is None else int((loop.time() - start) * rate) - sent
        if frames is not None:
            due = min(due, frames - sent)
        batch = min(due, LARGEST_BATCH)
        if batch > 0:
            now = iso_time(clock())
            readers = [
                (operator, reader)
                for operator in (True, False)
                for reader in server.readers(product_id, "full", operator=operator)
            ]
            for operator in {operator for operator, _ in readers}:
                encoded = feed.next_frames(batch, now, operator=operator)
                server.publish_frames(product_id, "full", encoded, operator=operator)
            feed.advance(batch, now)
            sent += batch
            if rate is None:
                for _, reader in readers:
                    await reader.wait_until_taken(LARGEST_BATCH)
        if frames is not None and sent >= frames:
            break
        # Behind the schedule: only let others run, do not wait.
        await asyncio.sleep(0 if due > LARGEST_BATCH else TICK_SECONDS if rate else 0)
    return Sent(sent, round(loop.time() - start, 6), server.slow_consumers_dropped)


def _credential() -> Credential | None:
    key = os.environ.get("VENUE_KEY")
    if not key:
        return None
    return Credential(
        key=key,
        passphrase=os.environ.get("VENUE_PASSPHRASE", ""),
        secret=os.environ.get("VENUE_SECRET", ""),
        operator=True,
    )


async def _run(options: argparse.Namespace) -> None:
    credential = _credential()
    feed = LoadFeed(seed=options.seed)
    server = FeedServer(
        feed,
        credentials=[credential] if credential else [],
        require_authentication=credential is not None,
        port=options.port,
        queue_limit=LOAD_QUEUE_LIMIT,
    )
    async with server:
        _print({"url": server.url, "rest_url": server.rest_url, "product_id": feed.product.id})
        await server.wait_for_subscriber()
        sent = await send_load(server, feed, rate=options.rate or None, seconds=options.seconds)
        _print(sent)
        await asyncio.sleep(options.linger)


def _print(record: object) -> None:
    sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point of `python -m demo.venue.load`."""
    parser = argparse.ArgumentParser(description="Serve Coinbase `full` frames at a given rate.")
    parser.add_argument("--rate", type=float, default=25_000, help="frames per second; 0: no limit")
    parser.add_argument("--seconds", type=float, default=30, help="how long to send")
    parser.add_argument("--linger", type=float, default=5, help="seconds to serve on afterwards")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--seed", type=int, default=1, help="of the traded cycle")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()

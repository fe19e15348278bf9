"""A venue's connection breaks. It repeats nothing: there is no undisturbed run to compare with.

What counts: all that reached RAW is in the sink once, with what is found in it; what did not
reach it is told by a gap in its place; the book is right again in the end; what is found over a
gap says so.
"""

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.end_to_end import write_configuration
from collectors.coinbase.wire import SEQUENCED
from demo.venue.facts import PRODUCT
from demo.venue.messages import OrderBook
from demo.workspace import VENUE
from normalizer.events import Record
from normalizer.events.market import FeedGap
from pipeline.frames import Frame
from tests.chaos.connections import disturbing
from tests.chaos.load_venue import LoadVenue
from tests.chaos.outcome import compare, held_in_files
from tests.chaos.processes import written_bytes
from tests.chaos.raw_frames import Raw
from tests.chaos.recorded import Fault
from tests.chaos.scenario import ROUND_TIMEOUT, Played, Scenario
from tests.chaos.settling import until_quiet
from tests.collectors.coinbase_book import SequentialReader, rest_orders
from tests.end_to_end.pipeline_run import Installation, Running
from tests.servers.proxy import FaultProxy

#: Bytes in the sink between two faults: some 700 for each event.
APART = 500_000
#: A silence of so many seconds at most, which is longer than what counts as stale.
LONGEST, STALE = 4.0, "3s"
#: Bytes per second: a fifth of what the venue sends.
THROTTLE = 40_000
#: Faults that lose frames: the connection is made anew.
CUTTING = frozenset(("cut", "refuse", "answers lost", "cut while slow"))
#: Seconds for each chunk, so that there is a while in which frames wait for the book.
SLOW = 0.2


class VenueNetwork(Scenario):
    """The collector's WebSocket and REST go through one proxy."""

    name = "network-venue"
    title = "network between the collector and a venue, which repeats nothing"
    compared = "ids and bytes, with what RAW holds"

    def prepare(self) -> None:
        pass  # each round has a venue of its own

    def play(self, folder: Path, chance: random.Random) -> Played:
        played = Played()
        with LoadVenue() as venue, FaultProxy.before(venue.addresses()["url"]) as proxy:
            installation = _installation(folder, venue, proxy)
            with installation.running() as run:
                for _ in range(chance.randint(3, 6)):
                    more_written(run)
                    played.faults[_fault(proxy, chance)(run)] += 1
                if chance.random() < 0.5:  # else what the last fault took is the end of the feed
                    more_written(run)
                last = venue.stop()
                run.until(lambda: newest(installation) >= last, ROUND_TIMEOUT / 4)
                until_quiet(run)
            book = venue.book()
        judge(played, installation, book)
        return played


def _installation(folder: Path, venue: LoadVenue, proxy: FaultProxy) -> Installation:
    """As in the benchmark from end to end, but through the proxy."""
    through = {name: proxy.through(url) for name, url in venue.addresses().items()}
    settings: dict[str, Any] = yaml.safe_load(write_configuration(folder, through).read_text())
    quick = {"initial": "100ms", "maximum": "500ms", "stale_after": STALE}
    settings["sources"][0]["reconnection"] = quick
    settings["logging"] = {"level": "info", "format": "ecs"}
    return Installation(folder, **settings)


def _fault(proxy: FaultProxy, chance: random.Random) -> Fault:
    if chance.random() < 0.25:
        return _cut_while_slow(proxy, chance.uniform(0.6, 1.8))
    return disturbing(proxy, chance, longest=LONGEST, throttle=THROTTLE)


def _cut_while_slow(proxy: FaultProxy, after: float) -> Fault:
    """Cuts twice: the second one strikes a collector that still waits for a book, as a rule."""

    def disturb(run: Running) -> str:
        proxy.delay_seconds = SLOW
        proxy.cut()
        time.sleep(after)
        proxy.cut()
        proxy.delay_seconds = 0.0
        return "cut while slow"

    return disturb


def more_written(run: Running) -> None:
    """Wait until the sink has more."""
    enough = written_bytes(run.installation) + APART
    run.until(lambda: written_bytes(run.installation) >= enough)


def newest(installation: Installation) -> int:
    """The sequence of what the sink was given last: a message, or a book without any behind it."""
    files = sorted((installation.folder / "out" / "events").glob("*.ndjson"))
    whole, _, _ = files[-1].read_bytes().rpartition(b"\n")
    last = msgspec.json.decode(whole.rpartition(b"\n")[2])
    return last["event"].get("sequence", 0)


def judge(played: Played, installation: Installation, book: OrderBook) -> None:
    """What came of a round, by what RAW and the sink hold, and the venue's book in the end."""
    raw = Raw(installation.path)
    frames, events = raw.frames(), raw.events({"venue": VENUE})
    wanted = raw.due(events)
    played.events, played.alerts = len(wanted.events), len(wanted.alerts)
    played.differences = compare(wanted, held_in_files(installation))
    played.error = (
        wrong(frames, book)
        or untold(frames, book.sequence)
        or unmarked(events, installation.alerts())
    )
    cut = CUTTING & played.faults.keys()
    if not played.error and cut and not any(isinstance(event, FeedGap) for event in events):
        played.error = "the connection was cut, and no frame is missing"  # then nothing was tried


def wrong(frames: Sequence[Frame], book: OrderBook) -> str:
    """What is missing in RAW without a word, or wrong with the book that it leads to."""
    reader = SequentialReader()
    try:
        for frame in frames:
            reader.read(frame)
    except AssertionError as error:
        return f"frames are missing, and no gap says so: {error}"
    found = reader.books.get(PRODUCT.id)
    return "" if found == rest_orders(book) else "the book is not the venue's in the end"


def untold(frames: Sequence[Frame], last: int) -> str:
    """A frame up to the last that neither came nor is told by a gap; or one that is told and came.

    What a gap says was received may be a book, which has what is missing up to then.
    """
    came: set[int] = set()
    told: set[int] = set()
    books: set[int] = set()
    for frame in frames:
        message = msgspec.json.decode(frame.payload)
        if frame.kind == "gap":
            told.update(range(message["expected"], message["received"]))
            books.add(message["received"])
        elif message.get("type") in SEQUENCED:
            came.add(message["sequence"])
    if silent := set(range(1, last + 1)) - came - told - books:
        return f"frame {min(silent)} did not come, and no gap tells so"
    return f"a gap tells of frame {min(told & came)}, which came" if told & came else ""


def unmarked(events: Sequence[Record], alerts: Sequence[dict[str, Any]]) -> str:
    """An alert that rests on events of both sides of a gap, and does not say so."""
    times = {event.id: event.timestamp for event in events}
    gaps = list(_gaps(events))
    for alert in alerts:
        rests_on = [times[one] for one in alert["surveillance"]["evidence"]["event_ids"]]
        over = any(min(rests_on) < end and start < max(rests_on) for start, end in gaps)
        about_gaps = alert["surveillance"]["typology"] == "data_quality"
        if over and not about_gaps and "unsure" not in alert.get("tags", ()):
            return f"alert {alert['event']['id']} rests on both sides of a gap, and is not unsure"
    return ""


def _gaps(events: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """From the newest event before each gap to where the feed went on (ns)."""
    before = 0
    for event in events:
        if isinstance(event, FeedGap):
            yield before, event.timestamp
        else:
            before = max(before, event.timestamp)


__all__ = ["VenueNetwork"]

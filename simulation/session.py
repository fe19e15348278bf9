"""A simulated session: what its sources sent, the reference data, and the truth."""

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Literal, get_args

import msgspec

from pipeline.frames import Frame
from pipeline.reference_records import Reference, ReferenceRecord, Venue, moment
from pipeline.social_payload import PROTOCOL as SOCIAL
from pipeline.social_payload import encode_line
from pipeline.units import MINUTE
from pipeline.venue_sessions import ReferenceTime
from pipeline.venue_sessions import Session as Hours
from simulation.abusers.stage import Abuse, Stage
from simulation.clockwork import Script
from simulation.truth import Episode
from simulation.venue.crowd import Crowd
from simulation.venue.kinds import VENUE_MARKETS
from simulation.venue.listing import Tape
from simulation.venue.market import CLOSE, Market
from simulation.venue.wallets import WalletMarket
from simulation.wire.order_log import order_log
from simulation.wire.public_feeds import PublicFrame, coinbase_frames, kraken_frames

WireFormat = Literal["order-log", "coinbase", "kraken"]
WIRE_FORMATS: tuple[WireFormat, ...] = get_args(WireFormat)
WARM_UP = 3 * MINUTE
LIQUID_LENGTH = 20 * MINUTE


class Source(msgspec.Struct, frozen=True):
    """Where frames come from, as a recording names it."""

    name: str
    protocol: str
    venue: str | None = None


class Session(msgspec.Struct, kw_only=True):
    """All of it. `frames` are in the order of their receipt, each with its source's place."""

    sources: tuple[Source, ...]
    frames: list[tuple[int, Frame]]
    reference: Reference
    told: tuple[tuple[int, ReferenceRecord], ...] = ()
    """Reference data that comes in the course of the session, such as announcements and lists, and
    when, in nanoseconds; in the order of its times."""
    episodes: tuple[Episode, ...] = ()
    evidence: dict[str, tuple[str, ...]] = {}
    """Event ids of an episode's own orders and trades, by its label's id; only of public feeds."""
    public: bool = False
    """Whether the frames carry no accounts."""
    tape: Tape = []


def play_venue(
    kind: str,
    seed: int,
    *,
    abuse: Abuse | None = None,
    intensity: float = 0.5,
    episodes: int | None = None,
    wire: WireFormat = "order-log",
    length: int = LIQUID_LENGTH,
) -> Session:
    """Play a market of a kind, with an abuser or honest, and write it in a wire format.

    `length` in nanoseconds is of markets that don't close; with an abuser they go on until he is
    done.
    """
    market = VENUE_MARKETS[kind](seed)
    start = market.clockwork.start_time
    end = market.until or (market.days[-1] + CLOSE if market.days else start + length)
    if abuse is not None:
        count = abuse.episodes if episodes is None else episodes
        if market.days or market.until:
            for number in range(count):
                market.begin(abuse.play(Stage(market, abuse, intensity, number)), 1.0)
            market.clockwork.run(end)
        else:
            done = _Done()
            market.begin(_one_after_the_other(market, abuse, intensity, count, done), WARM_UP / 1e9)
            while not done.yes:
                market.clockwork.run(market.clockwork.now + MINUTE)
            market.clockwork.run(market.clockwork.now + 2 * MINUTE)
    else:
        market.clockwork.run(end)
    return written(market, wire)


class _Done:
    yes = False


def _one_after_the_other(
    market: Market, abuse: Abuse, intensity: float, count: int, done: _Done
) -> Script:
    for number in range(count):
        yield from abuse.play(Stage(market, abuse, intensity, number))
        yield abuse.gap
    done.yes = True


def written(market: Market, wire: WireFormat = "order-log") -> Session:
    """What happened in a market that has been played, in a wire format."""
    public = wire != "order-log" and bool(market.tape)
    reference = Reference(
        tokens=tuple(market.tokens),
        investors=market.people.records(),
        addresses=tuple(market.addresses) if isinstance(market, WalletMarket) else (),
        lists=tuple(market.lists),
        venues=_calendars(market),
    )
    if wire == "order-log":
        sources: tuple[Source, ...] = (Source("orders", "order_log", market.listings[0].venue),)
        frames = [
            (0, Frame(f"orders.ndjson:{number}", time, line))
            for number, (time, line) in enumerate(order_log(market.tape), 1)
        ]
    else:
        sources = tuple(
            Source(f"feed-{place}", wire, listing.venue)
            for place, listing in enumerate(market.listings)
        )
        feeds = [
            coinbase_frames(market.tape, listing)
            if wire == "coinbase"
            else kraken_frames(market.tape, listing)
            for listing in market.listings
        ]
        frames = list(_merged(feeds))
    if market.crowd is not None:
        sources = (*sources, Source("chatter", SOCIAL))
        said = _social_frames(market.crowd, len(sources) - 1)
        frames = list(merge(frames, said, key=lambda one: one[1].received))
    if isinstance(market, WalletMarket):
        if not market.tape:
            sources = ()
        blocks = [(len(sources), frame) for frame in market.ledger.frames]
        sources = (*sources, Source("chain", "evm"))
        frames = list(merge(frames, blocks, key=lambda one: one[1].received))
    episodes = tuple(market.truth.episodes)
    announced = ((moment(one.announced), one) for one in market.announcements)
    return Session(
        sources=sources,
        frames=frames,
        reference=reference,
        told=(
            *((market.clockwork.start_time, one) for one in market.planned),
            *sorted(announced, key=lambda one: one[0]),
        ),
        episodes=episodes,
        evidence=_own_events(market, episodes) if wire == "coinbase" else {},
        public=public,
        tape=market.tape,
    )


def _social_frames(crowd: Crowd, place: int) -> list[tuple[int, Frame]]:
    told = sorted(crowd.said, key=lambda one: one[0])
    return [
        (place, Frame(f"chatter.ndjson:{number}", time, encode_line(line)))
        for number, (time, line) in enumerate(told, 1)
    ]


def _merged(feeds: Sequence[Iterator[PublicFrame]]) -> Iterator[tuple[int, Frame]]:
    all_frames = [
        (time, place, number, payload, kind, context)
        for place, feed in enumerate(feeds)
        for number, (time, payload, kind, context) in enumerate(feed, 1)
    ]
    all_frames.sort(key=lambda one: one[:3])
    for time, place, number, payload, kind, context in all_frames:
        snapshot: Literal["snapshot", "message"] = "snapshot" if kind == "snapshot" else "message"
        yield place, Frame(f"{place}.{number:012d}", time, payload, snapshot, context)


def _calendars(market: Market) -> tuple[Venue, ...]:
    if market.calendar is not None:
        return (market.calendar,)
    if not market.days:
        return ()
    return (
        Venue(
            id=market.listings[0].venue,
            sessions=(Hours(phase="continuous", start="08:00", end="16:00"),),
            references=(
                ReferenceTime(name="open", at="08:00", purpose="open"),
                ReferenceTime(name="close", at="16:00", purpose="close"),
            ),
        ),
    )


def _own_events(market: Market, episodes: tuple[Episode, ...]) -> dict[str, tuple[str, ...]]:
    """Ids, as the normalizer gives them to Coinbase's messages, of what the abusers did."""
    owners: dict[str, list[tuple[str, Episode]]] = {}
    for number, one in enumerate(episodes, 1):
        for party in one.parties:
            owners.setdefault(party, []).append((f"{one.abuse}-{number}", one))
    found: dict[str, list[str]] = {}
    for printed in market.tape:
        listing = printed.listing
        prefix = f"{listing.venue}:{listing.product.id}:"
        for event in printed.execution.events:
            trade = getattr(event, "trade_id", None)
            who = (
                (getattr(event, "maker_user_id", None), getattr(event, "taker_user_id", None))
                if trade
                else (getattr(event, "user_id", None),)
            )
            for account in dict.fromkeys(who):
                for name, one in owners.get(str(account), ()):
                    if one.begin <= printed.time <= one.end:
                        event_id = f"trade:{trade}" if trade else str(event.sequence)
                        found.setdefault(name, []).append(prefix + event_id)
    return {name: tuple(dict.fromkeys(ids)) for name, ids in found.items()}

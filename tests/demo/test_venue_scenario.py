"""The scripted session: the same each time, its ground truth true, its decoys honest.

The definitions of abuse here are written down anew, straight from the feed's messages, so that
neither the scripts nor the product's detections vouch for themselves.
"""

from collections import defaultdict
from datetime import datetime

import msgspec
import pytest

from demo.venue import facts
from demo.venue.clock import NANOSECONDS, SimulatedClock
from demo.venue.exchange import Exchange
from demo.venue.ground_truth import Planted
from demo.venue.messages import Change, Done, Event, Match, Open, Received
from demo.venue.scenario import DEFAULT_SEED, DURATION_SECONDS, Session, perform, play

START = 1_800_000_000 * NANOSECONDS
SEEDS = (DEFAULT_SEED, 1, 2, 3, 5, 8, 13, 21, 34)


def played(seed: int) -> tuple[Session, list[Event]]:
    clock = SimulatedClock(START)
    exchange = Exchange([facts.PRODUCT], clock=clock)
    events: list[Event] = []
    exchange.listen(lambda _, execution: events.extend(execution.events))
    session = play(exchange, clock, seed=seed)
    assert clock() == START + DURATION_SECONDS * NANOSECONDS
    return session, events


@pytest.fixture(scope="module", params=SEEDS)
def recording(request: pytest.FixtureRequest) -> tuple[Session, list[Event]]:
    return played(request.param)


def instant(event: Event) -> float:
    return datetime.fromisoformat(event.time).timestamp()


class Life(msgspec.Struct):
    """A resting order as the feed tells it.

    `share` is its part of its side's whole depth, itself included; `share_near` its size against
    the ten best levels without it, the less favourable measure for its owner.
    """

    id: str
    user: str
    side: str
    opened: float
    share: float
    share_near: float
    ended: float | None = None
    cancelled: bool = False


def lives(events: list[Event]) -> dict[str, Life]:
    found: dict[str, Life] = {}
    book: dict[str, tuple[str, float, float]] = {}  # order id to side, price, size
    for event in events:
        match event:
            case Open():
                side, price, size = event.side, float(event.price), float(event.remaining_size)
                levels: dict[float, float] = defaultdict(float)
                for of, at, resting in book.values():
                    if of == side:
                        levels[at] += resting
                best = sorted(levels, reverse=side == "buy")[:10]
                near = sum(levels[at] for at in best)
                found[event.order_id] = Life(
                    event.order_id,
                    str(event.user_id),
                    side,
                    instant(event),
                    size / (sum(levels.values()) + size),
                    size / near if near else 1.0,
                )
                book[event.order_id] = (side, price, size)
            case Match():
                side, price, size = book[event.maker_order_id]
                book[event.maker_order_id] = (side, price, size - float(event.size))
            case Change():
                side, price, _ = book[event.order_id]
                book[event.order_id] = (side, price, float(event.new_size))
            case Done() if event.order_id in book:
                del book[event.order_id]
                found[event.order_id].ended = instant(event)
                found[event.order_id].cancelled = event.reason == "canceled"
            case _:
                pass
    return found


def fills(events: list[Event]) -> dict[tuple[str, str], list[tuple[float, int]]]:
    """(account, side that it traded on) to (instant, trade id)."""
    found: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for event in events:
        if isinstance(event, Match):
            other = "sell" if event.side == "buy" else "buy"
            at = (instant(event), event.trade_id)
            found[str(event.maker_user_id), event.side].append(at)
            found[str(event.taker_user_id), other].append(at)
    return found


def spoofs(
    events: list[Event], share: float, seconds: float, *, near: bool = False, after: float = 0.0
) -> set[str]:
    """Orders of at least `share` of their side that were cancelled within `seconds`, while their
    owner traded on the other side, or until `after` seconds later."""
    traded = fills(events)
    found: set[str] = set()
    for life in lives(events).values():
        if life.cancelled and life.ended is not None and life.ended - life.opened <= seconds:
            other = "sell" if life.side == "buy" else "buy"
            until = life.ended + after
            gained = [t for t, _ in traded[life.user, other] if life.opened <= t <= until]
            if (life.share_near if near else life.share) >= share and gained:
                found.add(life.id)
    return found


def planted(session: Session, typology: str) -> list[Planted]:
    return [p for p in session.planted if p.typology == typology]


def test_the_same_seed_gives_the_same_messages_and_another_seed_others() -> None:
    encoded = [msgspec.json.encode(played(seed)[1]) for seed in (1, 1, 2)]
    assert encoded[0] == encoded[1]
    assert encoded[0] != encoded[2]


async def test_the_live_session_has_the_same_messages_as_the_simulated_one() -> None:
    simulated, events = played(DEFAULT_SEED)
    clock = SimulatedClock(START)
    exchange = Exchange([facts.PRODUCT], clock=clock)
    live: list[Event] = []
    exchange.listen(lambda _, execution: live.extend(execution.events))
    session = await perform(exchange, speed=60)
    assert session == simulated
    assert [msgspec.structs.replace(e, time="") for e in live] == [
        msgspec.structs.replace(e, time="") for e in events
    ]


async def test_a_live_session_takes_its_duration_divided_by_its_speed() -> None:
    exchange = Exchange([facts.PRODUCT], clock=SimulatedClock(START))
    begun = datetime.now().timestamp()
    await perform(exchange, speed=90)
    assert DURATION_SECONDS / 90 <= datetime.now().timestamp() - begun < DURATION_SECONDS / 90 + 1
    with pytest.raises(ValueError, match="speed must be above 0"):
        await perform(exchange, speed=0)


def test_all_abuse_is_played(recording: tuple[Session, list[Event]]) -> None:
    session, _ = recording
    spoofing, wash = planted(session, "spoofing"), planted(session, "wash_trading")
    assert len(spoofing) == 4
    assert sum(len(p.accounts) == 1 for p in wash) == 3
    (pair,) = [p for p in wash if len(p.accounts) == 2]
    assert len(pair.trade_ids) >= 5


def test_ids_in_the_ground_truth_are_those_of_the_feed(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    owner = {e.order_id: e.user_id for e in events if isinstance(e, Received)}
    orders_of = {
        str(e.trade_id): {e.maker_order_id, e.taker_order_id}
        for e in events
        if isinstance(e, Match)
    }
    for truth in (*session.planted, *session.decoys):
        assert {owner[order_id] for order_id in truth.order_ids} <= set(truth.accounts)
        for trade_id in truth.trade_ids:
            assert orders_of[trade_id] & set(truth.order_ids)
    assert all(p.order_ids and p.trade_ids for p in session.planted)


@pytest.mark.parametrize("seconds", [2.0, 5.0])
@pytest.mark.parametrize("after", [0.0, 1.0])
@pytest.mark.parametrize(("near", "share"), [(True, 0.1), (False, 0.1), (False, 0.2)])
def test_spoofing_as_defined_finds_each_planted_cycle_and_no_honest_order(
    recording: tuple[Session, list[Event]],
    share: float,
    seconds: float,
    near: bool,
    after: float,
) -> None:
    session, events = recording
    found = spoofs(events, share, seconds, near=near, after=after)
    cycles = planted(session, "spoofing")
    assert all(found & set(cycle.order_ids) for cycle in cycles)
    assert found <= {order_id for cycle in cycles for order_id in cycle.order_ids}


def test_spoof_orders_live_between_a_quarter_and_two_seconds_at_the_touch(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    by_id = lives(events)
    for cycle in planted(session, "spoofing"):
        large, genuine = cycle.order_ids[-2:]
        life = by_id[large]
        assert life.share >= 0.2
        assert life.cancelled
        assert life.ended is not None
        assert 0.25 < life.ended - life.opened < 2.0
        assert by_id[genuine].side != life.side
        traded = {str(trade) for _, trade in fills(events)[life.user, by_id[genuine].side]}
        assert set(cycle.trade_ids) <= traded


def test_self_trades_are_exactly_the_planted_ones(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    found = {
        str(e.trade_id)
        for e in events
        if isinstance(e, Match) and e.maker_user_id == e.taker_user_id
    }
    wash = planted(session, "wash_trading")
    assert found == {trade for p in wash if len(p.accounts) == 1 for trade in p.trade_ids}


def test_trades_inside_a_cluster_are_exactly_the_planted_ones(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    cluster = {a.account: a.cluster for a in session.accounts}
    found = {
        str(e.trade_id)
        for e in events
        if isinstance(e, Match)
        and e.maker_user_id != e.taker_user_id
        and (shared := cluster[str(e.maker_user_id)]) is not None
        and shared == cluster[str(e.taker_user_id)]
    }
    (pair,) = [p for p in planted(session, "wash_trading") if len(p.accounts) == 2]
    assert found == set(pair.trade_ids)


def test_the_wash_pair_ends_with_next_to_no_change_of_position() -> None:
    session, events = played(DEFAULT_SEED)
    (pair,) = [p for p in planted(session, "wash_trading") if len(p.accounts) == 2]
    first = pair.accounts[0]
    net = gross = 0.0
    for event in events:
        if isinstance(event, Match) and str(event.trade_id) in pair.trade_ids:
            size = float(event.size)
            buys = (event.side == "buy") == (event.maker_user_id == first)
            net += size if buys else -size
            gross += size
    assert abs(net) <= 0.01 * gross


def test_the_default_session_has_every_kind_of_decoy() -> None:
    session, events = played(DEFAULT_SEED)
    by_name = {decoy.name: decoy for decoy in session.decoys}
    assert by_name.keys() == {
        "large order quickly filled",
        "large order cancelled late",
        "typing error corrected",
        "unrelated accounts that often meet",
        "market maker re-quotes after a fill",
    }
    by_id = lives(events)
    block = by_id[by_name["large order quickly filled"].order_ids[0]]
    assert block.share > 0.1
    assert not block.cancelled
    assert block.ended is not None
    assert block.ended - block.opened < 1.5
    late = by_id[by_name["large order cancelled late"].order_ids[0]]
    assert late.share > 0.1
    assert late.cancelled
    assert late.ended is not None
    assert late.ended - late.opened > 20
    typo = by_id[by_name["typing error corrected"].order_ids[0]]
    assert typo.share > 0.1
    assert typo.cancelled
    assert not [
        t for t, _ in fills(events)[typo.user, "buy"] if typo.opened <= t <= (typo.ended or 0) + 1
    ]
    regulars = by_name["unrelated accounts that often meet"]
    assert len(regulars.trade_ids) >= 4
    requoted = by_id[by_name["market maker re-quotes after a fill"].order_ids[0]]
    assert requoted.cancelled
    assert requoted.share < 0.1


def test_only_size_tells_the_honest_requote_from_spoofing() -> None:
    """Without the size condition the market maker would be accused: the decoy does its work."""
    session, events = played(DEFAULT_SEED)
    (requote,) = [d for d in session.decoys if d.name.startswith("market maker")]
    assert set(requote.order_ids) & spoofs(events, 0.0, 5.0)
    assert not set(requote.order_ids) & spoofs(events, 0.1, 5.0, near=True, after=1.0)


def test_market_makers_quote_small_orders_against_the_depth(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    makers = {a.account for a in session.accounts if "market_maker" in a.labels}
    opening = instant(events[0]) + 1.0
    shares = [
        life.share_near
        for life in lives(events).values()
        if life.user in makers and life.opened > opening
    ]
    assert len(shares) > 60
    assert max(shares) < 0.1


def test_every_trading_account_has_reference_facts(
    recording: tuple[Session, list[Event]],
) -> None:
    session, events = recording
    known = {fact.account: fact for fact in session.accounts}
    for event in events:
        if isinstance(event, Received):
            fact = known[str(event.user_id)]
            assert event.profile_id == fact.owner.profile_id
    assert len({fact.investor for fact in session.accounts}) == len(session.accounts)
    clusters = [fact.account for fact in session.accounts if fact.cluster is not None]
    assert clusters == ["acct-onyx", "acct-opal"]

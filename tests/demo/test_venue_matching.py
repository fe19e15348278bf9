"""The matching engine holds what an exchange promises, for any sequence of instructions."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.venue.clock import SimulatedClock, iso_time
from demo.venue.matching import MatchingEngine
from demo.venue.messages import Change, Done, Event, Match, Open, Received
from demo.venue.order_book import Owner
from demo.venue.product import OrderRejected, Product
from demo.venue.replica import Replica

PRODUCT = Product(id="ACME-USD", base_currency="ACME", quote_currency="USD")
START = 1_700_000_000_123_456_789
OWNERS = tuple(Owner(f"acct-{name}", f"profile-{name}") for name in "abc")


class Limit(msgspec.Struct, frozen=True):
    owner: Owner
    side: str
    lots: int
    price: int
    post_only: bool


class Market(msgspec.Struct, frozen=True):
    owner: Owner
    side: str
    lots: int


class Cancel(msgspec.Struct, frozen=True):
    pick: int


class Reduce(msgspec.Struct, frozen=True):
    pick: int
    share: float


sides = st.sampled_from(["buy", "sell"])
owners = st.sampled_from(OWNERS)
sizes = st.integers(1, 400)
instructions = st.lists(
    st.one_of(
        st.builds(Limit, owners, sides, sizes, st.integers(95, 105), st.booleans()),
        st.builds(Market, owners, sides, sizes),
        st.builds(Cancel, st.integers(0, 1000)),
        st.builds(Reduce, st.integers(0, 1000), st.floats(0, 1)),
    ),
    max_size=60,
)


def new_engine(**options: int) -> MatchingEngine:
    numbers = iter(range(1, 10**6))
    return MatchingEngine(
        PRODUCT,
        clock=SimulatedClock(START),
        order_ids=lambda: f"order-{next(numbers)}",
        **options,
    )


class Run:
    """An engine and all that it said."""

    def __init__(self) -> None:
        self.engine = new_engine()
        self.events: list[Event] = []
        self.placed: list[str] = []

    def do(self, instruction: object) -> tuple[Event, ...]:
        engine = self.engine
        try:
            match instruction:
                case Limit(owner, side, lots, price, post_only):
                    execution = engine.limit(owner, side, lots, price, post_only=post_only)
                    self.placed.append(execution.order_id)
                case Market(owner, side, lots):
                    execution = engine.market(owner, side, lots)
                case Cancel(pick) if self.placed:
                    execution = engine.cancel(self.placed[pick % len(self.placed)])
                case Reduce(pick, share) if self.placed:
                    order_id = self.placed[pick % len(self.placed)]
                    order = engine.resting(order_id)
                    execution = engine.reduce(
                        order_id, int(share * order.remaining) if order else 1
                    )
                case _:
                    return ()
        except OrderRejected:
            return ()
        self.events += execution.events
        self.levels = execution.levels
        return execution.events


def rows(engine: MatchingEngine) -> tuple[list, list]:
    return tuple(
        [
            (Decimal(PRODUCT.price_text(o.price)), Decimal(PRODUCT.size_text(o.remaining)), o.id)
            for o in engine.orders(side)
        ]
        for side in ("buy", "sell")
    )


@given(instructions)
def test_the_book_is_never_crossed(steps: list[object]) -> None:
    run = Run()
    for step in steps:
        run.do(step)
        bid, ask = run.engine.best("buy"), run.engine.best("sell")
        assert bid is None or ask is None or bid < ask


@given(instructions)
def test_sequences_and_trade_ids_rise_by_exactly_one(steps: list[object]) -> None:
    run = Run()
    for step in steps:
        run.do(step)
    assert [event.sequence for event in run.events] == list(range(1, len(run.events) + 1))
    assert run.engine.sequence == len(run.events)
    trades = [event.trade_id for event in run.events if isinstance(event, Match)]
    assert trades == list(range(1, len(trades) + 1))


@given(instructions)
def test_every_lot_of_an_order_is_traded_given_up_cancelled_or_resting(
    steps: list[object],
) -> None:
    run = Run()
    for step in steps:
        run.do(step)
    received: dict[str, Decimal] = {}
    accounted: dict[str, Decimal] = defaultdict(Decimal)
    market_cancelled: set[str] = set()
    for event in run.events:
        match event:
            case Received(order_id=order_id, size=size):
                received[order_id] = Decimal(size)
            case Match(maker_order_id=maker, taker_order_id=taker, size=size):
                accounted[maker] += Decimal(size)
                accounted[taker] += Decimal(size)
            case Change(order_id=order_id, old_size=old, new_size=new):
                accounted[order_id] += Decimal(old) - Decimal(new)
            case Done(order_id=order_id, remaining_size=str(remaining)):
                accounted[order_id] += Decimal(remaining)
            case Done(order_id=order_id, reason="canceled"):
                market_cancelled.add(order_id)
            case _:
                pass
    for side in ("buy", "sell"):
        for order in run.engine.orders(side):
            accounted[order.id] += Decimal(PRODUCT.size_text(order.remaining))
    for order_id, size in received.items():
        if order_id in market_cancelled:
            assert accounted[order_id] < size
        else:
            assert accounted[order_id] == size
    for side in ("buy", "sell"):
        assert run.engine.depth(side) == sum(o.remaining for o in run.engine.orders(side))


@given(instructions)
def test_takers_meet_the_best_price_first_and_the_oldest_order_at_it(steps: list[object]) -> None:
    """Against a model that is a plain list, sorted anew for each taker."""
    run = Run()
    model: list[dict] = []  # resting orders in order of arrival
    for step in steps:
        events = run.do(step)
        if events and isinstance(step, Limit | Market):
            taker = events[0].order_id
            left, limit = step.lots, step.price if isinstance(step, Limit) else None
            makers = [o for o in model if o["side"] != step.side]
            makers.sort(key=lambda o: o["price"] if step.side == "buy" else -o["price"])
            expected = []
            for maker in makers:
                better = limit is None or (
                    maker["price"] <= limit if step.side == "buy" else maker["price"] >= limit
                )
                if left and better:
                    lots = min(left, maker["lots"])
                    left -= lots
                    maker["lots"] -= lots
                    expected.append((maker["id"], taker, lots, maker["price"]))
            traded = [
                (
                    e.maker_order_id,
                    e.taker_order_id,
                    PRODUCT.lots(e.size),
                    PRODUCT.ticks(e.price),
                )
                for e in events
                if isinstance(e, Match)
            ]
            assert traded == expected
            if left and isinstance(step, Limit):
                model.append({"id": taker, "side": step.side, "price": step.price, "lots": left})
        for event in events:
            if isinstance(event, Done):
                model = [o for o in model if o["id"] != event.order_id]
            elif isinstance(event, Change):
                for order in model:
                    if order["id"] == event.order_id:
                        order["lots"] = PRODUCT.lots(event.new_size)


@given(instructions)
def test_a_replica_fed_with_the_events_equals_the_book(steps: list[object]) -> None:
    run = Run()
    replica = Replica()
    for step in steps:
        for event in run.do(step):
            replica.apply(event)
        assert (replica.rows("buy"), replica.rows("sell")) == rows(run.engine)


@given(instructions)
@settings(max_examples=50)
def test_level_changes_turn_the_old_aggregated_book_into_the_new_one(steps: list[object]) -> None:
    run = Run()
    levels: dict[tuple[str, str], str] = {}
    for step in steps:
        if not run.do(step):
            continue
        for side, price, size in run.levels:
            if size == "0":
                levels.pop((side, price), None)
            else:
                levels[side, price] = size
        book = run.engine.level_book()
        expected = {("buy", p): s for p, s, _ in book.bids} | {
            ("sell", p): s for p, s, _ in book.asks
        }
        assert levels == expected


@given(instructions)
@settings(max_examples=50)
def test_every_order_is_received_once_and_done_at_most_once_with_nothing_after(
    steps: list[object],
) -> None:
    run = Run()
    for step in steps:
        run.do(step)
    lives: dict[str, list[str]] = defaultdict(list)
    for event in run.events:
        if not isinstance(event, Match):
            lives[event.order_id].append(type(event).__name__)
    for life in lives.values():
        assert life[0] == "Received"
        assert "Received" not in life[1:]
        assert "Done" not in life[:-1]
        assert life.count("Open") <= 1


def test_the_same_instructions_give_the_same_bytes() -> None:
    def play() -> bytes:
        run = Run()
        for number in range(200):
            side = "buy" if number % 3 else "sell"
            run.do(Limit(OWNERS[number % 3], side, 10 + number % 7, 95 + number % 11, False))
        return msgspec.json.encode(run.events)

    assert play() == play()


def test_a_post_only_order_that_would_trade_is_rejected_and_says_nothing() -> None:
    engine = new_engine()
    engine.limit(OWNERS[0], "sell", 5, 100)
    before = engine.order_book()
    with pytest.raises(OrderRejected, match="Post only"):
        engine.limit(OWNERS[1], "buy", 5, 100, post_only=True)
    assert engine.order_book() == before
    assert engine.limit(OWNERS[1], "buy", 5, 99, post_only=True).filled == 0


def test_an_order_that_becomes_smaller_keeps_its_place() -> None:
    engine = new_engine()
    first = engine.limit(OWNERS[0], "sell", 50, 100).order_id
    second = engine.limit(OWNERS[1], "sell", 50, 100).order_id
    (change,) = engine.reduce(first, 20).events
    assert isinstance(change, Change)
    assert (change.reason, change.old_size, change.new_size) == ("modify_order", "0.5", "0.2")
    assert (change.old_price, change.new_price) == ("1.00", "1.00")
    matches = engine.market(OWNERS[2], "buy", 30).matches
    assert [(m.maker_order_id, m.size) for m in matches] == [(first, "0.2"), (second, "0.1")]


@pytest.mark.parametrize("lots", [0, -1, 50, 51])
def test_an_order_cannot_be_reduced_to_nothing_nor_made_larger(lots: int) -> None:
    engine = new_engine()
    order_id = engine.limit(OWNERS[0], "sell", 50, 100).order_id
    with pytest.raises(OrderRejected, match="Invalid size"):
        engine.reduce(order_id, lots)


def test_a_market_order_without_counterparties_is_cancelled_for_lack_of_liquidity() -> None:
    engine = new_engine()
    engine.limit(OWNERS[0], "sell", 50, 100)
    *_, done = engine.market(OWNERS[1], "buy", 80).events
    assert isinstance(done, Done)
    assert (done.reason, done.cancel_reason) == ("canceled", "106:Insufficient Liquidity")
    assert done.price is msgspec.UNSET
    assert done.remaining_size is msgspec.UNSET


def test_a_trade_takes_place_at_the_resting_price_and_names_both_owners() -> None:
    engine = new_engine()
    engine.limit(OWNERS[0], "buy", 50, 100)
    match = engine.limit(OWNERS[1], "sell", 50, 80).matches[0]
    assert (match.price, match.side) == ("1.00", "buy")
    assert (match.maker_user_id, match.taker_user_id) == ("acct-a", "acct-b")
    assert (match.maker_profile_id, match.taker_profile_id) == ("profile-a", "profile-b")


def test_the_engines_time_never_runs_backwards() -> None:
    ticks = iter([START, START - 5_000_000_000, START + 1_000])
    engine = MatchingEngine(PRODUCT, clock=lambda: next(ticks), order_ids=iter("abcdef").__next__)
    times = [engine.limit(OWNERS[0], "buy", 1, 100).events[0].time for _ in range(3)]
    assert times == [
        "2023-11-14T22:13:20.123456Z",
        "2023-11-14T22:13:20.123456Z",
        "2023-11-14T22:13:20.123457Z",
    ]


@given(st.lists(st.integers(0, 4 * 10**18), min_size=2, max_size=20))
def test_iso_text_sorts_like_the_instants_it_stands_for(instants: list[int]) -> None:
    ordered = sorted(instants)
    assert all(iso_time(a) <= iso_time(b) for a, b in pairwise(ordered))
    assert all(len(iso_time(a)) == 27 for a in ordered)


@pytest.mark.parametrize("text", ["0", "-1", "1.001", "NaN", "Infinity", "one", "", "1e-3"])
def test_a_price_off_the_tick_is_rejected(text: str) -> None:
    with pytest.raises(OrderRejected, match="Invalid price"):
        PRODUCT.ticks(text)


@given(st.integers(1, 10**12))
def test_prices_and_sizes_survive_the_way_to_text_and_back(units: int) -> None:
    assert PRODUCT.ticks(PRODUCT.price_text(units)) == units
    assert PRODUCT.lots(PRODUCT.size_text(units)) == units


def test_an_unknown_order_cannot_be_cancelled() -> None:
    with pytest.raises(OrderRejected, match="order not found: nobody"):
        new_engine().cancel("nobody")


def test_open_comes_only_for_what_rests() -> None:
    engine = new_engine()
    engine.limit(OWNERS[0], "sell", 50, 100)
    events = engine.limit(OWNERS[1], "buy", 80, 100).events
    assert [type(event) for event in events] == [Received, Match, Done, Open]
    assert isinstance(events[-1], Open)
    assert events[-1].remaining_size == "0.3"

"""What a scene has of a market: their orders, trades, the book at each moment."""

from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.books.order_books import OrderBooks
from detections.market_replay import recorded_market, recording
from normalizer.events import Record
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved
from normalizer.events.market import BookSnapshot, BookUpdate
from tests.detections.market_replay.scenes import SUSPECT, alert, played, scene, scenes
from tests.detections.samples import MILLISECOND, START, Tape, liquidity, swap


def at(moment: int) -> float:
    """Milliseconds of a scene's time."""
    return (moment - START) / MILLISECOND


def spoof(tape: Tape) -> list[Record]:
    """Somebody's quotes, and a large bid that is changed, filled in part and cancelled."""
    mine = {"investor_account": SUSPECT}
    return [
        tape.placed(0, "b1", "buy", 99, 5, investor_account="maker"),
        tape.placed(1, "a1", "sell", 101, 5, investor_account="maker"),
        tape.placed(10, "big", "buy", 100, 50, **mine),
        tape.changed(20, "big", 40, **mine),
        tape.trade(30, 100, 4, maker_order_id="big", side="sell", buyer_account=SUSPECT,
                   seller_account="other"),
        tape.trade(40, 101, 2, maker_order_id="a1", side="buy", buyer_account="other",
                   seller_account="maker"),
        tape.cancelled(50, "big", **mine),
    ]  # fmt: skip


def test_their_order_is_told_from_its_placing_to_its_end() -> None:
    found = scene(spoof(Tape()))
    (life,) = found.lives
    assert (life.order_id, life.buy, life.party, life.end) == ("big", True, SUSPECT, "cancelled")
    parts = [(one.price, one.quantity, at(one.since), at(one.until)) for one in life.stretches]
    assert parts == [(100, 50, 10, 20), (100, 40, 20, 30), (100, 36, 30, 50)]


def test_orders_of_others_are_no_lives() -> None:
    assert [life.order_id for life in scene(spoof(Tape())).lives] == ["big"]


@pytest.mark.parametrize(
    ("name", "known"),
    [("investor_id", "INV-9"), ("investor_cluster", "C-9"), ("investor_account", "acct-8")],
)
def test_whose_an_order_is_any_of_the_names_tells(name: str, known: str) -> None:
    tape = Tape()
    events = [tape.placed(0, "o", "buy", 10, 1, **{name: known})]
    assert len(scene(events, alert(entities=(known,))).lives) == 1
    assert scene(events, alert(entities=("somebody-else",))).lives == []


def test_where_nobody_is_named_an_order_is_theirs_since_an_alert_rests_on_its_placing() -> None:
    tape = Tape()
    events = [tape.placed(0, "o", "buy", 10, 1), tape.placed(1, "p", "buy", 10, 1)]
    found = scene(events, alert(entities=(), evidence_events=("event-1",)))
    assert [(life.order_id, life.evidence) for life in found.lives] == [("o", True)]


def test_a_counterpartys_order_is_not_theirs_though_the_evidence_names_it() -> None:
    """An alert names the orders of both sides of its trades."""
    tape = Tape()
    events: list[Record] = [
        tape.placed(0, "c", "sell", 10, 1, investor_account="other"),
        tape.trade(1, 10, 1, maker_order_id="c", taker_order_id="o", side="buy",
                   buyer_account=SUSPECT, seller_account="other"),
        tape.filled(1, "c", "sell", investor_account="other"),
    ]  # fmt: skip
    about = alert(evidence_events=("event-2",), evidence_orders=("c", "o"))
    found = scene(events, about)
    assert found.lives == []
    assert [one.theirs for one in found.moments] == [False, True, False]


def test_trades_of_theirs_are_told_by_side() -> None:
    tape = Tape()
    found = scene(
        [
            tape.trade(0, 10, 1, buyer_account=SUSPECT, seller_account="x"),
            tape.trade(1, 10, 1, buyer_account="x", seller_account=SUSPECT),
            tape.trade(2, 10, 1, buyer_account=SUSPECT, seller_account=SUSPECT),
            tape.trade(3, 10, 1, buyer_account="x", seller_account="y"),
        ]
    )
    assert [(one.bought, one.sold) for one in found.deals] == [
        (True, False),
        (False, True),
        (True, True),
        (False, False),
    ]


def test_trades_with_an_unnamed_order_that_an_alert_rests_on_are_theirs() -> None:
    tape = Tape()
    found = scene(
        [
            tape.placed(0, "o", "buy", 10, 2),
            tape.placed(0, "p", "buy", 10, 2),
            tape.placed(0, "q", "sell", 11, 2),
            tape.trade(1, 10, 2, maker_order_id="o", side="sell"),
            tape.trade(2, 10, 1, maker_order_id="p", side="sell"),
            tape.trade(3, 11, 1, maker_order_id="q", side="buy"),
        ],
        alert(entities=(), evidence_events=("event-1", "event-3")),
    )
    assert [(one.bought, one.sold) for one in found.deals] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_a_bust_takes_a_trade_out_and_a_correction_changes_it() -> None:
    tape = Tape()
    found = scene(
        [
            tape.trade(0, 10, 1, trade_id="t1"),
            tape.trade(1, 10, 1, trade_id="t2"),
            tape.busted(2, "t1"),
            tape.corrected(3, "t2", price=11.0),
        ]
    )
    assert [(one.busted, one.price, one.quantity) for one in found.deals] == [
        (True, 10, 1),
        (False, 11, 1),
    ]


def test_what_rested_before_is_in_the_book_at_the_beginning() -> None:
    found = scene(spoof(Tape()), since=25, until=45)
    assert [tuple(one) for one in found.book] == [
        (True, 100, 40, 40),
        (True, 99, 5, 0),
        (False, 101, 5, 0),
    ]
    assert [at(one.time) for one in found.moments] == [30, 40]
    (life,) = found.lives
    parts = [(one.quantity, at(one.since), at(one.until)) for one in life.stretches]
    assert parts == [(40, 25, 30), (36, 30, 45)]
    assert life.end == "open"


def test_what_is_of_before_and_comes_behind_the_beginning_is_told_when_it_comes() -> None:
    """Else the book that is played would lack it to the end."""
    tape = Tape()
    events: list[Record] = [
        tape.placed(0, "a", "sell", 11, 1),
        tape.placed(60, "b", "buy", 9, 1),
        tape.placed(40, "late", "buy", 10, 2),
        tape.cancelled(70, "b"),
    ]
    found = scene(events, since=50)
    assert played(found, 3) == {(False, 11): (1, 0), (True, 10): (2, 0)}
    assert [at(one.time) for one in found.moments] == [60, 40, 70]
    assert [one.bid for one in found.quotes][-1] == 10


def test_an_order_that_left_before_is_not_told() -> None:
    tape = Tape()
    found = scene([*spoof(tape), tape.trade(65, 101, 1)], since=60, until=70)
    assert found.lives == []
    assert len(found.moments) == 1


def test_quotes_have_the_depth_and_what_is_theirs_of_it() -> None:
    quotes = scene(spoof(Tape())).quotes
    told = [(at(q.time), q.bid, q.ask, q.bid_depth, q.ask_depth, q.bid_theirs) for q in quotes]
    assert told == [
        (0, 99, None, 5, 0, 0),
        (1, 99, 101, 5, 5, 0),
        (10, 100, 101, 55, 5, 50),
        (20, 100, 101, 45, 5, 40),
        (30, 100, 101, 41, 5, 36),
        (40, 100, 101, 41, 3, 36),
        (50, 99, 101, 5, 3, 0),
    ]


def test_moments_are_marked_as_theirs_and_as_evidence() -> None:
    found = scene(spoof(Tape()), alert(evidence_events=("event-3", "event-6")))
    marks = [(one.theirs, one.evidence) for one in found.moments]
    assert marks == [
        (False, False),
        (False, False),
        (True, True),
        (True, False),
        (True, False),
        (False, True),
        (True, False),
    ]
    assert found.evidence == {"event-3", "event-6"}
    assert (
        found.moments[2].said == "acct-9 rests on the book with a buy order of 50 ACME-USD at 100"
    )


def test_what_happens_to_an_order_of_theirs_is_theirs_also_if_nobody_is_named_again() -> None:
    tape = Tape()
    found = scene(
        [
            tape.placed(0, "o", "buy", 10, 1, investor_account=SUSPECT),
            tape.placed(0, "p", "buy", 10, 1, investor_account="other"),
            tape.cancelled(1, "o"),
            tape.cancelled(2, "p"),
        ]
    )
    assert [one.theirs for one in found.moments] == [True, False, True, False]


def test_a_second_copy_of_an_event_does_nothing() -> None:
    events = spoof(Tape())
    assert scene([one for event in events for one in (event, event)]) == scene(events)


def test_other_markets_are_scenes_of_their_own() -> None:
    tape, other = Tape(), Tape(instrument="BETA-USD")
    events: list[Record] = [*spoof(tape), other.placed(5, "x", "buy", 1, 1, id="other-1")]
    first, second = scenes(events)
    assert (first.place.instrument, second.place.instrument) == ("ACME-USD", "BETA-USD")
    assert first == scene(spoof(Tape()))
    assert len(second.moments) == 1


def test_a_gap_of_the_feed_is_noted_also_one_of_the_whole_source() -> None:
    tape = Tape()
    events = [
        tape.placed(0, "o", "buy", 10, 1),
        tape.gap(1, reason="missed 7 to 9"),
        tape.gap(2, instrument="*"),
        tape.gap(3, instrument="*", provider="another"),
    ]
    told = [(at(time), said) for time, said in scene(events).gaps]
    assert told == [(1, "missed 7 to 9"), (2, "a part of the feed is missing")]


def test_a_snapshot_says_which_of_their_orders_are_there_still() -> None:
    tape = Tape()
    mine = {"investor_account": SUSPECT}
    found = scene(
        [
            tape.placed(0, "o1", "buy", 10, 1, **mine),
            tape.placed(0, "o2", "buy", 10, 1, **mine),
            tape.placed(0, "o3", "buy", 10, 3, **mine),
            tape.snapshot(
                5,
                bid_order_ids=("o2", "o3", "z"),
                bid_prices=(10.0, 10.0, 9.0),
                bid_quantities=(1.0, 2.0, 4.0),
            ),
        ],
        until=9,
    )
    ends = {one.order_id: (one.end, at(one.stretches[-1].until)) for one in found.lives}
    assert ends == {"o1": ("gone", 5), "o2": ("open", 9), "o3": ("open", 9)}
    assert [one.quantity for one in found.lives[2].stretches] == [3, 2]
    assert played(found, 4) == {(True, 10): (3, 3), (True, 9): (4, 0)}


def test_a_feed_by_level_tells_what_came_to_a_level_in_evidence_and_went() -> None:
    tape = Tape()
    events = [
        tape.snapshot(0, bid_prices=(10.0, 9.0), bid_quantities=(5.0, 5.0)),
        tape.update(1, bid_prices=(9.0,), bid_quantities=(25.0,)),
        tape.update(2, bid_prices=(10.0,), bid_quantities=(6.0,)),
        tape.update(3, bid_prices=(9.0,), bid_quantities=(5.0,)),
    ]
    found = scene(events, alert(entities=(), evidence_events=("event-2", "event-4")))
    assert found.by_level
    (life,) = found.lives
    assert life.of_level
    assert life.end == "gone"
    assert [(s.price, s.quantity, at(s.since), at(s.until)) for s in life.stretches] == [
        (9, 20, 1, 3)
    ]


def test_levels_beyond_what_a_feed_tells_are_let_go_of_in_a_replay_too() -> None:
    tape = Tape()
    found = scene(
        [
            tape.snapshot(0, bid_prices=(10.0, 9.0), bid_quantities=(1.0, 1.0), depth=2),
            tape.update(1, bid_prices=(11.0,), bid_quantities=(1.0,)),
        ]
    )
    assert set(played(found, 2)) == {(True, 11), (True, 10)}


def test_a_pool_has_swaps_and_no_book() -> None:
    wallet = "0x" + "a" * 40
    mine = {"investor_address": wallet, "side": "buy", "price": 2.0, "quantity": 5.0}
    found = scene(
        [
            swap(1, **mine, pool_price=2.1),
            swap(2, side="sell", price=2.05, quantity=1.0),
            swap(3),  # nobody knows which of its tokens is watched
        ],
        alert(entities=(wallet,)),
    )
    assert found.is_pool
    assert found.book == []
    assert found.quotes == []
    told = [(one.bought, one.sold, one.block, one.price_after) for one in found.deals]
    assert told == [(True, False, 1, 2.1), (False, False, 2, None)]
    assert len(found.moments) == 3


def test_more_moments_than_are_kept_are_counted() -> None:
    found = scene(spoof(Tape()), most_moments=3)
    assert (len(found.moments), found.left_out) == (3, 4)
    assert len(found.quotes) == 7  # the picture goes on


def test_liquidity_of_a_pool_is_told_between_its_swaps() -> None:
    wallet = "0x" + "a" * 40
    about = alert(entities=(wallet,), evidence_events=("liquidity-3",))
    found = scene(
        [
            liquidity(LiquidityAdded, 1, investor_address="0x" + "b" * 40),
            swap(2, side="buy", price=2.0, quantity=1.0),
            liquidity(LiquidityRemoved, 3, investor_address=wallet),
        ],
        about,
    )
    told = [(one.before, one.added, one.theirs, one.evidence) for one in found.liquidity]
    assert told == [(0, True, False, False), (1, False, True, True)]
    assert [one.evidence for one in found.moments] == [False, False, True]


def test_of_many_quotes_those_are_kept_that_go_furthest() -> None:
    """A picture has some hundred columns; a spike between two of its points must be seen."""
    tape = Tape()
    events: list[Record] = [tape.placed(0, "a", "sell", 20, 1)]
    for number in range(3_000):
        price = 15 if number == 1_111 else 9 + number % 3
        mine = {"investor_account": SUSPECT} if number == 2_222 else {}
        events.append(tape.placed(1, "b", "buy", price, 1, **mine))
        events[-1].timestamp += 2 * number
        events.append(tape.cancelled(1, "b"))
        events[-1].timestamp += 2 * number + 1
    quotes = scene(events, until=100_000).quotes
    assert len(quotes) < 50
    assert max(quote.bid or 0 for quote in quotes) == 15
    assert max(quote.bid_theirs for quote in quotes) == 1


def test_what_is_too_much_to_be_drawn_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_DEALS", 2)
    monkeypatch.setattr(recorded_market, "MOST_LIVES", 1)
    tape, mine = Tape(), {"investor_account": SUSPECT}
    events: list[Record] = []
    for number in range(4):
        events.append(tape.trade(number, 10, 1, id=f"t{number}"))
        events.append(tape.placed(number, f"o{number}", "buy", 9, 1, **mine))
        events.append(tape.cancelled(number, f"o{number}"))
    found = scene(events, alert(evidence_events=("t3",), evidence_orders=("o3",)))
    assert [one.time for one in found.deals] == [
        START,
        START + MILLISECOND,
        START + 3 * MILLISECOND,
    ]
    assert [one.order_id for one in found.lives] == ["o0", "o3"]
    assert found.undrawn == 1 + 2


def test_nothing_of_a_time_is_no_scene() -> None:
    assert scenes([Tape().trade(5, 10, 1)], since=100, until=200) == []


# -- the replay is the book that the rules had --------------------------------------------------


_PRICES = st.sampled_from([9.0, 9.5, 10.0, 10.5, 11.0])
_STEP = st.tuples(
    st.sampled_from(["place", "cancel", "change", "trade", "fill", "remove", "snapshot"]),
    st.integers(0, 7),
    st.booleans(),
    _PRICES,
    st.integers(1, 9),
    st.booleans(),
)


def _flow(steps: list[tuple[str, int, bool, float, int, bool]]) -> list[Record]:
    tape, events = Tape(), list[Record]()
    for number, (kind, order, buy, price, quantity, mine) in enumerate(steps):
        name, side = f"o{order}", "buy" if buy else "sell"
        who = {"investor_account": SUSPECT if mine else "other"}
        if kind == "place":
            events.append(tape.placed(number, name, side, price, quantity, **who))
        elif kind == "cancel":
            events.append(tape.cancelled(number, name, side, **who))
        elif kind == "change":
            events.append(tape.changed(number, name, quantity, side, price=price, **who))
        elif kind == "trade":
            events.append(tape.trade(number, price, quantity, maker_order_id=name))
        elif kind == "fill":
            events.append(tape.filled(number, name, side, **who))
        elif kind == "remove":
            events.append(tape.removed(number, name, side, **who))
        else:
            events.append(
                tape.snapshot(
                    number,
                    bid_order_ids=(name,),
                    bid_prices=(price,),
                    bid_quantities=(float(quantity),),
                )
            )
    return events


def _stands(books: OrderBooks, event: Record) -> dict[tuple[bool, float], float]:
    book = books.of(event)  # pyright: ignore[reportArgumentType]
    return {
        (buy, key * side.sign): quantity
        for buy in (True, False)
        for side in (book.side(buy),)
        for key, quantity in side.quantities.items()
        if quantity
    }


@settings(max_examples=200)
@given(st.lists(_STEP, max_size=40), st.integers(0, 40))
def test_what_is_played_again_is_the_book_at_every_moment(
    steps: list[tuple[str, int, bool, float, int, bool]], since: int
) -> None:
    events = _flow(steps)
    found = scenes(events, since=since - 0.5)
    books = OrderBooks()
    for number, event in enumerate(events):
        books.apply(event, books.of(event))  # pyright: ignore[reportArgumentType]
        if number < since:
            continue
        shown = played(found[0], number - since + 1)
        stands = _stands(books, event)
        assert {place: level[0] for place, level in shown.items()} == stands
        for (buy, price), (_, theirs) in shown.items():
            own = sum(
                order.quantity
                for order in books.of(event).orders.values()  # pyright: ignore
                if (order.buy, order.price) == (buy, price) and order.account == SUSPECT
            )
            assert isclose(theirs, own, abs_tol=1e-9)


@settings(max_examples=100)
@given(
    st.lists(
        st.lists(st.tuples(st.booleans(), _PRICES, st.integers(0, 5)), min_size=1, max_size=4),
        max_size=20,
    ),
    st.sampled_from([None, 2]),
)
def test_what_is_played_again_is_the_book_of_a_feed_by_level(
    updates: list[list[tuple[bool, float, int]]], depth: int | None
) -> None:
    tape = Tape()
    first = tape.snapshot(0, bid_prices=(9.0,), bid_quantities=(1.0,), depth=depth)
    events: list[BookSnapshot | BookUpdate] = [first]
    for number, levels in enumerate(updates, 1):
        bids = [(price, float(quantity)) for buy, price, quantity in levels if buy]
        asks = [(price, float(quantity)) for buy, price, quantity in levels if not buy]
        events.append(
            tape.update(
                number,
                bid_prices=tuple(price for price, _ in bids),
                bid_quantities=tuple(quantity for _, quantity in bids),
                ask_prices=tuple(price for price, _ in asks),
                ask_quantities=tuple(quantity for _, quantity in asks),
            )
        )
    found, books = scene(events), OrderBooks()
    for number, event in enumerate(events, 1):
        books.apply(event, books.of(event))
        shown = {place: level[0] for place, level in played(found, number).items()}
        assert shown == _stands(books, event)

"""Whose trades before a reference time are called marking it, and whose aren't."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.auction_orders import AuctionOrders
from detections.correlators.auction_orders import Parameters as AuctionParameters
from detections.correlators.marking_the_close import MarkingTheClose, Parameters
from detections.correlators.marking_the_open import MarkingTheOpen
from detections.correlators.marking_the_open import Parameters as OpenParameters
from normalizer.reference_book import ReferenceBook
from normalizer.session_stamps import SessionStamps
from pipeline.reference_changes import change_of
from pipeline.reference_records import Venue, moment
from pipeline.venue_sessions import ReferenceTime, Session
from tests.detections.samples import START, Tape

S = 1_000.0
MIN = 60 * S
HOUR = 60 * MIN
#: START is midnight; the venue closes at one o'clock, after an auction of five minutes.
CLOSE = HOUR
VENUE = Venue(
    id="demo-venue",
    sessions=(
        Session(phase="continuous", start="00:00", end="00:55", days=("thu", "fri")),
        Session(phase="closing-auction", start="00:55", end="01:00", days=("thu", "fri")),
    ),
    references=(
        ReferenceTime(name="fixing", at="00:55", days=("thu", "fri")),
        ReferenceTime(name="close", at="01:00", purpose="close", days=("thu", "fri")),
    ),
)
FIXING = 55 * MIN


def stamped(events: list[Any], venue: Venue = VENUE) -> list[Any]:
    book = ReferenceBook()
    book.put("files", change_of(venue), venue)
    stamps = SessionStamps(book)
    stamps.settle()
    stamps.stamp(events)
    return events


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = MarkingTheClose(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def usual(tape: Tape, until: float = 49 * MIN) -> list[Any]:
    """A trade a minute, one cent up, one down, among many."""
    return [
        tape.trade(
            n * MIN, 10 + (n % 2) / 100, 10, side="buy" if n % 2 else "sell",
            buyer_account=f"b-{n % 7}", seller_account=f"s-{n % 5}",
        )
        for n in range(round(until / MIN))
    ]  # fmt: skip


def mark(tape: Tape, at: float, *, account: str = "x", to: float = 10.1, **more: Any) -> list[Any]:
    """Five purchases in as many seconds, up to a price."""
    return [
        tape.trade(
            at + n * S, 10.01 + (to - 10.01) * (n + 1) / 5, 20,
            **{"side": "buy", "buyer_account": account, "seller_account": "s-9", **more},
        )
        for n in range(5)
    ]  # fmt: skip


def after(tape: Tape, at: float = FIXING) -> list[Any]:
    return [tape.trade(at + MIN, 10, 10, side="sell", buyer_account="b", seller_account="s")]


def test_it_is_said_after_the_time_with_the_trades() -> None:
    assert moment("2026-01-01T00:00:00Z") == START
    tape = Tape()
    events = stamped([*usual(tape), *mark(tape, FIXING - 30 * S), *after(tape)])
    (finding,) = found(events)
    assert finding.entities == ("x",)
    assert finding.metrics["share"] == 1
    assert finding.metrics["pushed"] == pytest.approx(1, abs=0.2)
    assert finding.metrics["traded_last"] == 1
    assert [one.id for one in finding.witnesses] == [one.id for one in events[-6:-1]]
    assert "before fixing" in finding.reason


def test_who_comes_last_is_seen_though_hundreds_came_before() -> None:
    tape = Tape()
    crowd = [
        tape.trade(
            49 * MIN + n * S / 4, 10, 0.1, side="buy",
            buyer_account=f"early-{n}", seller_account="s-9",
        )
        for n in range(600)
    ]  # fmt: skip
    late = [
        tape.trade(
            FIXING - 2 * MIN + n * S / 4, 10, 0.1, side="buy",
            buyer_account=f"late-{n}", seller_account="s-9",
        )
        for n in range(600)
    ]  # fmt: skip
    events = [*usual(tape), *crowd, *late, *mark(tape, FIXING - 30 * S, to=10.4), *after(tape)]
    events = sorted(stamped(events), key=lambda event: event.timestamp)
    detection = MarkingTheClose(Parameters())
    findings = list[Finding]()
    for event in events:
        findings += detection.observe(event)
        for window in detection.state.windows.values():
            assert len(window.parties) <= 500
            assert window.who.keys() == window.parties.keys()
    assert "x" in [finding.entities[0] for finding in findings]


def test_the_last_seconds_alone_count_as_athenas_did() -> None:
    tape = Tape()
    others = [
        tape.trade(FIXING - 4 * MIN + n * S, 10.01, 60, side="buy", buyer_account=f"o-{n}",
                   seller_account=f"p-{n}")
        for n in range(20)
    ]  # fmt: skip
    events = [*usual(tape), *others, *mark(tape, FIXING - 8 * S), *after(tape)]
    (finding,) = found(stamped(events))
    assert finding.metrics["share"] < 0.1
    assert finding.metrics["end_share"] == 1


def one_order(tape: Tape) -> list[Any]:
    events = mark(tape, FIXING - 30 * S)
    for event in events:
        event.timestamp = events[0].timestamp
    return [*usual(tape), *events, *after(tape)]


def small_mark(tape: Tape) -> list[Any]:
    events = mark(tape, FIXING - 30 * S)
    for event in events:
        event.quantity = 8.0
    return [*usual(tape), *events, *after(tape)]


def small_holder(tape: Tape) -> list[Any]:
    events = held(tape)
    for event in events[-4:-1]:
        event.quantity = 60.0
    return events


def sold_before(tape: Tape) -> Any:
    return tape.trade(0, 10, 300, side="sell", buyer_account="o", seller_account="x")


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("long before", lambda t: [*usual(t), *mark(t, FIXING - 5 * MIN - 10 * S), *after(t)]),
        ("a single order", one_order),
        ("less than is usual there", small_mark),
        ("after it", lambda t: [*usual(t), *after(t), *mark(t, FIXING + 2 * S)]),
        ("too short a way", lambda t: [*usual(t), *mark(t, FIXING - 30 * S, to=10.03), *after(t)]),
        (
            "many buyers",
            lambda t: [
                *usual(t),
                *(
                    one
                    for n in range(5)
                    for one in mark(t, FIXING - 40 * S + n * 6 * S, account=f"i-{n}")
                ),
                *after(t),
            ],
        ),
        (
            "it made the market and took nothing",
            lambda t: [*usual(t), *mark(t, FIXING - 30 * S, side="sell"), *after(t)],
        ),
        (
            "it buys and sells",
            lambda t: [
                *usual(t),
                *mark(t, FIXING - 40 * S),
                *mark(t, FIXING - 30 * S, account="y", seller_account="x"),
                *after(t),
            ],
        ),
        (
            "it bought all hour long",
            lambda t: [
                *(
                    t.trade(n * MIN, 10 + n / 10_000, 20, side="buy", buyer_account="x",
                            seller_account="s")
                    for n in range(54)
                ),
                *mark(t, FIXING - 30 * S),
                *after(t),
            ],
        ),
        (
            "others moved the price",
            lambda t: [
                *usual(t),
                *mark(t, FIXING - 40 * S, account="o"),
                *(
                    t.trade(FIXING - 20 * S + n, 10.1, 100, side="buy", buyer_account="x",
                            seller_account="s")
                    for n in range(4)
                ),
                *after(t),
            ],
        ),
        (
            "prices always go so far there",
            lambda t: [
                *(
                    t.trade(n * MIN, 10 + (n % 5) / 10, 10, side="buy", buyer_account=f"b-{n}",
                            seller_account="s")
                    for n in range(50)
                ),
                *mark(t, FIXING - 30 * S, to=10.5),
                *after(t),
            ],
        ),
        ("hardly anybody trades there", lambda t: [*usual(t)[:9], *mark(t, FIXING - 30 * S)]),
    ],
)  # fmt: skip
def test_what_marks_nothing(why: str, events: Any) -> None:
    assert found(stamped(events(Tape()))) == [], why


def test_a_purchase_in_the_auction_is_no_mark() -> None:
    tape = Tape()
    auction = mark(tape, CLOSE - 30 * S)
    assert found(stamped([*usual(tape), *auction, *after(tape, CLOSE)])) == []


def test_accounts_of_a_cluster_are_one_party() -> None:
    tape = Tape()
    parts = [
        one
        for n in range(5)
        for one in mark(tape, FIXING - 60 * S + n * 5 * S, account=f"x-{n}", buyer_cluster="CL")
    ]
    (finding,) = found(stamped([*usual(tape), *parts, *after(tape)]))
    assert finding.entities[-1] == "CL"
    assert len(finding.witnesses) == 25


def test_downwards_and_again_on_another_day_it_is_surer() -> None:
    tape = Tape()

    def day(number: int) -> list[Any]:
        events = usual(tape)
        events += [
            tape.trade(
                FIXING - 30 * S + n * S, 9.98 - n / 50, 20, side="sell", seller_account="x",
                buyer_account="b-9",
            )
            for n in range(5)
        ]  # fmt: skip
        events += after(tape)
        for event in events:
            event.timestamp += number * 24 * 3_600 * 10**9
        return stamped(events)

    first, second = found([*day(0), *day(1)])
    assert "x sold 100" in first.reason
    assert "the price fell" in first.reason
    assert second.confidence > first.confidence
    assert second.metrics["times"] == 2


def shifted(events: list[Any], days: int) -> list[Any]:
    for event in events:
        event.timestamp += days * 24 * 3_600 * 10**9
    return events


def marked(tape: Tape, days: int) -> list[Any]:
    return shifted([*usual(tape), *mark(tape, FIXING - 30 * S), *after(tape)], days)


def as_rebuilt(events: list[Any], **parameters: Any) -> list[Finding]:
    """What comes of the last day, where the state is lost before it and rebuilt."""
    began = events[-1].timestamp - 2 * 3_600 * 10**9
    reach = MarkingTheClose(Parameters(**parameters)).horizon
    since = [one for one in events if one.timestamp >= began - reach]
    return found(since, **parameters)[-1:]


def test_a_rebuilt_state_knows_who_was_found_on_days_before() -> None:
    tape = Tape()
    events = stamped([*marked(tape, 0), *marked(tape, 7), *marked(tape, 28)])
    (third,) = found(events)[2:]
    assert third.metrics["times"] == 3
    assert as_rebuilt(events) == [third]


def test_a_rebuilt_state_knows_who_bought_long_ago() -> None:
    tape = Tape()
    purchase, *rest = held(tape)
    events = stamped([purchase, *shifted(rest, 28)])
    (finding,) = found(events, finds="holder")
    assert finding.metrics["position_before"] == 200
    assert as_rebuilt(events, finds="holder") == [finding]


def test_who_was_found_long_ago_counts_as_found_for_the_first_time() -> None:
    tape = Tape()
    first, second = found(stamped([*marked(tape, 0), *marked(tape, 42)]))
    assert [one.metrics["times"] for one in (first, second)] == [1, 1]


def test_where_nobody_trades_after_it_an_order_tells_that_it_is_over() -> None:
    tape = Tape()
    order = tape.placed(FIXING + S, "o-1", "buy", 10, 5)
    events = [*usual(tape), *mark(tape, FIXING - 30 * S), order]
    assert len(found(stamped(events))) == 1


def test_without_a_calendar_the_day_ends_at_midnight_unless_said_otherwise() -> None:
    tape = Tape()
    events = [*usual(tape), *mark(tape, FIXING - 30 * S), *after(tape)]
    for event in events:
        event.timestamp += (24 * 60 - 55) * 60 * 10**9
    (finding,) = found(events)
    assert "before daily" in finding.reason
    assert found(events, daily_reference=None) == []
    assert found(stamped(events)) == []  # its calendar has no such time


def test_a_market_without_accounts_is_odd_at_most() -> None:
    tape = Tape()
    nobody = {"buyer_account": None, "seller_account": None}
    events = usual(tape)
    for event in events:
        event.buyer_account = event.seller_account = None
    events += [*mark(tape, FIXING - 30 * S, **nobody), *mark(tape, FIXING - 9 * S, **nobody)]
    events += after(tape)
    assert found(stamped(events)) == []
    (finding,) = found(events, finds="market")
    assert finding.entities == ("ACME-USD",)
    assert finding.confidence < 0.5


def run_through(
    *, back: float = 10.0, times: int = 6, against: float = 0, **more: Any
) -> list[Any]:
    """Of nobody who is named: purchases at ever higher prices before the fixing, and one sale."""
    tape = Tape()
    nobody: dict[str, Any] = {"buyer_account": None, "seller_account": None}
    events = usual(tape)
    for event in events:
        event.buyer_account = event.seller_account = None
    at = FIXING - 120 * S
    told = {"side": "buy", **nobody, **more}
    for n in range(times):
        events.append(tape.trade(at + 10 * n * S, 10.02 + n / 100, 120 / times, **told))
        if n == 2 and against:
            sale = {**nobody, "side": "sell"}
            events.append(tape.trade(at + (10 * n + 5) * S, 10.01, against, **sale))
    events.append(tape.trade(FIXING - 20 * S, 10.0, 5, **{**told, "side": "sell"}))
    return stamped([*events, *after(tape)])


ONE_SIDED: dict[str, Any] = {
    "finds": "market",
    "minimum_move": 0.001,
    "minimum_usual_moves": 0.5,
    "minimum_side_share": 0.75,
    "minimum_volume": 2.0,
}


def test_a_price_run_through_by_one_side_is_odd_though_others_push_it_back() -> None:
    (finding,) = found(run_through(), **ONE_SIDED)
    assert finding.reason == (
        "in the last 5 min before fixing others bought 120 ACME-USD on demo-venue at 6 times, 100% "
        "of all that was traded meanwhile, and but for the largest 2.2 times the quantity that is "
        "usual; the price rose by 0.5% to 10.07, and ended at 10"
    )
    assert found(run_through(), **{**ONE_SIDED, "minimum_side_share": None}) == []


def test_a_run_of_one_side_is_far_more_than_usual_at_several_times_and_goes_far() -> None:
    least = {**ONE_SIDED, "minimum_volume": 2.2}
    assert len(found(run_through(), **least)) == 1
    assert found(run_through(), **{**ONE_SIDED, "minimum_volume": 2.3}) == []
    assert len(found(run_through(times=4), **{**ONE_SIDED, "minimum_volume": 1})) == 1
    assert found(run_through(times=3), **{**ONE_SIDED, "minimum_volume": 1}) == []
    assert found(run_through(), **{**ONE_SIDED, "minimum_move": 0.0026}) == []


def test_who_comes_in_on_both_sides_runs_nothing_through() -> None:
    assert len(found(run_through(against=40), **ONE_SIDED)) == 1
    assert found(run_through(against=41), **ONE_SIDED) == []


def test_where_the_feed_does_not_tell_who_came_in_there_is_no_run() -> None:
    assert found(run_through(side=None), **ONE_SIDED) == []


def test_saved_and_restored_anywhere_it_finds_the_same() -> None:
    tape = Tape()
    events = stamped([*usual(tape), *mark(tape, FIXING - 30 * S), *after(tape)])
    whole = found(events)
    for cut in range(len(events)):
        one, other = MarkingTheClose(Parameters()), MarkingTheClose(Parameters())
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole
    assert not MarkingTheClose(Parameters()).state.windows


def test_a_run_of_one_side_goes_on_after_a_restart() -> None:
    events, told = run_through(), Parameters(**ONE_SIDED)
    whole = found(events, **ONE_SIDED)
    assert len(whole) == 1
    for cut in range(len(events) - 12, len(events)):
        one, other = MarkingTheClose(told), MarkingTheClose(told)
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole


# -- orders that are pulled from an auction --------------------------------------------------------


def auction(events: list[Any], **parameters: Any) -> list[Finding]:
    """What is found once the auction has its price, of 10."""
    detection = AuctionOrders(AuctionParameters(**parameters))
    priced = Tape().trade(CLOSE + 9 * S, 10, 1, trade_id="auction", id="auction")
    whole = stamped([*events, priced])
    found = [finding for event in whole[:-1] for finding in detection.observe(event)]
    assert not found, "it isn't known yet what is put in again"
    found = list(detection.observe(whole[-1]))
    assert not detection.state.auctions
    return found


def pulled(
    tape: Tape, *, placed: float = CLOSE - 3 * MIN, cancelled: float = CLOSE - 5 * S,
    quantity: float = 500, price: float = 10.2, **more: Any,
) -> list[Any]:  # fmt: skip
    events: list[Any] = [tape.trade(0, 10, 1)]
    events += [
        tape.placed(56 * MIN + n * S, f"o-{n}", "buy", 10, 100, investor_account=f"a-{n}")
        for n in range(6)
    ]
    fields = {"investor_account": "x", **more}
    events.append(tape.placed(placed, "x", "buy", price, quantity, **fields))
    events.append(tape.cancelled(cancelled, "x", **fields))
    return sorted(events, key=lambda one: one.timestamp)


def test_a_large_order_pulled_seconds_before_the_close() -> None:
    tape = Tape()
    (finding,) = auction(pulled(tape))
    assert finding.entities == ("x",)
    assert finding.metrics["share"] == pytest.approx(500 / 1_100)
    assert [one.orders for one in finding.witnesses] == [("x",), ("x",)]


@pytest.mark.parametrize(
    "otherwise",
    [
        {"cancelled": CLOSE - 16 * S},
        {"placed": CLOSE - 34 * S, "cancelled": CLOSE - 5 * S},
        {"quantity": 190},
        {"price": 9.9},
        {"placed": CLOSE - 7 * MIN},  # it waited since before the auction
        {"cancelled": CLOSE + S},
    ],
)
def test_what_is_pulled_otherwise_is_none(otherwise: dict[str, float]) -> None:
    assert auction(pulled(Tape(), **otherwise)) == []


@pytest.mark.parametrize(
    ("price", "quantity", "count"),
    [(10.1, 500, 0), (9.96, 500, 0), (9.9, 500, 1), (10.1, 200, 0), (10.1, 190, 1)],
    ids=["higher", "lower", "out of reach", "two fifths of it", "less of it"],
)
def test_what_is_put_in_again_is_not_pulled(price: float, quantity: float, count: int) -> None:
    tape = Tape()
    again = tape.placed(CLOSE - 4 * S, "x2", "buy", price, quantity, investor_account="x")
    events = sorted([*pulled(tape), again], key=lambda one: one.timestamp)
    assert len(auction(events)) == count
    other = tape.placed(CLOSE - 4 * S, "x2", "buy", price, quantity, investor_account="z")
    assert len(auction(sorted([*pulled(tape), other], key=lambda one: one.timestamp))) == 1


def test_an_eighth_is_enough_of_who_stays_on_the_other_side() -> None:
    tape = Tape()
    few = pulled(tape, quantity=100)
    assert auction(few) == []
    stays = tape.placed(CLOSE - 2 * MIN, "y", "sell", 10.1, 30, investor_account="x")
    assert len(auction(sorted([*few, stays], key=lambda one: one.timestamp))) == 1


def test_an_auction_without_a_trade_is_judged_by_the_last_price_a_minute_later() -> None:
    tape = Tape()
    detection = AuctionOrders(AuctionParameters())
    later = [tape.placed(CLOSE + at * S, f"l{at}", "buy", 10, 1) for at in (30, 61)]
    counts = [len(list(detection.observe(one))) for one in stamped([*pulled(tape), *later])]
    assert counts[-2:] == [0, 1]


def test_orders_on_the_other_side_make_it_surer_and_no_account_less_sure() -> None:
    tape = Tape()
    (alone,) = auction(pulled(tape))
    stays = tape.placed(CLOSE - 2 * MIN, "y", "sell", 10.1, 300, investor_account="x")
    events = sorted([*pulled(tape), stays], key=lambda one: one.timestamp)
    (both,) = auction(events)
    (nameless,) = auction(pulled(tape, investor_account=None))
    assert nameless.confidence < alone.confidence < both.confidence
    assert nameless.reason.startswith("Somebody")


# -- who holds a position and trades last ----------------------------------------------------------


def held(tape: Tape, *, position: float = 200, price: float = 10.006, **more: Any) -> list[Any]:
    """Bought before, and three more just before the fixing, a little above the average."""
    bought = tape.trade(0, 10, position, side="buy", buyer_account="x", seller_account="s-9")
    last = [
        tape.trade(
            FIXING - 60 * S + n * 20 * S, price, 80,
            **{"side": "buy", "buyer_account": "x", "seller_account": "s-9", **more},
        )
        for n in range(3)
    ]  # fmt: skip
    return [bought, *usual(tape), *last, *after(tape)]


def test_who_holds_a_position_and_trades_last_needs_no_far_move() -> None:
    events = stamped(held(Tape()))
    assert found(events) == []
    (finding,) = found(events, finds="holder")
    assert finding.entities == ("x",)
    assert finding.metrics["position_before"] == 200
    assert "it holds 200 more" in finding.reason
    far = stamped(held(Tape(), price=10.2))
    assert len(found(far)) == 1
    assert found(far, finds="holder") == []  # it is the other rule's


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("it holds nothing", lambda t: held(t)[1:]),
        ("a small quantity", small_holder),
        ("it ended below the average", lambda t: held(t, price=10.001)),
        ("it rests, and others come in", lambda t: held(t, side="sell")),
        (
            "another traded last",
            lambda t: [
                *held(t)[:-1],
                t.trade(FIXING - S, 10.006, 30, side="buy", buyer_account="o", seller_account="s"),
                *after(t),
            ],
        ),
        ("it sold what it held", lambda t: [sold_before(t), *held(t)]),
    ],
)
def test_what_no_holder_did(why: str, events: Any) -> None:
    assert found(stamped(events(Tape())), finds="holder") == [], why


# -- the open --------------------------------------------------------------------------------------


def opened(
    tape: Tape, *, at: float = 20 * S, to: float = 10.06, orders: int = 5, **more: Any
) -> list[Any]:
    first = tape.trade(S, 10, 10, side="buy", buyer_account="b", seller_account="s")
    own = [
        tape.trade(
            at + n * 5 * S, 10 + (to - 10) * (n + 1) / orders, 10,
            **{"side": "buy", "buyer_account": "x", "seller_account": "s", **more},
        )
        for n in range(orders)
    ]  # fmt: skip
    later = tape.trade(6 * MIN, to, 10, side="sell", buyer_account="b", seller_account="s")
    return stamped([first, *own, later])


def opens(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = MarkingTheOpen(OpenParameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def test_who_makes_the_first_price_is_named_when_the_first_minutes_are_over() -> None:
    events = opened(Tape())
    (finding,) = opens(events)
    assert finding.entities == ("x",)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert [one.id for one in finding.witnesses] == [one.id for one in events[1:-1]]


@pytest.mark.parametrize(
    "otherwise",
    [{"to": 10.02}, {"orders": 2}, {"at": 5 * MIN}, {"side": "sell"}, {"seller_account": "x"}],
)
def test_what_makes_no_first_price(otherwise: dict[str, Any]) -> None:
    assert opens(opened(Tape(), **otherwise)) == []


def test_what_others_trade_at_its_price_makes_its_part_no_smaller() -> None:
    tape = Tape()
    *first, last = opened(tape)
    others = [
        tape.trade(MIN + n * S, 10.06, 50, side="buy", buyer_account="b", seller_account="s")
        for n in range(20)
    ]
    (finding,) = opens([*first, *stamped(others), last])
    assert finding.metrics["share"] == pytest.approx(1)
    assert finding.metrics["share_of_all"] == pytest.approx(50 / 60)
    assert "100% of all that was traded from its first order to its last" in finding.reason
    # Between its orders they count.
    meanwhile = [
        tape.trade(22 * S + n, 10, 50, side="buy", buyer_account="b", seller_account="s")
        for n in range(2)
    ]
    assert opens([*first[:2], *stamped(meanwhile), *first[2:], last]) == []


def test_what_waited_overnight_makes_its_part_no_smaller_unless_it_is_nearly_all() -> None:
    tape = Tape()
    first, *own, last = opened(tape)
    waited = [
        tape.trade(S + n, 10, 40, side="buy", buyer_account="b", seller_account="s")
        for n in range(10)
    ]
    (finding,) = opens([first, *stamped(waited[:4]), *own, last])
    assert finding.metrics["share"] == pytest.approx(1)
    assert finding.metrics["share_of_all"] == pytest.approx(50 / 220)
    assert opens([first, *stamped(waited), *own, last]) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_that_others_bring_back_while_it_goes_on_was_marked_all_the_same(sign: int) -> None:
    tape = Tape()
    first, *_, last = opened(tape)
    it = {"buyer_account": "x", "seller_account": "s", "side": "buy"}
    if sign < 0:
        it = {"buyer_account": "s", "seller_account": "x", "side": "sell"}
    pushes = (0.02, 0.04, 0.06)
    own = [tape.trade((20 + n) * S, 10 + sign * push, 10, **it) for n, push in enumerate(pushes)]
    back = tape.trade(30 * S, 10, 1, side="sell", buyer_account="b", seller_account="m")
    again = tape.trade(31 * S, 10 + sign * 0.01, 10, **it)
    (finding,) = opens([first, *stamped([*own, back, again]), last])
    assert finding.metrics["price"] == pytest.approx(10 + sign * 0.06)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert finding.metrics["orders"] == 4


def test_what_is_sold_to_it_later_makes_its_part_no_larger() -> None:
    tape = Tape()
    *first, last = opened(tape)
    others = tape.trade(22 * S, 10, 60, side="buy", buyer_account="b", seller_account="s")
    later = tape.trade(MIN, 10.06, 45, side="sell", buyer_account="x", seller_account="s")
    events = [*first[:2], *stamped([others]), *first[2:], *stamped([later]), last]
    (finding,) = opens(events)
    assert finding.metrics["share"] == pytest.approx(50 / 110)
    # Sold again, it is no part.
    back = tape.trade(MIN, 10.06, 45, side="buy", buyer_account="b", seller_account="x")
    assert opens([*events[:-2], *stamped([back]), last]) == []


def test_alone_in_the_market_it_makes_no_price_and_without_a_calendar_there_is_no_open() -> None:
    events = opened(Tape())
    assert opens(events[1:]) == []
    for event in events:
        event.phase = event.phase_began = None
    assert opens(events) == []


def test_what_is_usual_there_counts() -> None:
    tape = Tape()
    day = [
        tape.trade(n * MIN, 10 + (n % 9) / 50, 1, side="buy", buyer_account="b", seller_account="s")
        for n in range(300)
    ]
    venue = Venue(
        id="demo-venue",
        sessions=(Session(phase="continuous", start="00:00", end="06:00", days=("thu", "fri")),),
    )
    events = opened(tape)
    for event in events:
        event.timestamp += 24 * 3_600 * 10**9
    assert len(opens(stamped(events, venue))) == 1
    assert opens(stamped([*day, *events], venue)) == []


def test_an_open_is_the_same_saved_and_restored_anywhere() -> None:
    events = opened(Tape())
    whole = opens(events)
    for cut in range(len(events)):
        one, other = MarkingTheOpen(OpenParameters()), MarkingTheOpen(OpenParameters())
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole

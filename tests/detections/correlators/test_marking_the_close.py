"""Whose trades before a reference time are called marking it, and whose aren't."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.marking_the_close import MarkingTheClose, Parameters
from pipeline.reference_records import moment
from pipeline.units import SECOND
from tests.detections.correlators.closes import (
    CLOSE,
    FIXING,
    MIN,
    S,
    after,
    as_rebuilt,
    found,
    mark,
    shifted,
    stamped,
    usual,
)
from tests.detections.samples import START, Tape


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


def by_turns(tape: Tape, until: float = 49 * MIN) -> list[Any]:
    """Offers of 10.05 are taken by turns with bids of 9.95, by many: nothing moves."""
    return [
        tape.trade(
            n * MIN / 2, 10.05 if n % 2 else 9.95, 5, side="buy" if n % 2 else "sell",
            buyer_account=f"b-{n % 7}", seller_account=f"s-{n % 5}",
        )
        for n in range(round(2 * until / MIN))
    ]  # fmt: skip


def test_purchases_and_sales_by_turns_are_no_move_of_the_price() -> None:
    tape = Tape()
    (finding,) = found(
        stamped([*by_turns(tape), *mark(tape, FIXING - 30 * S, to=10.12), *after(tape)])
    )
    assert finding.metrics["usual_change"] == 0
    assert finding.metrics["change"] == pytest.approx(0.009, abs=0.002)


def test_a_price_that_a_party_ran_through_is_told_wherever_others_brought_it() -> None:
    def run(to: float, first: float = 10.01) -> list[Any]:
        tape = Tape()
        own = [
            tape.trade(
                FIXING - 90 * S + n * S, first + (to - first) * n / 4, 20, side="buy",
                buyer_account="x", seller_account="s-9",
            )
            for n in range(5)
        ]  # fmt: skip
        back = [
            tape.trade(FIXING - 50 * S + n, 10, 4, side="sell", buyer_account="b", seller_account=s)
            for n, s in enumerate("abc")
        ]
        again = tape.trade(
            FIXING - 20 * S, 10.01, 20, side="buy", buyer_account="x", seller_account="s-9"
        )
        return stamped([*usual(tape), *own, *back, again, *after(tape)])

    (finding,) = found(run(10.06))
    assert finding.metrics["price"] == 10.01
    assert finding.metrics["change"] == pytest.approx(10.06 / 10.01 - 1)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert "the price rose by 0.5%, 100% of it by its own trades, and ended at 10.01" in (
        finding.reason
    )
    assert found(run(10.03)) == []  # not far
    assert found(run(10.06, first=10.06)) == []  # it was there when the party came in


def test_in_the_last_seconds_it_counts_from_where_the_party_came_in() -> None:
    """Others had pushed the price the other way just before."""

    def pushed_back(helped: float) -> list[Any]:
        tape = Tape()
        down, up = (
            tape.trade(FIXING - at * S, price, 2, side=side, buyer_account="o", seller_account="p")
            for at, price, side in ((9, 9.92, "sell"), (8, 9.92 + helped, "buy"))
        )
        own = [
            tape.trade(
                FIXING - 7 * S + n * S, 9.93 + n / 100, 20, side="buy", buyer_account="x",
                seller_account="s-9",
            )
            for n in range(5)
        ]  # fmt: skip
        # What others push between its orders is not its own.
        amid = [
            tape.trade(one.timestamp / 1e6 - START / 1e6 - 500, one.price - 0.01 + helped, 1,
                       side="buy", buyer_account="o", seller_account="p")
            for one in own
        ]  # fmt: skip
        merged = sorted([*own, *amid], key=lambda one: one.timestamp)
        return stamped([*usual(tape), down, up, *merged, *after(tape)])

    told = {"window": 10 * SECOND, "end": 2 * SECOND, "minimum_usual_moves": 0.1}
    (finding,) = found(pushed_back(0), **told)
    assert finding.metrics["price"] < 10  # where it was as the last seconds began
    assert finding.metrics["change"] == pytest.approx(9.97 / 9.93 - 1)
    assert finding.metrics["pushed"] == pytest.approx(1)
    assert found(pushed_back(0.008), **told) == []


def test_who_holds_the_price_in_the_last_seconds_is_told_where_nobody_asks_how_far_it_went() -> (
    None
):
    def held(tape: Tape) -> list[Any]:
        there = tape.trade(
            FIXING - 11 * S, 10.01, 1, side="buy", buyer_account="o", seller_account="p"
        )
        own = mark(tape, FIXING - 8 * S, to=10.01)
        return stamped([*usual(tape), there, *own, *after(tape)])

    told = {"window": 10 * SECOND, "end": 2 * SECOND, "minimum_move": 0.0}
    (finding,) = found(held(Tape()), **told)
    assert finding.metrics["change"] == 0
    assert "the price went no further, and ended at 10.01" in finding.reason
    assert finding.reason.startswith("x bought 100 ")
    assert found(held(Tape()), **{**told, "minimum_move": 0.0002}) == []


def test_who_holds_a_position_is_told_though_the_price_went_far() -> None:
    tape = Tape()
    bought = tape.trade(0, 10, 300, side="buy", buyer_account="x", seller_account="s-9")
    marks = [*mark(tape, FIXING - 40 * S), *mark(tape, FIXING - 30 * S, to=10.2)]
    events = stamped([*usual(tape, 40 * MIN), *marks, *after(tape)])
    bought.timestamp = events[0].timestamp - 2 * 3_600 * 10**9  # before the hour
    events = [bought, *events]
    (moved,) = found(events)
    (finding,) = found(events, finds="holder")
    assert moved.entities == finding.entities == ("x",)
    assert finding.metrics["position_before"] == 300


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
                *(
                    t.trade(FIXING - 20 * S + n, 10.1, 25, side="buy", buyer_account=f"y-{n}",
                            seller_account="x")
                    for n in range(4)
                ),
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
                    t.trade(n * MIN, 10 + (n % 7) / 10, 10, side="buy", buyer_account=f"b-{n}",
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


def marked(tape: Tape, days: int) -> list[Any]:
    return shifted([*usual(tape), *mark(tape, FIXING - 30 * S), *after(tape)], days)


def test_a_rebuilt_state_knows_who_was_found_on_days_before() -> None:
    tape = Tape()
    events = stamped([*marked(tape, 0), *marked(tape, 7), *marked(tape, 28)])
    (third,) = found(events)[2:]
    assert third.metrics["times"] == 3
    assert as_rebuilt(events) == [third]


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

"""When large orders that come and go beside a small one are called spoofing, and when not."""

from typing import Any

import pytest

from detections.correlators.spoofing_attempts import MOST_PARTIES, Parameters, SpoofingAttempts
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, alerts, correlator

SPOOFER = {"investor_account": "acct-12", "investor_id": "INV-0031", "investor_cluster": "CL-1"}


def market(tape: Tape) -> list[Any]:
    """What others show: 10,000 on each side."""
    return [
        tape.placed(0, "b1", "buy", 10.01, 4_000, investor_account="m1"),
        tape.placed(0, "b2", "buy", 10.00, 6_000, investor_account="m2"),
        tape.placed(0, "a1", "sell", 10.05, 4_000, investor_account="m1"),
        tape.placed(0, "a2", "sell", 10.06, 6_000, investor_account="m2"),
    ]


def attempt(
    tape: Tape,
    number: int,
    *,
    every: float = 2_000,
    size: float = 1_000,
    small: float = 200,
    lived: float = 300,
    side: str = "sell",
    bait_first: bool = False,
    **more: Any,
) -> list[Any]:
    """A small order, three large ones on the other side, and all of them off again."""
    start, party = 1_000 + number * every, {**SPOOFER, **more}
    other = "buy" if side == "sell" else "sell"
    prices = (10.06, 10.05, 10.04) if side == "sell" else (10.0, 10.01, 10.02)
    bait = tape.placed(
        start, f"s{number}", other, 10.02 if other == "buy" else 10.04, small, **party
    )
    large = [
        tape.placed(start + 10 + n * 10, f"l{number}-{n}", side, price, size, **party)
        for n, price in enumerate(prices)
    ]
    off = tape.cancelled(start + lived, f"s{number}", other, remaining=small, **more)
    gone = [
        tape.cancelled(start + lived, f"l{number}-{n}", side, remaining=size, **more)
        for n in range(3)
    ]
    return [bait, *large, *([off, *gone] if bait_first else [*gone, off])]


def attempts(tape: Tape, number: int = 4, **more: Any) -> list[Any]:
    return [event for n in range(number) for event in attempt(tape, n, **more)]


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("spoofing_attempts", parameters), events)


def test_it_says_who_tried_how_often_with_the_numbers() -> None:
    tape = Tape()
    (alert,) = found([*market(tape), *attempts(tape)])
    assert alert.reason == (
        "acct-12 (INV-0031) placed and cancelled 12 orders of ACME-USD on demo-venue in 4 attempts "
        "within 6.29 s, 3,000 each time on average (30% of the depth of their side), gone within "
        "0.29 s and all but unfilled, while it showed 200 at most on the other side"
    )
    assert alert.entities == ("acct-12", "INV-0031", "CL-1")
    assert alert.metrics["attempts"] == 4
    assert alert.metrics["depth_share"] == pytest.approx(0.3)
    # From the second time on their placing is kept as well.
    assert len(alert.evidence_events) == 3 + 3 * 6
    assert set(alert.evidence_orders) == {f"l{n}-{m}" for n in range(4) for m in range(3)}


def test_three_times_are_too_few_and_eight_are_two_alerts() -> None:
    tape = Tape()
    assert found([*market(tape), *attempts(tape, 3)]) == []
    assert len(found([*market(tape), *attempts(tape, 3)], "{minimum_attempts: 3}")) == 1
    tape = Tape()
    first, second = found([*market(tape), *attempts(tape, 8)])
    assert second.confidence > first.confidence
    assert not set(first.evidence_events) & set(second.evidence_events)


def test_first_one_side_and_then_the_other() -> None:
    tape = Tape()
    events = [
        event for n in range(4) for event in attempt(tape, n, side="sell" if n % 2 else "buy")
    ]
    assert len(found([*market(tape), *events])) == 1


def test_it_makes_no_difference_that_the_small_order_goes_first_or_is_filled() -> None:
    tape = Tape()
    events = [*market(tape), *attempts(tape, 5, bait_first=True)]
    assert len(found(events)) == 1  # of the first attempt it isn't known yet
    tape = Tape()
    events = market(tape)
    for n in range(5):
        *some, off = attempt(tape, n)
        fill = tape.trade(
            1_200 + n * 2_000, 10.02, 200, side="sell", maker_order_id=f"s{n}",
            buyer_account="acct-12", buyer_id="INV-0031", buyer_cluster="CL-1", seller_account="x",
        )  # fmt: skip
        events += [*some[:4], fill, *some[4:]] if n else [*some, off]
    first, second = found(events)  # those in which it traded count twice
    assert (first.metrics["attempts"], second.metrics["attempts"]) == (3, 2)


def test_where_nobody_else_shows_anything_nobody_is_misled() -> None:
    tape = Tape()
    own = [
        tape.placed(place, f"own-{place}", "sell", 10.05 + place / 100, quantity, **SPOOFER)
        for place, quantity in enumerate((0.2, 0.1, 0.1))  # of which floats leave something over
    ]
    bid = tape.placed(0, "b1", "buy", 10.00, 100, investor_account="m1")
    assert found([bid, *own, *attempts(tape, size=2, small=0.1)]) == []


def shown_while_trading(
    tape: Tape, number: int = 2, *, traded_at: float = 500, quantity: float = 200
) -> list[Any]:
    """One large offer, and a purchase while it stands: of what others offer."""
    events: list[Any] = []
    for n in range(number):
        at = 1_000 + n * 20_000
        bought = tape.trade(
            at + traded_at, 10.05, quantity, side="buy", maker_order_id="a1",
            buyer_account="acct-12", buyer_id="INV-0031", buyer_cluster="CL-1", seller_account="m1",
        )  # fmt: skip
        gone = tape.cancelled(at + 1_500, f"l{n}", "sell", remaining=3_000)
        events.append(tape.placed(at, f"l{n}", "sell", 10.06, 3_000, **SPOOFER))
        events += [bought, gone] if traded_at < 1_500 else [gone, bought]
    return events


def test_where_it_traded_on_the_other_side_twice_are_enough() -> None:
    tape = Tape()
    (alert,) = found([*market(tape), *shown_while_trading(tape)])
    assert "in 2 attempts within 21.5 s" in alert.reason
    assert "while it showed or traded 200 at most on the other side" in alert.reason
    assert alert.metrics["attempts_with_trades"] == 2
    tape = Tape()
    assert found([*market(tape), *shown_while_trading(tape, 1)]) == []


def test_a_sliver_traded_on_its_own_side_hides_nothing() -> None:
    tape = Tape()
    events = market(tape)
    sold = {"seller_account": "acct-12", "seller_id": "INV-0031", "seller_cluster": "CL-1"}
    for n in range(2):
        placed, bought, gone = shown_while_trading(tape, number=n + 1)[-3:]
        at = 1_600 + n * 20_000
        sliver = tape.trade(at, 10.01, 1, side="sell", maker_order_id="b1", **sold)
        events += [placed, bought, sliver, gone]
    assert len(found(events)) == 1


def test_a_sliver_taken_off_on_its_own_side_hides_nothing() -> None:
    tape = Tape()
    events = market(tape)
    for n in range(5):
        bait, *large, off, one, two, three = attempt(tape, n, bait_first=True)
        at = 1_290 + n * 2_000
        sliver = [
            tape.placed(at, f"sliver-{n}", "sell", 10.06, 1, **SPOOFER),
            tape.cancelled(at + 10, f"sliver-{n}", "sell", remaining=1),
        ]
        events += [bait, *large, sliver[0], off, sliver[1], one, two, three]
    assert len(found(events)) == 1


def test_a_trade_before_or_after_or_as_large_is_another_matter() -> None:
    for change in ({"traded_at": -1_500}, {"traded_at": 1_600}, {"quantity": 700}):
        tape = Tape()
        assert found([*market(tape), *shown_while_trading(tape, 3, **change)]) == []


def test_a_sliver_in_their_stead_hides_nothing() -> None:
    tape = Tape()
    events = market(tape)
    for n in range(4):
        events += attempt(tape, n)
        events.append(tape.placed(1_320 + n * 2_000, f"x{n}", "sell", 10.06, 1, **SPOOFER))
    assert len(found(events)) == 1


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({"size": 600}, "{minimum_depth_share: 18%, minimum_multiple: 5}"),
        ({"small": 700}, "{minimum_multiple: 4}"),
        ({"lived": 2_050, "every": 3_000}, "{maximum_lifetime: 3s}"),
        ({"every": 21_000}, "{window: 2m}"),
        ({"investor_labels": ("market_maker",)}, "{exempt_labels: []}"),
    ],
)
def test_each_condition_counts(change: dict[str, Any], parameters: str) -> None:
    tape = Tape()
    events = [*market(tape), *attempts(tape, **change)]
    asked = "{exempt_labels: [market_maker]}" if "investor_labels" in change else "{}"
    assert found(events, asked) == []
    assert len(found(events, parameters)) == 1


class TestHonestLookAlikes:
    def test_who_shows_nothing_on_the_other_side_may_have_changed_his_mind(self) -> None:
        tape = Tape()
        events = [one for one in attempts(tape, 8) if not one.order_id.startswith("s")]
        assert found([*market(tape), *events]) == []

    def test_who_quotes_alike_on_both_sides_makes_a_market(self) -> None:
        tape = Tape()
        assert found([*market(tape), *attempts(tape, 8, small=3_000)]) == []

    def test_who_has_another_there_at_once_moves_a_quote(self) -> None:
        tape = Tape()
        assert found([*market(tape), *attempts(tape, 8, every=350)]) == []
        tape = Tape()
        assert len(found([*market(tape), *attempts(tape, 8, every=450)])) == 2

    def test_who_leaves_as_much_there_deceives_nobody_with_what_he_takes_off(self) -> None:
        tape = Tape()
        rests = tape.placed(500, "rests", "sell", 10.05, 1_000, **SPOOFER)
        assert found([*market(tape), rests, *attempts(tape, 8)]) == []

    def test_orders_that_were_filled_were_meant(self) -> None:
        tape = Tape()
        events = market(tape)
        for n in range(8):
            bait, *large, gone1, gone2, gone3, off = attempt(tape, n)
            fills = [
                tape.trade(
                    1_200 + n * 2_000, price, 101, side="buy", maker_order_id=f"l{n}-{place}",
                    seller_account="acct-12", buyer_account="x",
                )
                for place, price in enumerate((10.06, 10.05, 10.04))
            ]  # fmt: skip
            events += [bait, *large, *fills, gone1, gone2, gone3, off]
        assert found(events) == []

    def test_where_a_feed_names_no_accounts_nothing_is_found(self) -> None:
        tape = Tape()
        nobody = dict.fromkeys(SPOOFER)
        assert found([*market(tape), *attempts(tape, 8, **nobody)]) == []


def test_a_gap_makes_it_unsure() -> None:
    tape = Tape()
    sure = found([*market(tape), *attempts(tape)])[0]
    tape = Tape()
    events = [*market(tape), *attempts(tape)]
    events.insert(len(events) - 10, tape.gap(6_000))
    (alert,) = found(events)
    assert "unsure" in alert.tags
    assert alert.confidence == pytest.approx(0.6 * sure.confidence, abs=1e-3)


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    assert_the_same_after_a_restart(
        correlator("spoofing_attempts"), [*market(tape), *attempts(tape, 8)]
    )


def test_what_is_kept_is_bounded_and_forgotten() -> None:
    tape, attempting = Tape(), SpoofingAttempts(Parameters())

    def see(event: Any) -> None:
        attempting.books.move(event)
        assert list(attempting.observe(event)) == []

    for event in market(tape):
        see(event)
    for number in range(200):
        who: dict[str, Any] = {name: f"{value}-{number}" for name, value in SPOOFER.items()}
        for event in attempt(tape, number, every=10, **who):
            see(event)
    state = attempting.state
    assert 0 < len(state.series) <= min(200, MOST_PARTIES)
    see(tape.placed(200_000, "later", "buy", 10.0, 1, investor_account="m1"))
    assert state.series == {}

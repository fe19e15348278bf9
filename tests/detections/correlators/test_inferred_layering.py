"""What can be said of layers on feeds without accounts, and what can't."""

from operator import attrgetter
from typing import Any

import pytest

from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

PRICES = (9.98, 9.97, 9.96)


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("inferred_layering", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


class ByOrder:
    """Three bids, somebody who buys, and the three are cancelled one after the other."""

    def market(self, tape: Tape) -> list[Any]:
        return [
            tape.placed(0, "b1", "buy", 10.0, 1000),
            tape.placed(0, "b2", "buy", 9.99, 4000),
            tape.placed(0, "a1", "sell", 10.05, 9000),
        ]

    def come(self, tape: Tape, at: float, number: int, size: float) -> list[Any]:
        return [
            tape.placed(at + 50 * place, f"s{number}-{place}", "buy", price, size)
            for place, price in enumerate(PRICES)
        ]

    def go(self, tape: Tape, at: float, number: int, apart: float) -> list[Any]:
        return [
            tape.cancelled(at + apart * place, f"s{number}-{place}") for place in range(len(PRICES))
        ]

    def more(self, tape: Tape, at: float, name: str, price: float, size: float) -> Any:
        return tape.placed(at, name, "buy", price, size)


class ByLevel:
    """The same, as a feed of levels has it."""

    def market(self, tape: Tape) -> list[Any]:
        return [
            tape.snapshot(
                0,
                bid_prices=(10.0, 9.99),
                bid_quantities=(1000.0, 4000.0),
                ask_prices=(10.05,),
                ask_quantities=(9000.0,),
            )
        ]

    def come(self, tape: Tape, at: float, number: int, size: float) -> list[Any]:
        return [
            tape.update(at + 50 * place, bid_prices=(price,), bid_quantities=(size,))
            for place, price in enumerate(PRICES)
        ]

    def go(self, tape: Tape, at: float, number: int, apart: float) -> list[Any]:
        return [
            tape.update(at + apart * place, bid_prices=(price,), bid_quantities=(0.0,))
            for place, price in enumerate(PRICES)
        ]

    def more(self, tape: Tape, at: float, name: str, price: float, size: float) -> Any:
        return tape.update(at, bid_prices=(price,), bid_quantities=(size,))


@pytest.fixture(params=[ByOrder(), ByLevel()], ids=["by order", "by level"])
def feed(request: pytest.FixtureRequest) -> Any:
    return request.param


def cycle(
    feed: Any,
    tape: Tape,
    start: float,
    number: int,
    *,
    size: float = 1000,
    apart: float = 4,
    lives: float = 1000,
    bought: float | None = 900,
    sold: float | None = None,
) -> list[Any]:
    """One set; somebody buys so long after its coming, or sells so long after its going."""
    events = [*feed.come(tape, start, number, size)]
    if bought is not None:
        events.append(tape.trade(start + bought, 10.05, 10, side="buy"))
    events += feed.go(tape, start + lives, number, apart)
    if sold is not None:
        events.append(tape.trade(start + lives + 2 * apart + sold, 10.0, 10, side="sell"))
    return events


def tape_of(feed: Any, times: int = 2, every: float = 60_000, **more: Any) -> list[Any]:
    tape = Tape()
    events = feed.market(tape)
    for number in range(times):
        events += cycle(feed, tape, 10_000 + number * every, number, **more)
    return [*events, tape.trade(10_000 + times * every, 10.05, 1, side="sell")]


def test_twice_is_a_pattern(feed: Any) -> None:
    (alert,) = found(tape_of(feed))
    assert alert.reason == (
        "2 times within 61 s orders of one side of demo-venue came together and went unfilled at "
        "once, with nothing in their stead, 2 of these with trades; last 3 bids of 3,000 ACME-USD "
        "from 9.96 to 9.98, 38% of their side, after 1 s, within 0.008 s; others bought just "
        "before (the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert 0.35 < alert.confidence < 0.45
    assert len(alert.evidence_events) == 2 * 7 + 1  # with the one that settles it


def test_once_is_none(feed: Any) -> None:
    assert found(tape_of(feed, 1)) == []
    assert len(found(tape_of(feed, 1), "{minimum_times: 1}")) == 1


def test_it_is_told_again_after_as_many_more(feed: Any) -> None:
    first, second = found(tape_of(feed, 5))
    assert (first.metrics["times"], second.metrics["times"]) == (2, 4)
    assert first.confidence < second.confidence
    assert set(first.evidence_events[:-1]).isdisjoint(second.evidence_events)


def test_who_goes_on_and_on_is_told_when_it_has_doubled(feed: Any) -> None:
    told = found(tape_of(feed, 16, every=20_000))
    assert [alert.metrics["times"] for alert in told] == [2, 4, 8, 16]


def test_the_rest_is_told_once_the_series_is_over(feed: Any) -> None:
    def until(last: float, times: int = 5, every: float = 60_000) -> list[Any]:
        events = tape_of(feed, times, every)[:-1]
        return [*events, Tape().trade(last, 10.05, 1, side="sell", id="last")]

    ended = 10_000 + 4 * 60_000 + 1008
    assert [one.metrics["times"] for one in found(until(ended + 119_999))] == [2, 4]
    first, second, rest = found(until(ended + 120_000))  # twice its longest pause
    assert rest.metrics["times"] == 5
    # What was told isn't evidence again, but for the event that made it known.
    assert len(rest.evidence_events) == 7 + 1
    told = (*first.evidence_events[:-1], *second.evidence_events[:-1])
    assert set(rest.evidence_events).isdisjoint(told)
    # A minute at least, and the whole window at most.
    ended = 10_000 + 2 * 5_000 + 1008
    assert len(found(until(ended + 59_999, 3, 5_000))) == 1
    assert len(found(until(ended + 60_000, 3, 5_000))) == 2
    ended = 10_000 + 4 * 110_000 + 1008
    assert len(found(until(ended + 149_999, 5, 110_000), "{window: 150s}")) == 2
    # What never was told is no series.
    assert found(until(1_000_000, 1)) == []


def test_it_is_the_set_that_must_not_be_filled() -> None:
    def filled(*quantities: float) -> list[Any]:
        tape = Tape()
        events = ByOrder().market(tape)
        for number in range(2):
            start = 10_000 + number * 60_000
            parts = cycle(ByOrder(), tape, start, number)
            sold = [
                tape.trade(
                    start + 500 + place,
                    PRICES[place],
                    quantity,
                    side="sell",
                    maker_order_id=f"s{number}-{place}",
                )
                for place, quantity in enumerate(quantities)
            ]
            events += [*parts[:3], *sold, *parts[3:]]
        return [*events, tape.trade(400_000, 10.05, 1, side="sell")]

    (alert,) = found(filled(300))  # a tenth of all
    assert alert.metrics["orders"] == 3
    assert found(filled(301)) == []
    assert found(filled(200, 101)) == []
    # What was mostly traded wasn't pulled, and two are no set.
    assert found(filled(501), "{maximum_fill_share: 100%}") == []
    assert len(found(filled(500), "{maximum_fill_share: 100%}")) == 1


def test_so_is_what_comes_too_seldom_goes_too_late_or_not_together(feed: Any) -> None:
    assert found(tape_of(feed, every=599_500)) == []
    assert found(tape_of(feed, lives=30_001, bought=29_900)) == []
    assert found(tape_of(feed, apart=26)) == []
    assert len(found(tape_of(feed, apart=25))) == 1


def test_what_is_small_is_no_layer(feed: Any) -> None:
    whole = "{minimum_equal_share: 20%}"
    assert found(tape_of(feed, size=416), whole) == []  # 1,248 of 6,248
    assert len(found(tape_of(feed, size=417), whole)) == 1


def test_of_one_quantity_less_is_large(feed: Any) -> None:
    assert found(tape_of(feed, size=294)) == []  # 882 of 5,882
    assert len(found(tape_of(feed, size=295))) == 1


def test_who_is_drawn_in_buys_just_before(feed: Any) -> None:
    assert found(tape_of(feed, bought=None)) == []
    assert found(tape_of(feed, bought=499)) == []
    assert len(found(tape_of(feed, bought=500))) == 1
    assert len(found(tape_of(feed, bought=None), "{needs_trade: false, minimum_significance: 0}"))


def test_who_is_run_over_sells_right_after(feed: Any) -> None:
    (alert,) = found(tape_of(feed, bought=None, sold=50))
    assert "; somebody sold right after (the feed" in alert.reason
    assert found(tape_of(feed, bought=None, sold=51)) == []


def test_makers_have_others_there_at_once(feed: Any) -> None:
    def moved(after: float) -> list[Any]:
        tape = Tape()
        events = feed.market(tape)
        for number in range(2):
            start = 10_000 + number * 60_000
            events += cycle(feed, tape, start, number)
            for place in range(2):
                price = 9.95 - place / 100 - number / 10
                at = start + 1008 + after
                events.append(feed.more(tape, at, f"m{number}-{place}", price, 1000))
        return [*events, tape.trade(200_000, 10.05, 1, side="sell")]

    assert found(moved(250)) == []
    assert len(found(moved(251))) == 1


def test_makers_take_both_sides_off() -> None:
    tape = Tape()
    events = ByOrder().market(tape)
    for number in range(3):
        start = 10_000 + number * 60_000
        for place in range(3):
            at = start + 10 * place
            events.append(tape.placed(at, f"o{number}-{place}", "sell", 10.1 + place / 100, 1000))
        events += cycle(ByOrder(), tape, start, number)
        events += [tape.cancelled(start + 1009, f"o{number}-{place}", "sell") for place in range(3)]
    events.append(tape.trade(400_000, 10.05, 1, side="sell"))
    events.sort(key=attrgetter("timestamp"))
    assert found(events) == []
    told = found(events, "{maximum_opposite: 101%}")
    assert [one.metrics["times"] for one in told] == [2, 3]  # the rest at the end


def test_the_quantities_must_be_alike() -> None:
    def of(*sizes: float) -> list[Any]:
        tape = Tape()
        events = ByOrder().market(tape)
        for number in range(2):
            start = 10_000 + number * 60_000
            events += [
                tape.placed(start + place, f"s{number}-{place}", "buy", PRICES[place], size)
                for place, size in enumerate(sizes)
            ]
            events.append(tape.trade(start + 900, 10.05, 10, side="buy"))
            events += ByOrder().go(tape, start + 1000, number, 4)
        return [*events, tape.trade(400_000, 10.05, 1, side="sell")]

    assert len(found(of(1000, 700, 900))) == 1
    assert found(of(1000, 690, 900)) == []
    # Those that are less than a fifth of their side must be of one quantity.
    assert len(found(of(300, 297, 300))) == 1
    assert found(of(300, 296, 300)) == []


def test_in_a_market_that_trades_all_the_time_it_means_nothing(feed: Any) -> None:
    tape = Tape()
    events = feed.market(tape)
    for number in range(15):
        at = 10_000 + 40_000.0 * number
        events += cycle(feed, tape, at, number, bought=None)
    events += [tape.trade(400 * place, 10.05, 1, side="buy") for place in range(1_550)]
    events.sort(key=attrgetter("timestamp"))
    assert found(events) == []
    assert found(events, "{minimum_significance: 0}") != []


def test_a_set_that_was_traded_was_meant() -> None:
    tape = Tape()
    events = ByLevel().market(tape)
    for number in range(3):
        start = 10_000 + number * 60_000
        parts = cycle(ByLevel(), tape, start, number)
        sold = [
            tape.trade(start + 1000 + 4 * place, price, 1000, side="sell")
            for place, price in enumerate(PRICES)
        ]
        # Trades may come before their level has changed, or after.
        events += [*parts[:4], *((*sold, *parts[4:]) if number % 2 else (*parts[4:], *sold))]
    events.append(tape.trade(400_000, 10.05, 1, side="sell"))
    assert found(events) == []


def test_where_others_joined_a_level_the_trade_with_them_is_theirs() -> None:
    """Flipped against: bids of one level are cancelled, and others' there are sold to at once."""
    tape = Tape()
    events: list[Any] = [
        tape.snapshot(
            0,
            bid_prices=(10.0, 9.99, 9.98),
            bid_quantities=(500.0, 500.0, 500.0),
            ask_prices=(10.05,),
            ask_quantities=(9000.0,),
        )
    ]
    for number in range(2):
        start = 10_000 + number * 60_000
        for place, price in enumerate((10.0, 9.99, 9.98)):
            at = start + 10 * place
            events.append(tape.update(at, bid_prices=(price,), bid_quantities=(1500.0,)))
        for place, price in enumerate((10.0, 9.99, 9.98)):
            at = start + 1000 + place
            events.append(tape.update(at, bid_prices=(price,), bid_quantities=(500.0,)))
        events += [
            tape.trade(start + 1004, 10.0, 400, side="sell"),
            tape.update(start + 1004, bid_prices=(10.0,), bid_quantities=(100.0,)),
            tape.update(start + 5000, bid_prices=(10.0,), bid_quantities=(500.0,)),
        ]
    events.append(tape.trade(400_000, 10.05, 1, side="sell"))
    (alert,) = found(events)
    assert alert.metrics["met"] == 2


def test_of_named_accounts_nothing_is_said_here() -> None:
    tape = Tape(investor_account="acct-1")
    feed = ByOrder()
    events = feed.market(tape)
    for number in range(3):
        events += cycle(feed, tape, 10_000 + number * 60_000, number)
    assert found(events) == []


def test_over_a_gap_nothing_is_known(feed: Any) -> None:
    events = tape_of(feed)
    for place in (len(events) - 4, 5):
        moment = events[place].timestamp
        events.insert(place, Tape().gap(0, timestamp=moment, id=f"gap-{place}"))
    assert found(events) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same(feed: Any) -> None:
    assert_the_same_after_a_restart(rule(), tape_of(feed, 3))
    rest = Tape().trade(400_000, 10.05, 1, side="sell", id="rest")
    assert_the_same_after_a_restart(rule(), [*tape_of(feed, 5), rest])

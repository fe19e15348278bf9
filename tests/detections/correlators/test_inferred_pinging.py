"""Small orders of one quantity, and then a large trade, of nobody who is named."""

from operator import attrgetter
from typing import Any

import msgspec
import pytest

from detections.rules import RuleSet
from normalizer.events import Alert
from normalizer.events.market import OrderPlaced
from pipeline.units import SECOND
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

BEGIN = 250_000


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("inferred_pinging", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def quiet(tape: Tape, until: float = BEGIN) -> list[Any]:
    """Ten are traded every ten seconds."""
    return [tape.trade(at, 10.0, 10, side="sell") for at in range(0, int(until), 10_000)]


def ping(
    tape: Tape, at: float, name: str, *, side: str = "buy", size: float = 1, lives: float = 50
) -> list[Any]:
    return [
        tape.placed(at, name, side, 9.99 if side == "buy" else 10.01, size),
        tape.cancelled(at + lives, name, side, remaining=size),
    ]


def pinged(
    pings: int = 12,
    *,
    every: float = 4_000,
    size: float = 1,
    lives: float = 50,
    against: int = 0,
    before: int = 0,
    after: float = 5_000,
    large: float = 50,
    side: str = "buy",
    trade: dict[str, Any] | None = None,
    **common: Any,
) -> list[Any]:
    tape = Tape(**common)
    events = quiet(tape)
    for number in range(before):
        events += ping(tape, 4_000 * number + 5, f"q{number}")
    events.sort(key=attrgetter("timestamp"))
    for number in range(pings):
        at = BEGIN + every * number
        events += ping(tape, at, f"p{number}", size=size, lives=lives)
        if number < against:
            events += ping(tape, at + 100, f"o{number}", side="sell", size=size)
    end = BEGIN + every * (pings - 1) + lives
    return [*events, tape.trade(end + after, 10.0, large, side=side, **(trade or {}))]


def test_twelve_and_then_a_large_trade() -> None:
    (alert,) = found(pinged())
    assert alert.reason == (
        "12 orders to buy 1 ACME-USD each came and went at once on demo-venue, or took just that, "
        "within 44 s, where 0 of one quantity are usual in 60 s; and within 5 s after the last of "
        "them somebody bought 50 (the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert len(alert.evidence_events) == 12 + 1


def test_eleven_are_too_few() -> None:
    assert found(pinged(11)) == []
    assert len(found(pinged(11), "{minimum_pings: 11}")) == 1


def test_so_are_those_that_come_too_slowly_stay_too_long_or_are_not_small() -> None:
    assert found(pinged(every=5_455)) == []
    assert found(pinged(lives=501)) == []
    assert found(pinged(size=2.6)) == []
    assert len(found(pinged(size=2.5))) == 1


def test_what_comes_faster_than_once_a_second_is_stuffing() -> None:
    assert found(pinged(60, every=100)) == []
    assert len(found(pinged(24, every=500))) == 1


def test_what_takes_as_little_counts_with_them() -> None:
    tape = Tape()
    events = quiet(tape)
    for number in range(12):
        at = BEGIN + 4_000 * number
        if number % 3:
            events += ping(tape, at, f"p{number}")
        else:
            events.append(tape.trade(at, 10.0, 1, side="buy"))
    events.append(tape.trade(300_000, 10.0, 50, side="buy"))
    (alert,) = found(events)
    assert alert.metrics["pings"] == 12


@pytest.mark.parametrize(
    ("order", "later", "told"),
    [(True, 0, False), (True, 3, False), (False, 0, False), (False, 3, True)],
)
def test_what_an_order_takes_in_parts_is_no_small_order(
    order: bool, later: float, told: bool
) -> None:
    """It takes from whoever rests there, a small one each, and each is a trade."""
    tape = Tape()
    events = quiet(tape)
    for number in range(12):
        at, named = BEGIN + 4_000 * number, {"taker_order_id": f"t{number}"} if order else {}
        events += [tape.trade(at + part, 10.0, 1, side="buy", **named) for part in (0, later)]
    events.append(tape.trade(300_000, 10.0, 50, side="buy"))
    assert bool(found(events)) is told


@pytest.mark.parametrize(("apart", "told"), [(0, True), (3, False)])
def test_nor_do_such_parts_say_what_is_usual(apart: float, told: bool) -> None:
    tape = Tape()
    events = quiet(tape)
    for number in range(65):
        at = 120_700 + 2_000 * number
        events += [tape.trade(at + part, 10.0, 1, side="buy") for part in (0, apart)]
    events.sort(key=attrgetter("timestamp"))
    for number in range(12):
        events += ping(tape, BEGIN + 4_000 * number, f"p{number}")
    events.append(tape.trade(300_000, 10.0, 50, side="buy"))
    assert bool(found(events)) is told


def test_the_large_trade_comes_soon_the_same_way_and_is_large() -> None:
    assert found(pinged(after=30_001)) == []
    assert found(pinged(side="sell")) == []
    assert found(pinged(large=49)) == []
    assert len(found(pinged(after=30_000))) == 1


def test_a_large_trade_may_come_in_parts_within_a_second() -> None:
    events = pinged(large=20)
    tape = Tape()
    tape.number = 1_000
    last = events[-1].timestamp
    for more in range(1, 3):
        events.append(tape.trade(0, 10.0, 20, side="buy", timestamp=last + more * 10**8))
    (alert,) = found(events)
    assert alert.metrics["quantity"] == 60


def test_who_shows_both_sides_tests_a_line_or_quotes() -> None:
    assert found(pinged(against=7)) == []
    assert len(found(pinged(against=6))) == 1


def test_where_such_orders_come_and_go_all_day_long_it_means_nothing() -> None:
    assert found(pinged(before=60)) == []
    assert len(found(pinged(before=60), "{minimum_growth: 0}")) == 1


def test_before_it_is_known_what_is_usual_nothing_is_said() -> None:
    events = pinged()
    known = [one for one in events if one.timestamp >= events[0].timestamp + 130 * SECOND]
    assert len(found(known)) == 1
    late = [one for one in events if one.timestamp >= events[0].timestamp + 140 * SECOND]
    assert found(late) == []


@pytest.mark.parametrize("name", ["buyer_account", "seller_id", "buyer_cluster"])
def test_of_who_is_named_nothing_is_said_here(name: str) -> None:
    assert found(pinged(trade={name: "acct-1"})) == []


@pytest.mark.parametrize("name", ["investor_account", "investor_id", "investor_cluster"])
def test_nor_of_orders_of_who_is_named(name: str) -> None:
    named = [
        msgspec.structs.replace(one, **{name: "acct-1"}) if isinstance(one, OrderPlaced) else one
        for one in pinged()
    ]
    assert found(named) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), pinged())

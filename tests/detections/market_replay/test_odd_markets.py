"""Markets that nobody drew by hand: extreme numbers, late events, hostile names, huge books."""

import re
from itertools import product

import pytest

from detections.market_replay import recording
from detections.market_replay.page import render
from detections.market_replay.printed import printed
from detections.market_replay.scene import Scene
from normalizer.events import AlertUpdate, Record
from normalizer.events.alert_update import AlertStatus
from normalizer.events.market import BookSnapshot
from tests.detections.market_replay.scenes import (
    SUSPECT,
    alert,
    heights_of_trades,
    played,
    scene,
    scenes,
)
from tests.detections.market_replay.test_page import packed
from tests.detections.market_replay.test_recording import spoof
from tests.detections.samples import MILLISECOND, START, Tape, swap

MINE = {"investor_account": SUSPECT}
EXTREMES = (0.0, -5.0, 1e308, -1.7e308, 1.7e308, 1e-300, 5e-324, 100.0)


def no_number(text: str) -> list[str]:
    """Attributes that hold what is no number."""
    return re.findall(r'="[^"<>]*\b(?:nan|inf)\b[^"<>]*"', text)


def both(found: list[Scene]) -> str:
    return render([alert()], found) + printed([alert()], found)


@pytest.mark.parametrize(("first", "second"), list(product(EXTREMES, repeat=2)))
def test_any_price_and_any_quantity_is_drawn(first: float, second: float) -> None:
    tape = Tape()
    prices: list[Record] = [
        tape.placed(0, "a", "buy", first, 1, **MINE),
        tape.placed(1, "b", "sell", second, 1, **MINE),
        tape.trade(2, first, 1),
        tape.cancelled(3, "a", **MINE),
    ]
    assert no_number(both(scenes(prices))) == []
    quantities: list[Record] = [
        tape.placed(0, "a", "buy", 10, first, **MINE),
        tape.placed(1, "b", "sell", 11, second),
        tape.trade(2, 10, first),
        tape.trade(3, 10, second),
    ]
    assert no_number(both(scenes(quantities))) == []
    swaps: list[Record] = [
        swap(1, side="buy", price=first, quantity=second, pool_price=second),
        swap(2, side="sell", price=second, quantity=first),
    ]
    assert no_number(both(scenes(swaps))) == []


def test_tiny_prices_are_told_apart() -> None:
    tape = Tape()
    page = both(scenes([tape.trade(0, 1.2e-10, 1), tape.trade(1, 1.6e-10, 1)]))
    assert "at 1.2e-10, " in page
    assert ">1.4e-10</text>" in page


def test_names_of_any_length_are_cut() -> None:
    long = "n" * 100_000
    tape = Tape(instrument=long, venue=long)
    one = alert(entities=(long,))
    events = [
        tape.placed(0, f"{long}1", "buy", 10, 1, investor_account=long),
        tape.placed(1, f"{long}2", "sell", 11, 1, investor_account=long),
        tape.trade(2, 10, 1, trade_id=long, buyer_account=long, seller_account=long),
    ]
    found = scenes(events, one)
    assert len(render([one], found)) < 60_000
    assert len(printed([one], found)) < 30_000


def test_a_book_that_is_told_whole_again_and_again_is_kept_by_its_changes() -> None:
    tape, events = Tape(), list[BookSnapshot]()
    prices = tuple(10.0 - number / 1_000 for number in range(1_000))
    for number in range(20):
        quantities = (float(number + 1), *(1.0 for _ in prices[1:]))
        events.append(tape.snapshot(number, bid_prices=prices, bid_quantities=quantities))
    found = scene(events)
    assert [len(one.levels) for one in found.moments] == [1_000, *[1] * 19]
    for number in (1, 7, 20):
        assert played(found, number)[True, 10.0] == (number, 0)
        assert len(played(found, number)) == 1_000


def test_books_that_change_whole_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_CHANGES", 25)
    tape = Tape()
    events = [
        tape.snapshot(
            number,
            bid_prices=tuple(number + level / 100 for level in range(10)),
            bid_quantities=(1.0,) * 10,
        )
        for number in range(5)
    ]
    found = scene([*events, tape.trade(9, 10, 1)])
    assert (len(found.moments), found.left_out) == (1, 5)


def test_what_comes_late_is_seen_when_it_comes() -> None:
    tape = Tape()
    events: list[Record] = [
        tape.placed(10, "a", "buy", 10, 1, **MINE),
        tape.placed(20, "b", "buy", 9, 1),
        tape.cancelled(5, "a", **MINE),
        tape.placed(15, "c", "sell", 11, 1, **MINE),
    ]
    found = scene(events)
    times = [one.time for one in found.quotes]
    assert times == sorted(times)
    for life in found.lives:
        assert all(one.since <= one.until for one in life.stretches)
    assert "for -" not in render([alert()], [found])


def test_a_gap_that_is_told_twice_is_one() -> None:
    tape = Tape()
    first = tape.trade(0, 10, 1)
    gap = tape.gap(5, instrument="*")
    assert len(scenes([first, gap, gap])[0].gaps) == 1


def test_evidence_counts_also_where_it_cannot_be_played() -> None:
    one = alert(evidence_events=("event-3", "event-7"))
    found = scene(spoof(Tape()), one, most_moments=2)
    assert found.evidence == {"event-3", "event-7"}
    page = render([one], [found])
    assert "What the alert rests on here: 2 events" in page
    assert 'class="alarm"><title>' in page


def test_of_two_sources_of_one_market_it_is_said_whose_each_is() -> None:
    one, other = Tape(provider="fix"), Tape(provider="feed")
    found = scenes([one.trade(0, 10, 1), other.trade(1, 10, 1, id="event-b")])
    assert [each.title for each in found] == [
        "ACME-USD on demo-venue, as feed tells it",
        "ACME-USD on demo-venue, as fix tells it",
    ]


def test_orders_far_from_the_market_are_drawn_where_an_alert_rests_on_them() -> None:
    tape = Tape()
    events: list[Record] = [
        tape.trade(0, 100, 1),
        tape.trade(1, 100.1, 1),
        tape.placed(2, "far", "buy", 80, 9, **MINE),
        tape.placed(3, "further", "buy", 1, 9, **MINE),
        tape.placed(4, "idle", "buy", 81, 9, **MINE),
    ]
    one = alert(evidence_orders=("far", "further"))
    page = render([one], [scene(events, one)])
    bars = re.findall(r'y="([-\d.]+)"[^>]*class="own order buy evidence"><title>', page)
    assert sorted(52 <= float(y) <= 330 for y in bars) == [False, True]
    assert "1 order in evidence is beyond the picture, at 1." in page


@pytest.mark.parametrize("price", [1e308, 100_000.0, 0.0001])
def test_one_absurd_price_leaves_the_market_to_be_seen(price: float) -> None:
    tape = Tape()
    trades: list[Record] = [tape.trade(n, 100 + n % 5, 1) for n in range(20)]
    trades.insert(7, tape.trade(6.5, price, 1))
    page = render([alert()], [scene(trades)])
    heights = heights_of_trades(page)
    inside = [one for one in heights if 52 <= one <= 330]
    assert (len(inside), len(heights)) == (20, 21)
    assert all(45 <= one <= 337 for one in heights), "it stands at the edge"
    assert max(inside) - min(inside) > 150
    assert "1 trade is beyond the picture, at " in page


def test_so_it_does_where_a_book_says_what_the_market_is() -> None:
    tape = Tape()
    events: list[Record] = [
        tape.placed(0, "bid", "buy", 99, 9),
        tape.placed(1, "ask", "sell", 101, 9),
        tape.placed(2, "theirs", "buy", 98, 9, **MINE),
        tape.trade(3, 5_000, 1),
    ]
    page = render([alert()], [scene(events)])
    assert "1 trade is beyond the picture, at 5,000." in page
    (y,) = re.findall(r'y="([-\d.]+)"[^>]*class="own order buy[^"]*"><title>', page)
    assert 52 <= float(y) <= 330


def test_the_day_is_said_where_there_are_several() -> None:
    tape = Tape()
    day = 24 * 3_600_000
    found = scene([tape.trade(0, 10, 1), tape.trade(3 * day + 1, 11, 1)], until=4 * day)
    page = render([alert()], [found])
    assert "from somebody at 11, 01-04 00:00:00.001, trade-2" in page
    assert "2026-01-01 to 2026-01-04, event time, UTC" in page
    assert packed(page)["with_day"]


def test_times_are_as_exact_as_they_differ() -> None:
    tape = Tape()
    page = render([alert()], scenes([tape.trade(0, 10, 1), tape.trade(0.0125, 10, 1)]))
    assert ", 00:00:00.000012, trade-2" in page
    assert packed(page)["exact"]
    assert not packed(render([alert()], scenes([tape.trade(1, 10, 1)])))["exact"]


def test_no_label_of_the_time_axis_is_cut() -> None:
    tape = Tape()
    found = scenes([tape.trade(0, 10, 1)], until=0.4)
    texts = re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="(\w+)">([\d:.]+)</text>', both(found))
    known = [(float(x), anchor, text) for x, anchor, text in texts if text.count(":") == 2]
    assert known
    assert all(x + (7 * len(text) / 2 if anchor == "middle" else 0) <= 1_000
               for x, anchor, text in known)  # fmt: skip


def test_a_trade_with_themselves_is_a_full_star() -> None:
    """Two shapes that turn in opposite ways leave a hole where one is over the other."""
    tape = Tape()
    page = both(scenes([tape.trade(0, 10, 1, buyer_account=SUSPECT, seller_account=SUSPECT)]))
    (path,) = re.findall(r'<path d="([^"]*)" class="own deal both"><title>', page)
    # One goes down and then left, the other up and then right: both clockwise.
    turns = [
        float(tall) * float(way) < 0
        for tall, way in re.findall(r"l[-\d.]+ ([-\d.]+)h([-\d.]+)z", path)
    ]
    assert turns == [True, True]
    assert "both sides are theirs" in page


def test_the_beginning_of_the_feed_is_told_with_its_day() -> None:
    tape = Tape()
    found = scene([tape.placed(10, "a", "buy", 10, 1)])
    assert found.began == START + 10 * MILLISECOND
    assert "is of 2026-01-01 00:00:00.010: orders of before" in render([alert()], [found])


def test_of_a_feed_that_names_nobody_nothing_is_called_theirs() -> None:
    tape = Tape()
    events: list[Record] = [
        tape.placed(0, "a", "buy", 10, 5),
        tape.trade(1, 10, 1, maker_order_id="a", side="sell"),
        tape.cancelled(2, "a"),
    ]
    one = alert(entities=("demo-venue",), evidence_events=("event-1", "event-3"))
    found = scene(events, one)
    page = render([one], [found])
    assert "3 events within 1 s, with 1 order in evidence and 1 trade of these among 1" in page
    assert "No event here names whom the alert is about" in page
    assert "their bids" not in page
    assert "those in evidence at any price in front" in page
    assert packed(page)["own"] == "evidence"
    named = render([alert()], [scene(spoof(Tape()))])
    assert "their bids" in named
    assert "No event here names" not in named


def test_what_came_to_a_level_is_gone_when_less_is_there() -> None:
    """Also where an alert doesn't rest on its going."""
    tape = Tape()
    prices = {"bid_prices": (10.0,)}
    found = scene(
        [
            tape.snapshot(0, **prices, bid_quantities=(5.0,)),
            tape.update(10, **prices, bid_quantities=(25.0,)),
            tape.update(20, **prices, bid_quantities=(22.0,)),
            tape.update(30, **prices, bid_quantities=(6.0,)),
            tape.update(40, **prices, bid_quantities=(9.0,)),
        ],
        alert(evidence_events=("event-2",)),
    )
    (life,) = found.lives
    assert life.end == "gone"
    assert [(one.quantity, one.since, one.until) for one in life.stretches] == [
        (20, START + 10 * MILLISECOND, START + 30 * MILLISECOND)
    ]


def update(status: AlertStatus, alert_id: str = "alert-1") -> AlertUpdate:
    return AlertUpdate(
        id=f"update-{status}",
        timestamp=START,
        provider="demo",
        reason="the chain left",
        message=f"A rule: {status}: the chain left",
        alert_id=alert_id,
        status=status,
        rule_id="r",
        rule_name="A rule",
        level="high",
        typology="spoofing",
    )


@pytest.mark.parametrize(
    ("updates", "told"),
    [
        ((), False),
        ((update("retracted"),), True),
        ((update("retracted"), update("reinstated")), False),
        ((update("retracted", "another"),), False),
    ],
)
def test_an_alert_that_holds_no_more_is_told_as_such(
    updates: tuple[AlertUpdate, ...], told: bool
) -> None:
    found = [scene(spoof(Tape()))]
    for drawn in (render([alert()], found, updates), printed([alert()], found, updates)):
        assert ("A rule: retracted: the chain left" in drawn) is told


def test_of_several_alerts_the_gravest_level_is_told() -> None:
    first, second = alert(level="low"), alert(id="alert-2", level="critical")
    page = render([first, second], [scene(spoof(Tape()), first, second)])
    assert "<dt>level</dt><dd>critical</dd>" in page


def test_of_many_alerts_the_gravest_are_told_above_the_picture() -> None:
    many = [
        alert(id=f"a{at}", reason=f"reason {at}", level="critical" if at == 19 else "low")
        for at in range(20)
    ]
    page = render(many, [scene(spoof(Tape()), *many)])
    top = page[: page.index("and 15 more</summary>")]
    assert "reason 19" in top
    assert "reason 4" not in top
    assert "reason 4" in page

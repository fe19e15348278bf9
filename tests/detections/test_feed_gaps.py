"""What is found over a gap of a feed says so; a snapshot makes the book right again."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.recording import decode_header, decode_line, open_lines
from demo.venue.messages import Event, OrderBook
from demo.venue.replica import Replica
from detections.books.order_books import OrderBooks
from detections.engine.engine import Engine
from detections.engine.feed_gaps import MOST_GAPS, FeedGaps
from detections.offline import detect
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Alert, Record
from normalizer.events.ecs import nest
from normalizer.events.market import BookSnapshot, FeedGap, MarketEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.reference_files import load_reference
from pipeline.frames import Frame, FrameBatch, GapNotice
from pipeline.problems import Problem
from tests.detections.samples import HEADER, START, Tape, correlator
from tests.fixtures.shipped_rules import shipped_rules

SECOND = 1_000_000_000
ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "demo" / "recorded"

WASH = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2, window: 1h}")
SPOOFING = correlator("spoofing")
TRADED = """
title: A trade
name: traded
id: 0b9ad0a3-0b54-4a34-8a11-8e1d6b6f3f01
logsource: {product: tapewatch, service: venue}
detection: {s: {event.action: trade}, condition: s}
"""


def correlation(body: str) -> RuleSet:
    return parse_rules(f"{HEADER}correlation:\n{body}\n---\n{TRADED}".encode())


BURST = correlation(
    "  type: event_count\n  rules: [traded]\n  group-by: [investor.buyer.account]\n"
    "  timespan: 1m\n  condition: {gte: 2}"
)
SILENCE = correlation(
    "  type: absence\n  rules: [traded]\n  group-by: [investor.buyer.account]\n  timespan: 10s"
)


def trade(tape: Tape, second: float, who: str = "a", **more: object) -> Record:
    return tape.trade(second * 1_000, 10.0, 5.0, buyer_account=who, seller_account=who, **more)


def gap(tape: Tape, second: float, **more: object) -> FeedGap:
    return tape.gap(second * 1_000, **{"reason": "the connection was lost", **more})


def run(rules: RuleSet, events: Sequence[Record], *, lateness: int = 0) -> list[Alert]:
    engine = Engine(rules, allowed_lateness=lateness)
    alerts = [*engine.process(events), *engine.finish()]
    assert engine.take_problems() == []
    return alerts


def _refuse(problem: Problem) -> None:
    pytest.fail(str(problem))


def is_marked(alert: Alert) -> bool:
    marks = (alert.gap_source, alert.gap_start, alert.gap_end)
    assert ("unsure" in alert.tags) == (None not in marks)
    return "unsure" in alert.tags


# -- what a gap marks ------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [WASH, BURST], ids=["correlator", "correlation"])
def test_a_finding_over_a_gap_is_unsure_and_says_which_gap(rules: RuleSet) -> None:
    tape = Tape(sequence=None)
    (alert,) = run(rules, [trade(tape, 1), gap(tape, 5), trade(tape, 6)])
    assert is_marked(alert)
    assert alert.gap_source == "demo"
    assert (alert.gap_start, alert.gap_end) == (START + SECOND, START + 5 * SECOND)
    assert alert.gap_reason == "the connection was lost"
    assert alert.confidence < 1


@pytest.mark.parametrize("rules", [WASH, BURST], ids=["correlator", "correlation"])
def test_a_gap_begins_at_the_newest_event_before_it_though_no_rule_looks_at_that(
    rules: RuleSet,
) -> None:
    tape = Tape(sequence=None)
    order = tape.placed(3_000, "order", "buy", 9.0, 5.0)
    (alert,) = run(rules, [trade(tape, 1), order, gap(tape, 5), trade(tape, 6)])
    assert alert.gap_start == START + 3 * SECOND


@pytest.mark.parametrize("rules", [WASH, BURST], ids=["correlator", "correlation"])
@pytest.mark.parametrize("second", [0.5, 3], ids=["before", "after"])
def test_a_gap_before_or_after_marks_nothing(rules: RuleSet, second: float) -> None:
    tape = Tape(sequence=None)
    events = [trade(tape, 1), trade(tape, 2)]
    events.insert(0 if second < 1 else 2, gap(tape, second))
    (alert,) = run(rules, events)
    assert not is_marked(alert)


@pytest.mark.parametrize("rules", [WASH, BURST], ids=["correlator", "correlation"])
def test_a_gap_of_another_source_marks_nothing(rules: RuleSet) -> None:
    tape = Tape(sequence=None)
    events = [trade(tape, 1), gap(tape, 5, provider="other"), trade(tape, 6)]
    assert not is_marked(run(rules, events)[0])


def test_a_correlation_is_unsure_by_the_gap_of_any_source_that_it_rests_on() -> None:
    tape = Tape(sequence=None)
    events = [
        trade(tape, 1, provider="other"),
        gap(tape, 5, provider="other"),
        trade(tape, 6, provider="demo"),
    ]
    (alert,) = run(BURST, events)
    assert (alert.provider, alert.gap_source) == ("demo", "other")


def test_a_gap_of_another_instrument_marks_nothing_of_a_correlator() -> None:
    tape = Tape(sequence=None)
    other = gap(tape, 5, instrument="OTHER-USD")
    assert not is_marked(run(WASH, [trade(tape, 1), other, trade(tape, 6)])[0])
    whole = gap(tape, 5, instrument="*")
    assert is_marked(run(WASH, [trade(tape, 1), whole, trade(tape, 6)])[0])


def test_what_did_not_come_may_have_been_in_a_gap_of_any_source() -> None:
    tape = Tape(sequence=None)
    events = [trade(tape, 1), trade(tape, 4, "b", provider="other")]
    events += [gap(tape, 6, provider="other"), trade(tape, 12, "b"), trade(tape, 20, "c")]
    marked = {alert.entities: is_marked(alert) for alert in run(SILENCE, events)}
    assert marked[("a",)]


def test_a_book_stays_wrong_until_a_snapshot_and_says_since_which_gap() -> None:
    def spoof(tape: Tape, second: float, name: str) -> list[Record]:
        at, who = second * 1_000, {"investor_account": "a"}
        return [
            tape.placed(at, name, "buy", 99.5, 900, **who),
            tape.trade(at + 100, 101, 5, side="buy", seller_account="a"),
            tape.cancelled(at + 200, name, remaining=900.0, **who),
        ]

    tape = Tape(sequence=None)
    book = {
        "bid_prices": (99.0,), "bid_quantities": (1_000.0,), "bid_order_ids": ("bid",),
        "ask_prices": (101.0,), "ask_quantities": (1_000.0,), "ask_order_ids": ("offer",),
    }  # fmt: skip
    events: list[Record] = [tape.snapshot(0, **book)]
    events += spoof(tape, 1, "before")
    events += [gap(tape, 5)]
    events += spoof(tape, 10, "over")
    events += [tape.snapshot(15_000, **book)]
    events += spoof(tape, 20, "after")
    alerts = run(SPOOFING, events)
    assert [is_marked(alert) for alert in alerts] == [False, True, False]
    assert alerts[1].gap_end == START + 5 * SECOND


def test_levels_do_not_make_a_book_of_orders_right_again() -> None:
    tape, books = Tape(sequence=None), OrderBooks()
    order = tape.placed(0, "one", "buy", 99, 10)
    books.apply(order, books.of(order))
    missing = gap(tape, 1)
    books.apply(missing, books.of(missing))
    levels = tape.snapshot(2_000, bid_prices=(99.0,), bid_quantities=(10.0,))
    books.apply(levels, books.of(levels))
    assert books.of(order).unsure


def test_what_is_about_gaps_is_sure_of_them() -> None:
    rules = parse_rules(
        f"{HEADER}correlation:\n  type: event_count\n  rules: [broken]\n"
        "  group-by: [event.provider]\n  timespan: 1m\n  condition: {gte: 2}\n---\n"
        f"{TRADED.replace('traded', 'broken').replace('trade}', 'feed-gap}')}".encode()
    )
    tape = Tape(sequence=None)
    (alert,) = run(rules, [gap(tape, 1), trade(tape, 2), gap(tape, 5)])
    assert not is_marked(alert)


def test_only_so_many_gaps_are_remembered() -> None:
    tape, gaps = Tape(sequence=None), FeedGaps()
    for second in range(MOST_GAPS + 10):
        gaps.tell(gap(tape, second), None)
    assert len(gaps.gaps) == MOST_GAPS
    assert gaps.gaps[-1].end == START + (MOST_GAPS + 9) * SECOND


# -- the same whatever the packing -----------------------------------------------------------------


@st.composite
def broken_feeds(draw: st.DrawFn) -> list[list[Record]]:
    """Two sources with gaps, each in order; each begins with a trade at the same time."""
    found: list[list[Record]] = []
    tape = Tape(sequence=None)
    for source in ("demo", "other"):
        events = [trade(tape, 0, "f", provider=source)]
        for second in sorted(draw(st.lists(st.integers(1, 60), max_size=12))):
            kind = draw(st.sampled_from(["a", "b", "gap"]))
            if kind == "gap":
                events.append(gap(tape, second, provider=source))
            else:
                events.append(trade(tape, second, kind, provider=source))
        found.append(events)
    return found


@pytest.mark.parametrize("rules", [WASH, BURST, SILENCE], ids=["wash", "burst", "silence"])
def test_marks_are_the_same_in_every_interleaving_batch_and_restart(rules: RuleSet) -> None:
    def engine() -> Engine:
        return Engine(rules, allowed_lateness=SECOND, idle_after=3_600 * SECOND)

    @settings(max_examples=50, deadline=None)
    @given(broken_feeds(), st.randoms(use_true_random=False), st.integers(0, 30))
    def check(feeds: list[list[Record]], chance: Random, cut: int) -> None:
        orders = [place for place, events in enumerate(feeds) for _ in events[1:]]
        encoded: list[list[bytes]] = []
        for _ in range(2):
            rest = [iter(events[1:]) for events in feeds]
            events = [*(feed[0] for feed in feeds), *(next(rest[place]) for place in orders)]
            before, after = engine(), engine()
            alerts = before.process(events[:cut])
            after.restore(before.snapshot())
            alerts += [*after.process(events[cut:]), *after.finish()]
            encoded.append([msgspec.json.encode(alert) for alert in alerts])
            chance.shuffle(orders)
        assert encoded[0] == encoded[1]

    check()


def test_lines_give_the_same_marks_as_records() -> None:
    tape = Tape(sequence=None)
    events = [trade(tape, n, provider=s) for n, s in enumerate(("demo", "other", "demo", "other"))]
    events.insert(3, gap(tape, 2.5, provider="other"))
    expected = [msgspec.json.encode(alert) for alert in run(BURST, events)]
    lines = [msgspec.json.encode(nest(event)) for event in events]
    found = [msgspec.json.encode(alert) for alert in detect(BURST, lines, report=_refuse)]
    assert [line for line in expected if b"surveillance.gap" in line] != []
    assert found == expected


# -- recorded frames with a cut in the middle ------------------------------------------------------


def recorded() -> Iterator[tuple[str, str, Frame]]:
    with open_lines(RECORDED / "session.jsonl.gz") as file:
        header = decode_header(file.readline(), "session")
        for line in file:
            place, frame = decode_line(line, len(header.sources))
            source = header.sources[place]
            yield source.name, source.protocol, frame


def notice(received: int) -> Frame:
    text = GapNotice(instrument="*", reason="the connection was lost")
    return Frame(f"gap:{received}", received, msgspec.json.encode(text), "gap")


def test_a_recorded_book_is_wrong_after_a_cut_until_the_next_snapshot() -> None:
    frames = [frame for _, protocol, frame in recorded() if protocol == "coinbase"]
    first, last = len(frames) // 3, len(frames) // 2
    snapshot_at = last + 50
    normalizer = Normalizer(Reference(), {"venue": "demo-venue"})
    books, replica, whole = OrderBooks(), Replica(), OrderBooks()
    decoder = msgspec.json.Decoder(Event, strict=False)
    number, unsure = 0, set[bool]()

    def take(frame: Frame, into: OrderBooks) -> Iterator[MarketEvent]:
        result = normalizer.normalize(number, FrameBatch("venue", "coinbase", [frame]))
        for event in result.events:
            assert isinstance(event, MarketEvent)
            into.apply(event, into.of(event))
            yield event

    for number, frame in enumerate(frames):
        if frame.kind == "snapshot":
            replica = Replica(msgspec.json.decode(frame.payload, type=OrderBook))
        else:
            try:
                replica.apply(decoder.decode(frame.payload))
            except msgspec.ValidationError:
                pass  # it moves no book
        told = list(take(frame, whole))
        if first <= number < last:
            continue
        if number == last:
            list(take(notice(frame.received), books))
        for event in told:
            books.apply(event, books.of(event))
            if isinstance(event, BookSnapshot):
                continue
            if last <= number < snapshot_at:
                unsure.add(books.of(event).unsure)
            elif number > snapshot_at:
                ours, theirs = books.of(event), whole.of(event)
                assert not ours.unsure
                for side, other in ((ours.bids, theirs.bids), (ours.asks, theirs.asks)):
                    assert (side.keys, side.quantities) == (other.keys, other.quantities)
                    for key in side.keys:
                        queue, another = side.queues[key], other.queues[key]
                        assert [*queue.values()] == [*another.values()]
        if number == snapshot_at:
            for book in map(whole.of, told):
                orders = book.orders.items()
                bids = [(k, o) for k, o in orders if o.buy]
                asks = [(k, o) for k, o in orders if not o.buy]
                event = BookSnapshot(
                    id="snapshot", timestamp=frame.received, ingested=frame.received, original="",
                    provider="venue", venue=book.key[1], instrument=book.key[2],
                    bid_order_ids=tuple(k for k, _ in bids),
                    bid_prices=tuple(o.price for _, o in bids),
                    bid_quantities=tuple(o.quantity for _, o in bids),
                    ask_order_ids=tuple(k for k, _ in asks),
                    ask_prices=tuple(o.price for _, o in asks),
                    ask_quantities=tuple(o.quantity for _, o in asks),
                )  # fmt: skip
                books.apply(event, books.of(event))
    assert unsure == {True}


@cache
def our_rules() -> RuleSet:
    return shipped_rules()


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_alerts_over_a_cut_in_the_recording_are_marked_and_no_others(part: float) -> None:
    frames = list(recorded())
    first = int(len(frames) * part)
    last = first + len(frames) // 10
    normalizer = Normalizer(load_reference([RECORDED / "reference.yaml"]), {"venue": "demo-venue"})
    events: list[Record] = []
    newest, told = 0, None
    for number, (name, protocol, frame) in enumerate(frames):
        if name == "venue" and first <= number < last:
            continue
        if name == "venue" and number >= last and told is None:
            told = notice(frame.received)
            events += normalizer.normalize(0, FrameBatch(name, protocol, [told])).events
        got = normalizer.normalize(number, FrameBatch(name, protocol, [frame])).events
        if name == "venue" and number < first:
            newest = max(newest, *(one.timestamp for one in got), newest)
        events += got
    assert told is not None
    alerts = run(our_rules(), events)
    sources = {event.id: event.provider for event in events}
    start, end = newest, told.received
    over = {"yes": 0, "no": 0}
    for alert in alerts:
        if alert.typology == "spoofing" or len(alert.evidence_events) < 2:
            continue
        assert alert.created is not None
        assert alert.ended is not None
        of_venue = "venue" in {sources[id_] for id_ in alert.evidence_events}
        overlaps = of_venue and alert.created < end and start < alert.ended
        over["yes" if overlaps else "no"] += 1
        assert is_marked(alert) is overlaps
        if overlaps:
            assert (alert.gap_source, alert.gap_end) == ("venue", end)
    assert over["no"]

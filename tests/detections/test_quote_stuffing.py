"""When a party's messages about orders are called quote stuffing, and when not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.books.message_rates import MOST_MESSAGES, MOST_PARTIES
from detections.correlators.quote_stuffing import Parameters, QuoteStuffing
from normalizer.events import Alert
from normalizer.events.market import OrderReceived
from tests.detections.samples import Tape, alerts, correlator

SECOND = 1_000.0
SMALL = "{minimum_messages: 20, minimum_ratio: 5, multiple_of_usual: 3}"
#: With it no burst is found, however long it is.
NO_BURST = "minimum_share: 100%, minimum_messages: 5000"


def found(events: list[Any], parameters: str = SMALL) -> list[Alert]:
    return alerts(correlator("quote_stuffing", parameters), events)


def sent(tape: Tape, at: float, number: int, account: str = "acct-1", **more: Any) -> list[Any]:
    """So many orders within a second, from `at` on."""
    every = SECOND / number
    return [
        tape.placed(at + n * every, f"{account}-{at}-{n}", "buy", 10, 1, investor_account=account)
        for n in range(number)
    ]


def usually(tape: Tape, number: int, blocks: int = 8, account: str = "acct-1") -> list[Any]:
    """So many orders in each ten seconds, and none in the ten after them."""
    return [one for n in range(blocks) for one in sent(tape, n * 20 * SECOND, number, account)]


def test_it_says_who_sent_what_with_the_numbers_and_the_evidence() -> None:
    tape = Tape()
    orders = sent(tape, 0, 15)
    pulled = [
        tape.cancelled(950 + n, f"acct-1-0-{n}", investor_account="acct-1", investor_id="INV-1")
        for n in range(5)
    ]
    for order in orders:
        order.investor_id = "INV-1"
    (alert,) = found([*orders, *pulled])
    assert alert.reason == (
        "acct-1 (INV-1) sent 20 messages about orders of ACME-USD on demo-venue within 0.954 s "
        "(15 new orders, 5 cancellations), 100% of all that the book had, and traded nothing"
    )
    assert alert.entities == ("acct-1", "INV-1")
    assert alert.evidence_events == tuple(f"event-{n}" for n in range(1, 21))
    assert len(alert.evidence_orders) == 15


def test_what_a_party_usually_sends_is_no_burst() -> None:
    tape = Tape()
    usual = usually(tape, 19)
    assert found([*usual, *sent(tape, 160 * SECOND, 56)]) == []
    tape = Tape()
    (alert,) = found([*usually(tape, 19), *sent(tape, 160 * SECOND, 57)])
    assert "3 times what is usual" in alert.reason


def test_a_burst_is_not_learnt_as_usual() -> None:
    tape = Tape()
    bursts = [one for n in range(8, 40) for one in sent(tape, n * 20 * SECOND, 31)]
    told = found([*usually(tape, 10), *bursts])
    assert [alert.metrics["usual_messages"] for alert in told] == [10] * 32


def test_a_new_party_is_held_against_what_parties_usually_send() -> None:
    others = [f"other-{n}" for n in range(3)]
    tape = Tape()
    usual = [one for n in range(4) for who in others for one in sent(tape, n * 2e4, 19, who)]
    assert found([*usual, *sent(tape, 8e4, 56)]) == []
    tape = Tape()
    usual = [one for n in range(4) for who in others for one in sent(tape, n * 2e4, 19, who)]
    assert len(found([*usual, *sent(tape, 8e4, 57)])) == 1


def test_in_a_fast_market_more_is_asked() -> None:
    def events(others: int) -> list[Any]:
        tape = Tape()
        usual = [*usually(tape, 5), *usually(tape, 5, account="acct-2")]
        usual.sort(key=lambda event: event.timestamp)
        fast = sent(tape, 160 * SECOND, others, "acct-2")
        return [*usual, *fast, *sent(tape, 161 * SECOND, 25)]

    assert len(found(events(10))) == 1
    assert found(events(18)) == []


def test_a_part_of_a_busy_book_is_no_burst() -> None:
    def events(others: int) -> list[Any]:
        tape = Tape()
        return [*sent(tape, 0, others, "acct-2"), *sent(tape, SECOND, 30)]

    parameters = "{minimum_messages: 30, minimum_share: 75%, minimum_ratio: 5}"
    assert len(found(events(10), parameters)) == 1
    assert found(events(11), parameters) == []


def test_who_trades_sends_orders_to_trade() -> None:
    def events(trades: int) -> list[Any]:
        tape = Tape()
        made = [tape.trade(n, 10, 1, buyer_account="acct-1") for n in range(trades)]
        return [*sent(tape, 0, 1), *made, *sent(tape, SECOND, 19)]

    assert found(events(5)) == []
    (alert,) = found(events(4))
    assert alert.reason.endswith("and traded 4 times")


def test_trades_with_oneself_count_once() -> None:
    tape = Tape()
    made = [tape.trade(n, 10, 1, buyer_account="acct-1", seller_account="acct-1") for n in range(4)]
    (alert,) = found([*sent(tape, 0, 1), *made, *sent(tape, SECOND, 19)])
    assert alert.metrics["trades"] == 4


def test_a_burst_alerts_again_when_it_has_doubled_and_anew_when_it_was_over() -> None:
    tape = Tape()
    lasting = [one for n in range(8) for one in sent(tape, n * SECOND, 20)]
    later = sent(tape, 100 * SECOND, 25)
    told = found([*lasting, *later])
    assert [alert.metrics["messages"] for alert in told] == [20, 40, 80, 160, 20]
    assert [alert.metrics["alert_of_series"] for alert in told] == [1, 2, 3, 4, 1]


def test_accounts_of_one_cluster_count_together() -> None:
    tape = Tape()
    orders = [*sent(tape, 0, 10), *sent(tape, SECOND, 10, "acct-2")]
    assert found(orders) == []
    for order in orders:
        order.investor_cluster = "CL-1"
    assert len(found(orders)) == 1


def test_an_order_counts_once_where_the_feed_tells_that_it_was_received() -> None:
    tape = Tape()
    placed = sent(tape, 0, 19)
    received = [
        OrderReceived(
            id=f"received-{order.id}",
            timestamp=order.timestamp,
            ingested=order.timestamp,
            original="RAW/1/0",
            provider=order.provider,
            venue=order.venue,
            instrument=order.instrument,
            order_id=order.order_id,
            investor_account=order.investor_account,
        )
        for order in placed
    ]
    both = [one for pair in zip(received, placed, strict=True) for one in pair]
    assert found(both) == []


def test_a_label_can_be_left_out() -> None:
    tape = Tape()
    orders = sent(tape, 0, 30)
    for order in orders:
        order.investor_labels = ("market_maker",)
    assert len(found(orders)) == 1
    assert found(orders, "{minimum_messages: 20, exempt_labels: [market_maker]}") == []


def test_a_session_with_too_many_messages_for_its_trades() -> None:
    def events(trades: int) -> list[Any]:
        tape = Tape()
        quiet = [one for n in range(10) for one in sent(tape, n * 60 * SECOND, 10)]
        made = [tape.trade(10 + n, 10, 1, seller_account="acct-1") for n in range(trades)]
        return [quiet[0], *made, *quiet[1:]]

    parameters = f"{{{NO_BURST}, minimum_session_messages: 100, maximum_session_ratio: 20}}"
    assert found(events(5), parameters) == []
    (alert,) = found(events(4), parameters)
    assert alert.reason == (
        "acct-1 sent 100 messages about orders of ACME-USD on demo-venue in the session of 60 min "
        "and traded 4 times: 24 messages for each trade, where 20 are allowed"
    )


def test_a_trade_before_the_first_message_of_a_session_is_of_that_session() -> None:
    tape = Tape()
    made = [tape.trade(3_600_000 + n, 10, 1, seller_account="acct-1") for n in range(5)]
    quiet = [one for n in range(10) for one in sent(tape, (3_660 + n * 60) * SECOND, 10)]
    parameters = f"{{{NO_BURST}, minimum_session_messages: 100, maximum_session_ratio: 20}}"
    assert found([*sent(tape, 0, 1), *made, *quiet], parameters) == []
    (alert,) = found([*sent(tape, 0, 1), *made[:4], *quiet], parameters)
    assert "traded 4 times" in alert.reason


def test_messages_of_who_is_left_out_or_not_named_are_messages_of_the_book() -> None:
    for other in ({"account": "maker", "labels": ("market_maker",)}, {"account": None}):
        fields: dict[str, Any] = {
            "investor_account": other["account"],
            "investor_labels": other.get("labels", ()),
        }
        tape = Tape()
        rest = [tape.placed(n * 10, f"rest-{n}", "buy", 10, 1, **fields) for n in range(81)]
        events = sorted([*rest, *sent(tape, 0, 20)], key=lambda one: one.timestamp)
        # One message makes the book known.
        events = [*sent(tape, 0, 1, "acct-0"), *events]
        assert found(events, f"{SMALL[:-1]}, exempt_labels: [market_maker]}}") == []


def test_memory_is_bounded() -> None:
    watching = QuoteStuffing(Parameters())
    tape = Tape()
    for n in range(MOST_PARTIES + 10):
        watching.observe(tape.placed(n, f"o-{n}", "buy", 10, 1, investor_account=f"acct-{n}"))
    for n in range(2 * MOST_MESSAGES + 10):
        watching.observe(tape.placed(SECOND, f"m-{n}", "buy", 10, 1, investor_account="busy"))
    (book,) = watching.state.books.values()
    assert len(book.parties) == MOST_PARTIES
    assert len(book.parties["busy"].messages) <= 2 * MOST_MESSAGES
    watching.observe(tape.placed(60 * SECOND, "later", "buy", 10, 1, investor_account="acct-1"))
    assert len(book.times) == 1
    assert sum(len(rate.messages) for rate in book.parties.values()) == 1


def test_memory_is_bounded_over_all_books(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.correlators.quote_stuffing.MOST_PARTIES_IN_ALL", 10)
    watching = QuoteStuffing(Parameters())
    for n in range(35):
        tape = Tape(instrument=f"I{n % 7}")
        at = n // 3 * 10 * SECOND
        watching.observe(tape.placed(at, f"o-{n}", "buy", 10, 1, investor_account=f"acct-{n}"))
        parties = [name for book in watching.state.books.values() for name in book.parties]
        assert watching.state.parties == len(parties) <= 10
        assert f"acct-{n}" in parties, "the idler half goes"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4_000)), max_size=120))
def test_the_window_is_counted_exactly(steps: list[tuple[int, int]]) -> None:
    watching = QuoteStuffing(Parameters())
    tape, at, told = Tape(), 0, list[tuple[int, int]]()
    for who, later in steps:
        at += later
        watching.observe(tape.placed(at, f"{tape.number}", "buy", 1, 1, investor_account=f"{who}"))
        told.append((who, at))
        (book,) = watching.state.books.values()
        inside = [one for one in told if one[1] >= at - 10 * SECOND]
        assert len(book.parties[f"{who}"].window(book.times[-1] - 10_000_000_000)) == sum(
            one[0] == who for one in inside
        )
        (first, *_), last = book.times, book.times[-1]
        assert first <= last
        assert book.since(last - 10_000_000_000) == len(inside)

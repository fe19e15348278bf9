"""Lines of a FIX engine's log to events: as out of a drop copy, and what else stands in a log."""

from typing import Any

import pytest

from normalizer.events import market
from normalizer.normalize import Normalized
from pipeline.trade_sides import LineContext, Side, encode_context
from tests.normalizer import venue_frames as v
from tests.normalizer.test_fix import FILL, ORDER, Pairs, changed, message

BUYER: Pairs = changed(FILL, t1="B-3", t37="42", t17="e3", t54="1", t1057="Y")


def logged(kind: str, pairs: Pairs, separator: str = "|") -> bytes:
    text = message(kind, pairs).replace(b"\x01", separator.encode())
    return b"20231114-22:13:20.029 : " + text


def read(*lines: bytes, side: Side | None = None, other: str = "") -> Normalized:
    context = LineContext(form="fix", side=side, other=other)
    return v.normalize("order_log", *lines, context=encode_context(context))


def test_an_order_is_as_out_of_a_drop_copy() -> None:
    for separator in ("|", "\x01", "^A"):
        placed: Any = v.only(read(logged("8", changed(ORDER, t150="0"), separator)))
        assert isinstance(placed, market.OrderPlaced)
        assert (placed.order_id, placed.investor_account) == ("41", "A-7")
        assert (placed.price, placed.remaining, placed.timestamp) == (10.25, 300.0, v.AT)


def test_an_account_may_be_in_utf_8_or_iso_8859_1_also_of_the_other_side() -> None:
    mine, other = logged("8", BUYER), logged("8", FILL)
    mine = mine.replace(b"|1=B-3|", "|1=Müller|".encode())
    other = other.replace(b"|1=A-7|", "|1=Zoë|".encode("latin-1"))
    trade: Any = v.only(read(mine, side="second", other=other.decode("latin-1")))
    assert (trade.buyer_account, trade.seller_account) == ("Müller", "Zoë")


def test_both_sides_of_a_trade_are_one() -> None:
    other = logged("8", FILL).decode("latin-1")
    trade: Any = v.only(read(logged("8", BUYER), side="second", other=other))
    assert isinstance(trade, market.Trade)
    assert (trade.trade_id, trade.buyer_account, trade.seller_account) == ("9001", "B-3", "A-7")
    assert (trade.side, trade.maker_order_id, trade.taker_order_id) == ("buy", "41", "42")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (logged("D", [(11, "c1"), (55, "ACME-USD")]), "new order single"),
        (logged("G", [(11, "c1")]), "order cancel replace request"),
        (logged("0", []), "message of the FIX session"),
        (logged("A", [(108, "30")]), "message of the FIX session"),
        (logged("UX", []), "message of another type"),
        (b"20231114-22:13:20 : Disconnected", "line of a log without a message of FIX"),
    ],
)
def test_what_tells_of_no_order_is_passed_over_and_counted(line: bytes, why: str) -> None:
    result = read(line)
    assert result.events == result.dead == []
    assert [*result.ignored] == [why]


def test_what_masks_an_account_may_change_length_and_checksum() -> None:
    masked = logged("8", changed(ORDER, t150="0")).replace(b"|1=A-7|", b"|1=masked-account|")
    placed: Any = v.only(read(masked))
    assert placed.investor_account == "masked-account"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (logged("8", changed(ORDER, t150="0"))[:-9], "the line was cut"),
        (logged("8", changed(ORDER, t150="0", t58="a|b")), "b'b' is no field"),
        (logged("8", ORDER), "is missing"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_with_its_reason(line: bytes, why: str) -> None:
    result = read(line)
    assert result.events == []
    (letter,) = result.dead
    assert why in letter.reason
    assert letter.payload == line


def test_a_line_that_was_cut_and_went_on_is_no_message_of_parts_of_two() -> None:
    first = logged("8", changed(ORDER, t150="0"))
    second = logged("8", changed(ORDER, t150="0", t37="42", t17="e9"))
    for place in range(first.index(b"35="), len(first) + 1):
        result = read(first[:place] + second)
        assert result.events == []
        (letter,) = result.dead
        assert "another message begins in this line" in letter.reason


def test_a_message_that_is_sent_again_counts_once() -> None:
    first = logged("8", changed(ORDER, t150="0"))
    again = logged("8", changed(ORDER, t150="0", t34="99", t43="Y", t122="20231114-22:13:20"))
    result = read(first, again)
    assert len({event.id for event in result.events}) == 1
    assert result.dead == []


def test_one_side_of_a_trade_that_is_sent_again_is_no_other_trade() -> None:
    other = logged("8", FILL).decode("latin-1")
    context = encode_context(LineContext(form="fix", side="second", other=other))
    alone = encode_context(LineContext(form="fix", side="alone"))
    result = v.normalize_each(
        "order_log",
        (logged("8", BUYER), context),
        (logged("8", changed(FILL, t34="99", t43="Y")), alone),
    )
    assert len({event.id for event in result.events}) == 1
    assert result.dead == []
    assert result.ignored == {"message of FIX that was sent again": 1}


def test_what_is_sent_again_later_sets_no_order_back_to_what_was_left_of_it_then() -> None:
    fill = changed(FILL, t1057=None)
    other = logged("8", changed(BUYER, t1057=None)).decode("latin-1")
    context = encode_context(LineContext(form="fix", side="second", other=other))
    alone = encode_context(LineContext(form="fix", side="alone"))
    first = v.normalize_each("order_log", (logged("8", fill), context))
    assert [type(event) for event in first.events].count(market.OrderChanged) == 2
    both = v.normalize_each(
        "order_log",
        (logged("8", fill), context),
        (logged("8", changed(fill, t34="99", t43="Y")), alone),
    )
    assert both.events == first.events


def test_another_report_of_the_same_trade_is_told_as_in_other_logs() -> None:
    result = read(logged("8", FILL), logged("8", changed(FILL, t32="7")))
    (letter,) = result.dead
    assert letter.field == "trade_id"
    said = "where each session of FIX has a log of its own, name them all by one pattern"
    assert letter.reason.endswith(said)

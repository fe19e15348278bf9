"""Numbers and times in order logs as programs write them, and what is said of others."""

import pytest

from normalizer.events import market
from normalizer.normalize import Normalized
from pipeline.trade_sides import LineContext, encode_context
from tests.normalizer import venue_frames as v

COLUMNS = "transact_time,exec_type,symbol,last_px,last_qty"


def read(time: str = "1699999999", price: str = "10.25") -> Normalized:
    context = encode_context(LineContext(columns=COLUMNS))
    line = f"{time},trade,ACME-USD,{price},3".encode()
    return v.normalize("order_log", line, context=context)


def said(result: Normalized) -> tuple[str | None, str]:
    (letter,) = result.dead
    return letter.field, letter.reason


@pytest.mark.parametrize("price", [" 10.25", "+10.25", ".5", "1_0", "1,5", "0x10", "NaN", "inf"])
def test_what_is_no_number_is_told_with_what_is_one(price: str) -> None:
    field, reason = said(read(price=f'"{price}"'))
    assert field == "last_px"
    assert reason == (
        f'"{price}" is no number: write digits, a point before decimals, and nothing else'
    )


@pytest.mark.parametrize("price", ["10.25", "1025e-2", "1.025E+1", "10.250"])
def test_numbers_have_digits_and_maybe_an_exponent(price: str) -> None:
    event = v.only(read(price=price))
    assert isinstance(event, market.Trade)
    assert event.price == 10.25


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        ("1699999999.0", 1_699_999_999 * 10**9),
        ("1699999999123.0", 1_699_999_999_123 * 10**6),
        ("1699999999123456.0", 1_699_999_999_123_456 * 10**3),
    ],
)
def test_whole_numbers_that_became_floats_are_whole(time: str, nanoseconds: int) -> None:
    assert v.only(read(time)).timestamp == nanoseconds


@pytest.mark.parametrize("time", ["1699999999123.5", "1699999999123456789.0", "1.6e9"])
def test_a_number_that_is_no_time_is_told_with_what_is_one(time: str) -> None:
    field, reason = said(read(time))
    assert field == "transact_time"
    assert reason == (
        f"{time!r} is no time: of a number seconds may have decimals, and milli-, micro- and "
        "nanoseconds none"
    )


def test_a_time_without_a_zone_is_told_how_to_have_one() -> None:
    for time in ("2023-11-14 22:13:19", "2023-11-14T22:13:19 UTC"):
        field, reason = said(read(time))
        assert field == "transact_time"
        assert reason == f"{time!r} has no valid zone: write Z behind it where it is UTC"


@pytest.mark.parametrize(
    ("time", "hint"),
    [
        ("46083.60416", "46083.60416 looks like a spreadsheet's number of days"),
        ("46083", "46083 looks like a spreadsheet's number of days"),
        ("20260302143000", "write them as FIX does, in UTC: 20260302-14:30:00"),
    ],
)
def test_what_a_number_was_meant_as_is_told(time: str, hint: str) -> None:
    field, reason = said(read(time))
    assert field == "transact_time"
    assert hint in reason


def test_the_number_of_a_second_is_none_of_days() -> None:
    assert v.only(read("1699999999")).timestamp == 1_699_999_999 * 10**9
    field, reason = said(read("3600"))
    assert (field, reason) == ("transact_time", "is before 2009")

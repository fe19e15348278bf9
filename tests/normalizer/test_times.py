"""Source times: exact to the nanosecond, whatever the venue writes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.decoders.times import event_time, parse_rfc3339, parse_seconds
from normalizer.decoders.unreadable import Unreadable

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2014-11-07T08:19:27Z", 1_415_348_367 * SECOND),
        ("2014-11-07T08:19:27.0Z", 1_415_348_367 * SECOND),
        ("2014-11-07T08:19:27.028459Z", 1_415_348_367 * SECOND + 28_459_000),
        ("2014-11-07T08:19:27.123456789Z", 1_415_348_367 * SECOND + 123_456_789),
        ("2014-11-07T08:19:27.1234567899Z", 1_415_348_367 * SECOND + 123_456_789),
        ("2014-11-07T08:19:27.5+00:00", 1_415_348_367 * SECOND + 500_000_000),
        ("2014-11-07T10:19:27.5+02:00", 1_415_348_367 * SECOND + 500_000_000),
        ("2014-11-07T02:49:27-05:30", 1_415_348_367 * SECOND),
    ],
)
def test_rfc_3339_times_of_any_precision_and_zone(text: str, nanoseconds: int) -> None:
    assert parse_rfc3339(text) == nanoseconds


@given(st.datetimes(datetime(2009, 1, 2), datetime(2200, 1, 1)), st.integers(0, 999_999_999))
def test_nine_digits_come_back_exactly(moment: datetime, fraction: int) -> None:
    whole = moment.replace(microsecond=0)
    expected = int(whole.replace(tzinfo=UTC).timestamp()) * SECOND + fraction
    assert parse_rfc3339(f"{whole.isoformat()}.{fraction:09}Z") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "2014-11-07",
        "2014-11-07T08:19:27",
        "2014-11-07T08:19:27.Z",
        "2014-11-07T08:19:27.1x3Z",
        "2014-11-07T08:19:27.٣Z",
        "2014-11-07T25:19:27Z",
        "2014-11-31T08:19:27Z",
        "2014-11-07T08:19:27+99:99",
        "2014-W45-5T08:19:27Z",
        "20141107T081927.000Z",
        "٢٠١٤-11-07T08:19:27Z",
    ],
)
def test_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_rfc3339(text, "timestamp")
    assert caught.value.field == "timestamp"


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_unreadable(text: str) -> None:
    for parse in (parse_rfc3339, parse_seconds):
        try:
            assert isinstance(parse(text), int)
        except Unreadable:
            pass


def test_seconds_since_the_epoch_keep_their_digits() -> None:
    assert parse_seconds("1618678123.481570") == 1_618_678_123_481_570_000
    assert parse_seconds("1618678123") == 1_618_678_123 * SECOND
    for text in ("1e9", "-1.5", "1.5.6", "", ".5", "9" * 13):
        with pytest.raises(Unreadable):
            parse_seconds(text)


def test_a_time_before_2009_or_a_day_after_its_receipt_is_absurd() -> None:
    received = 1_415_348_367 * SECOND
    assert event_time("2014-11-08T08:19:27Z", received)
    for text in ("2014-11-08T08:19:28Z", "2008-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        with pytest.raises(Unreadable):
            event_time(text, received)

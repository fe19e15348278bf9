"""Durations, sizes and ratios as people write them."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.units import (
    DAY,
    GIB,
    HOUR,
    MIB,
    MINUTE,
    SECOND,
    UnitError,
    about_size,
    format_duration,
    format_ratio,
    format_size,
    parse_duration,
    parse_ratio,
    parse_size,
)

_LARGEST = (1 << 63) - 1


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("5s", 5 * SECOND),
        ("10m", 10 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("250ms", 250_000_000),
        ("7d", 7 * DAY),
        ("1w", 7 * DAY),
        ("1.5s", 1_500_000_000),
        ("0s", 0),
        ("1us", 1_000),
        ("0.000000001s", 1),
        ("9223372036854775807ns", _LARGEST),
    ],
)
def test_a_duration_is_a_number_of_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("5", "this number has no unit", None),
        ("1e3", "this number has no unit", None),
        ("-5s", "this isn't a duration", None),
        ("5 s", "there is a space in it", "5s"),
        ("5 minutes", '"minutes" isn\'t a unit of a duration', "5m"),
        ("2min", '"min" isn\'t a unit of a duration', "2m"),
        ("5S", '"S" isn\'t a unit of a duration', "5s"),
        ("3µs", '"µs" isn\'t a unit of a duration', "3us"),
        ("5y", '"y" isn\'t a unit of a duration', None),
        ("30m1h", "the units must go from large to small, each once", None),
        ("1h1h", "the units must go from large to small, each once", None),
        ("0.1ns", "this is finer than one ns", None),
        ("0.12345678901234567890123456789012345s", "this is finer than one ns", None),
        ("9223372036854775808ns", "this is too large for a duration", None),
        ("300w" * 40, "this isn't a duration: it is too long", None),
        ("soon", "this isn't a duration", None),
        ("", "this isn't a duration", None),
        ("٥s", "this isn't a duration", None),
    ],
)
def test_what_is_no_duration_is_refused_and_says_why(
    text: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UnitError) as caught:
        parse_duration(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_bare_number_says_which_units_could_be_added() -> None:
    with pytest.raises(UnitError) as duration:
        parse_duration("300")
    with pytest.raises(UnitError) as size:
        parse_size("64")
    assert duration.value.advice == "add one: 300ms, 300s or 300m"
    assert size.value.advice == "add one: 64KiB, 64MiB or 64GiB"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64MiB", 64 * MIB),
        ("10GB", 10_000_000_000),
        ("1KiB", 1024),
        ("1KB", 1000),
        ("512B", 512),
        ("1.5GiB", GIB + GIB // 2),
    ],
)
def test_a_size_is_a_number_of_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hint"), [("64mib", "64MiB"), ("64M", "64MiB"), ("10 gb", "10GB"), ("1.5B", None)]
)
def test_what_is_no_size_is_refused(text: str, hint: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_size(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("10%", 0.1), ("0.1", 0.1), ("250%", 2.5), ("12.5 %", 0.125), ("0", 0.0), ("1.0", 1.0)],
)
def test_a_ratio_is_a_percentage_or_a_part_of_one(text: str, ratio: float) -> None:
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize(("text", "hint"), [("10", "10%"), ("1", "1%"), ("2.5", "2.5%")])
def test_a_number_that_could_be_a_percentage_must_say_so(text: str, hint: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_ratio(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize("text", ["", "a", "%", "1e999%", "nan", "inf", "1__0%", "1" * 500])
def test_what_is_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_ratio(text)


def test_durations_are_shown_by_their_largest_units() -> None:
    assert format_duration(90 * MINUTE) == "1h30m"
    assert format_duration(14 * DAY + HOUR) == "14d1h"
    assert format_duration(1_500_000_000) == "1s500ms"
    assert format_duration(0) == "0s"
    assert format_duration(-5 * SECOND) == "-5s"


def test_sizes_are_shown_without_rounding() -> None:
    assert format_size(64 * MIB) == "64MiB"
    assert format_size(10_000_000_000) == "10GB"
    assert format_size(1_234_567) == "1234567B"
    assert format_size(0) == "0B"


def test_ratios_are_shown_as_percentages() -> None:
    assert [format_ratio(x) for x in (0.1, 0.125, 0.0, 2.5, 1e-7)] == [
        "10%",
        "12.5%",
        "0%",
        "250%",
        "0.00001%",
    ]


@given(st.integers(0, _LARGEST))
def test_every_duration_is_read_back_as_it_was_written(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.integers(0, _LARGEST))
def test_every_size_is_read_back_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-9))
def test_every_ratio_is_read_back_as_it_was_written(ratio: float) -> None:
    assert parse_ratio(format_ratio(ratio)) == ratio


@given(st.text(max_size=40), st.sampled_from([parse_duration, parse_size, parse_ratio]))
def test_any_text_is_a_quantity_or_a_unit_error(text: str, parse: Callable[[str], float]) -> None:
    with contextlib.suppress(UnitError):
        assert parse(text) is not None


def test_a_size_for_reading_is_rounded() -> None:
    assert [about_size(n) for n in (12, 66_000, 5 * MIB, 83_500_000_000)] == [
        "12 bytes",
        "64.5 KiB",
        "5.0 MiB",
        "77.8 GiB",
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("10,5%", "10.5%"), ("10 percent", "10%"), ("5 PCT", "5%"), ("1,000%", None), ("ten", None)],
)
def test_a_percentage_is_told_as_it_was_meant(text: str, meant: str | None) -> None:
    with pytest.raises(UnitError) as refused:
        parse_ratio(text)
    assert refused.value.hint == meant

"""Counts over time, as fine as the span allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.backtest.buckets import MOST_BUCKETS, Histogram, fitting_width
from detections.backtest.meter import LineClock
from pipeline.units import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("span", "width"),
    [
        (0, SECOND),
        (2 * MINUTE, SECOND),
        (2 * MINUTE + 1, MINUTE),
        (2 * HOUR, MINUTE),
        (5 * DAY, HOUR),
        (5 * DAY + 1, DAY),
        (3_650 * DAY, DAY),
    ],
)
def test_the_width_fits_the_span(span: int, width: int) -> None:
    assert fitting_width(span) == width


@given(st.lists(st.integers(-(10**18), 4 * 10**18), min_size=1, max_size=400))
def test_nothing_is_lost_by_widening(times: list[int]) -> None:
    histogram = Histogram()
    for time in times:
        histogram.add(time)

    width = max(fitting_width(max(times) - min(times)), histogram.width)
    counts = histogram.counts(width)

    assert sum(counts.values()) == len(times)
    assert list(counts) == sorted({time // width * width for time in times})


@given(st.integers(0, 10**18), st.integers(0, 20 * DAY), st.integers(1, 2_000))
def test_a_histogram_is_never_wider_than_its_span_needs(start: int, span: int, count: int) -> None:
    histogram = Histogram()
    for at in range(count):
        histogram.add(start + span * at // count)

    assert histogram.width <= fitting_width(span)
    assert len(histogram.counts(fitting_width(span))) <= max(MOST_BUCKETS, span // DAY) + 2


@pytest.mark.parametrize(
    ("written", "time"),
    [
        (b'"2026-01-01T00:00:00Z"', 1_767_225_600 * SECOND),
        (b'"2026-01-01T00:00:01.5Z"', 1_767_225_601 * SECOND + 500_000_000),
        (b'"2026-01-01T00:00:01.123456789Z"', 1_767_225_601 * SECOND + 123_456_789),
        (b'"2026-01-01T02:00:00.000+02:00"', 1_767_225_600 * SECOND),
        (b'"2026-01-01 00:00:00"', 1_767_225_600 * SECOND),
        (b"1767225600000000000", 1_767_225_600 * SECOND),
        (b"null", None),
        (b'"soon"', None),
        (b"1.5", None),
        (b'"2026-13-01T00:00:00.0Z"', None),
        (b'"2026-01-01Txx:00:00.0Z"', None),
    ],
)
def test_the_time_of_a_line_is_read_in_every_form(written: bytes, time: int | None) -> None:
    assert LineClock().time_of(b'{"a":1,"@timestamp":' + written + b"}") == time


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"@timestamp"}', b"\xff"])
def test_a_line_without_a_time_has_none(line: bytes) -> None:
    assert LineClock().time_of(line) is None

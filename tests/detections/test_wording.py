"""Numbers as people read them."""

import pytest

from detections.alerting.wording import amount, lapse, part, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (5000, "5,000"),
        (5000.0, "5,000"),
        (10.02, "10.02"),
        (999.12345678, "999.12345678"),
        (4_892_068.77676688, "4,892,068.78"),
        (-1_234.5, "-1,234.5"),
        (0.1 + 0.2, "0.3"),
        (0.00012345, "0.00012345"),
        (5e-12, "5e-12"),
        (123_456_789_012_345_678, "123,456,789,012,345,678"),
        (2**256 - 1, "1.16e+77"),
        (1e300, "1e+300"),
        (10**399, "1.00e+399"),
    ],
)
def test_amounts_are_grouped_and_rounded(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0, "0% of it"),
        (0.0354, "3.5% of it"),
        (0.384, "38% of it"),
        (4.5, "450% of it"),
        (12_345.6, "12,346 times it"),
        (float("inf"), "more than a million times it"),
    ],
)
def test_a_part_of_a_whole(ratio: float, text: str) -> None:
    assert part(ratio, "it") == text


def test_a_share_and_a_span_of_time() -> None:
    assert percent(0.01) == "1%"
    times = [0, 838_000_000, 12_000_000_000, 240 * 10**9, 3 * 3600 * 10**9]
    assert [lapse(time) for time in times] == ["0 s", "0.838 s", "12 s", "4 min", "3 h"]
    days = [lapse(days * 86_400 * 10**9) for days in (1, 2, 90, 3_652)]
    assert days == ["24 h", "2 days", "90 days", "3,652 days"]

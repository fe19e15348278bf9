"""Floors in dollars, in markets that are priced in something else."""

import inspect
import re

import pytest

from detections import money
from detections.money import MAGNITUDES, least, too_little

#: Units for a dollar: the middle of the ECB's reference rates of January 2021 to October 2026.
MIDDLE = {
    "AUD": 1.484, "BRL": 5.252, "CAD": 1.358, "CHF": 0.8948, "CNY": 6.972, "CZK": 22.06,
    "DKK": 6.739, "EUR": 0.9044, "GBP": 0.763, "HKD": 7.813, "HUF": 346.4, "IDR": 15_570,
    "ILS": 3.404, "INR": 83.08, "ISK": 130.9, "JPY": 145.2, "KRW": 1_335, "MXN": 18.92,
    "MYR": 4.296, "NOK": 10.07, "NZD": 1.64, "PHP": 56.21, "PLN": 3.958, "RON": 4.528,
    "SEK": 9.919, "SGD": 1.341, "THB": 33.63, "USD": 1.0, "ZAR": 17.33,
}  # fmt: skip
#: Of those that only lost, the newest of that time, and of the end of September 2026.
NEWEST = {"ARS": 1_525, "EGP": 52.05, "NGN": 1_326, "TRY": 49.95, "VND": 25_948}


@pytest.mark.parametrize(("currency", "units"), (MIDDLE | NEWEST).items())
def test_a_floor_in_a_currency_is_no_more_than_about_three_times_off(
    currency: str, units: float
) -> None:
    assert 1 / 3.3 < least(1.0, currency) / units < 3.3


@pytest.mark.parametrize(
    ("currency", "floor"),
    [
        ("USD", 10_000.0), ("EUR", 10_000.0), ("USDC", 10_000.0), (None, 10_000.0),
        ("", 10_000.0), ("ACME", 10_000.0),
        ("ETH", 10.0), ("weth", 10.0), ("BTC", 1.0), ("SOL", 1_000.0),
        ("HKD", 100_000.0), ("JPY", 1_000_000.0), ("jpy", 1_000_000.0), ("JPYC", 1_000_000.0),
        ("KRW", 10_000_000.0), ("IDR", 100_000_000.0), ("IDRT", 100_000_000.0),
    ],
)  # fmt: skip
def test_ten_thousand_dollars_are_in(currency: str | None, floor: float) -> None:
    assert least(10_000.0, currency) == floor
    assert not too_little(floor, 10_000.0, currency)
    assert not too_little(floor * 1.01, 10_000.0, currency)
    assert too_little(floor * 0.99, 10_000.0, currency)


def test_no_floor_leaves_nothing_out_but_losses() -> None:
    for currency in (None, "USD", "ETH", "JPY"):
        assert not too_little(0.0, 0.0, currency)
        assert not too_little(1e-12, 0.0, currency)
        assert too_little(-1.0, 0.0, currency)


def test_each_name_is_in_capitals_and_stands_there_once() -> None:
    table = inspect.getsource(money).partition("MAGNITUDES")[2].partition("def ")[0]
    lists = re.findall(r'"([^"]*)"', re.sub(r"#.*", "", table))
    assert sorted(MAGNITUDES) == sorted(" ".join(lists).split())
    assert all(name == name.upper() for name in MAGNITUDES)
    assert 1.0 not in MAGNITUDES.values()

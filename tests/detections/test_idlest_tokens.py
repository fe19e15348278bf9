"""Where there are too many tokens, those go of which nothing was heard for longest."""

from typing import Any

import pytest

from detections.cap_table import lot_book, register
from detections.correlators import accumulation, holders_of_record, offering_cap
from detections.correlators.country_permissions import CountryPermissions
from detections.correlators.country_permissions import Parameters as Countries
from detections.engine.engine import Engine
from detections.markets import latest_prices
from tests.detections.cap_table.movements import Log, found
from tests.detections.samples import correlator, swap


def issued(number: int, token: str) -> Any:
    return Log(token_id=token).issued("a", 1, f"2026-01-{number + 1:02}")


def swapped(number: int, token: str) -> Any:
    return swap(number, token_id=token, price=10.0, quantity=1.0, currency="USD", side="buy")


@pytest.mark.parametrize(
    ("name", "parameters", "keeping", "kept", "event"),
    [
        ("accumulation", "{pattern: supply}", accumulation, "tokens", issued),
        ("holders_of_record", "{}", holders_of_record, "classes", issued),
        ("offering_cap", "{}", offering_cap, "offerings", issued),
        ("ownership_cap", "{}", register, "registers", issued),
        ("rule_144_volume", "{}", register, "registers", issued),
        ("rule_144_holding", "{}", lot_book, "books", issued),
        ("structured_amounts", "{pattern: receiver}", latest_prices, "prices", swapped),
    ],
)
def test_what_is_heard_of_stays(
    name: str,
    parameters: str,
    keeping: Any,
    kept: str,
    event: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = "MOST_TOKENS" if hasattr(keeping, "MOST_TOKENS") else "_MOST_TOKENS"
    monkeypatch.setattr(keeping, limit, 2)
    (entry,) = Engine(correlator(name, parameters)).book.correlators
    for number, token in enumerate(("first", "second", "first", "third")):
        found(entry.correlator, [event(number, token)])
    assert list(getattr(entry.correlator.state, kept)) == ["first", "third"]


def test_holders_of_a_token_that_was_let_go_are_counted_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(register, "MOST_TOKENS", 1)
    rule = CountryPermissions(Countries(maximum_holders=2))
    for number, token in enumerate(("first", "other", "first")):
        day, log = f"2026-01-{number + 1:02}", Log(token_id=token)
        assert not found(
            rule, [log.issued(one, 1, day, destination_jurisdiction="DE") for one in "ab"]
        )
    assert rule.state.holders == {("first", "DE"): 2}

"""Floors of rules in money, each in dollars, yen, won and ether: by the tests beside the rules."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from detections.correlators.base import correlators
from detections.money import MAGNITUDES, least
from detections.rule_testing import rule_of, subject_of
from detections.rule_testing import test_files as files_with_tests
from detections.rule_testing.model import RuleTest, Sample
from detections.rule_testing.reading import read_tests
from detections.rule_testing.replays import first_run
from detections.rules import RuleSet, load_rules
from detections.rules.model import CorrelatorRule

RULES = Path(__file__).parents[2] / "sigma_rules"
REFERENCE = Path(__file__).parents[2] / "docs/reference/correlators.md"
NAMED = re.compile(r"minimum_(gross|notional|quote|gain|profit|victims?_notional)")
#: Parts of a price, and no money.
RATIOS = {("momentum_ignition", "minimum_gain"), ("pump_and_dump", "minimum_gain")}
#: What goes round are tokens there.
IN_TOKENS = {"Tokens sent round in a circle"}
#: These ask for no floor, whatever it is.
WITHOUT = {
    "Oracle's answer jumped",
    "Oracle's answer came too late",
    "traded_against_itself_elsewhere",
}


def floors(correlator: str) -> list[str]:
    names = msgspec.structs.fields(correlators()[correlator].parameters_type)
    return [
        one.name
        for one in names
        if NAMED.fullmatch(one.name) and (correlator, one.name) not in RATIOS
    ]


@cache
def rules() -> RuleSet:
    return load_rules([RULES])


def cases() -> Iterator[tuple[str, str]]:
    for one in rules().correlators:
        for name in floors(one.correlator):
            yield one.rule.name or one.rule.title, name


def test_each_correlator_with_a_floor_in_money_has_a_rule() -> None:
    with_floors = {name for name in correlators() if floors(name)}
    assert len(with_floors) >= 23
    assert with_floors <= {one.correlator for one in rules().correlators}


def test_each_floor_says_so_in_the_same_words() -> None:
    section = ""
    for line in REFERENCE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("`")
        name = line.split("|")[1].strip(" `") if line.startswith("| `") else ""
        if section in correlators() and name in floors(section):
            assert "in dollars or what is about as much (see `detections.money`)" in line, (
                section, name,
            )  # fmt: skip


def in_currency(test: RuleTest, currency: str) -> RuleTest:
    """The same events, all priced in another currency."""
    samples: list[Sample] = []
    for one in test.samples:
        event: Any = one.event
        if hasattr(event, "currency"):
            event = msgspec.structs.replace(event, currency=currency)
        samples.append(msgspec.structs.replace(one, event=event))
    return msgspec.structs.replace(test, samples=tuple(samples))


def found(test: RuleTest, rule: CorrelatorRule, parameter: str, floor: float) -> float:
    """How sure the rule is of all that it finds together."""
    parameters: Any = msgspec.structs.replace(rule.parameters, **{parameter: floor})
    changed = msgspec.structs.replace(rule, parameters=parameters)
    test = msgspec.structs.replace(test, about=frozenset((rule.rule.id,)))
    alerts = first_run(test, RuleSet(correlators=(changed,))).alerts
    return sum([alert.confidence or 0.0 for alert in alerts], 0.0)


@pytest.mark.parametrize(("name", "parameter"), list(cases()), ids=lambda one: str(one))
def test_a_floor_is_as_much_money_in_any_currency(name: str, parameter: str) -> None:
    rule = next(one for one in rules().correlators if name in (one.rule.name, one.rule.title))
    file = next(
        one for one in files_with_tests(RULES) if str(rule_of(one)) == rule.rule.location.file
    )
    for test in read_tests(file, subject_of(file, rules())):
        test = in_currency(test, "USD")
        all_of_it = found(test, rule, parameter, 0.0)
        if found(test, rule, parameter, 1e15) < all_of_it:
            break
    else:
        assert name in WITHOUT
        return
    most = max(
        power for power in range(-3, 12) if found(test, rule, parameter, 10.0**power) == all_of_it
    )
    for currency, power in (("USD", 0), ("JPY", -2), ("KRW", -3), ("ETH", 3)):
        floor = 10.0 ** (most if name in IN_TOKENS else most + power)
        same = in_currency(test, currency)
        all_of_it = found(same, rule, parameter, 0.0)
        assert found(same, rule, parameter, floor * 0.999) == all_of_it, currency
        assert found(same, rule, parameter, floor * 10) < all_of_it, currency


@pytest.mark.parametrize(
    ("file", "figures", "all_of_them"),
    [
        ("price_and_volume/large_trade.yml", [1_000_000], True),
        ("insider_dealing/large_before_halt.yml", [100_000], True),
        ("liquidity_removal/large_removal.yml", [250_000], False),
        ("liquidity_removal/removed_then_sold.yml", [100_000], False),
        ("liquidity_removal/added_for_a_moment.yml", [10_000, 10_000], False),
    ],
)
def test_a_figure_of_a_sigma_rule_is_as_much_money_in_any_currency(
    file: str, figures: list[int], all_of_them: bool
) -> None:
    documents: list[Any] = list(yaml.safe_load_all((RULES / file).read_text()))
    with_figures = [one["detection"] for one in documents if "large" in one.get("detection", {})]
    found: list[int] = []
    for detection in with_figures:
        (figure,) = detection["large"].values()
        found.append(figure)
        named = [
            one for key, one in detection.items() if key.startswith(("large_in_", "small_in_"))
        ]
        names = [name for one in named for name in one["market.currency"]]
        assert sorted(names) == sorted(MAGNITUDES) or not all_of_them
        assert len(names) == len(set(names))
        for key, one in detection.items():
            if one not in named:
                continue
            (field,) = one.keys() - {"market.currency"}
            assert field.endswith("|gte" if key.startswith("large") else "|lt")
            for name in one["market.currency"]:
                assert one[field] == pytest.approx(least(figure, name)), name
                assert (MAGNITUDES[name] > 1) is key.startswith("large"), name
    assert found == figures

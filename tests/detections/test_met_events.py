"""Rules that had nothing to look at: that such a rule is silent says nothing of the events."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detections.correlators.base import correlators
from detections.engine.engine import Engine
from detections.fields import shapes
from detections.met_events import MetEvents, blind, unnamed_text
from detections.offline import detect
from detections.rule_testing.model import RuleTest
from detections.rule_testing.reading import read_tests
from detections.rule_testing.subjects import subject_of
from detections.rule_testing.subjects import test_files as files_of_tests
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Alert, Record
from normalizer.events.ecs import nest
from normalizer.events.market import MarketEvent
from pipeline.problems import Problem
from tests.detections.samples import HEADER, Tape, correlator, sigma, transfer
from tests.fixtures.shipped_rules import shipped_rules

RULES = Path(__file__).parents[2] / "sigma_rules"
NAMES = [
    f"{who}_{what}"
    for who in ("investor", "buyer", "seller")
    for what in ("account", "id", "cluster", "address")
]
SPOOFING = correlator("spoofing")
SELF_TRADES = correlator("wash_trading", "{pattern: self_trade}")
STATUS = sigma("  s: {event.action: trading-status}\n  condition: s")


def met_in(events: Iterable[Record | dict[str, Any]], rules: RuleSet = STATUS) -> MetEvents:
    met = MetEvents()
    problems: list[Problem] = []
    lines = [msgspec.json.encode(event) for event in events]
    list(detect(rules, lines, report=problems.append, met=met))
    return met


def reasons(rules: RuleSet, events: Iterable[Record | dict[str, Any]]) -> list[str]:
    return [one.reason for one in blind(rules, met_in(events, rules)).values()]


VENUE_ACTIONS = {
    shape.action for shape in shapes().values() if issubclass(shape.record, MarketEvent)
}


def action(event: Any) -> str:
    return event.__class__.__struct_config__.tag


def nameless(event: Any) -> Any:
    if not isinstance(event, MarketEvent):
        return event
    return msgspec.structs.replace(event, **dict.fromkeys(set(NAMES) & set(dir(event))))


def trades(**more: Any) -> list[Record]:
    tape = Tape()
    return [tape.trade(at, 10.0, 5.0, **more) for at in range(3)]


# -- what a correlator says it needs, it needs -----------------------------------------------------


@cache
def alerting_tests() -> dict[str, list[RuleTest]]:
    """Tests beside shipped rules with a correlator in which it alerts, by the rule's id."""
    found: dict[str, list[RuleTest]] = {}
    mine = {one.rule.location.file for one in shipped_rules().correlators}
    for path in files_of_tests(RULES):
        rule_file = path.with_name(path.name.replace(".test.yml", ".yml"))
        if str(rule_file) not in mine:
            continue
        subject = subject_of(path, shipped_rules())
        for one in read_tests(path, subject):
            for rule in one.about if one.expected else ():
                found.setdefault(rule, []).append(one)
    return found


def alerts(rules: RuleSet, test: RuleTest, events: Sequence[Any]) -> list[Alert]:
    engine = Engine(rules, allowed_lateness=test.allowed_lateness)
    return [*engine.process(events), *engine.finish()]


def is_blind(rules: RuleSet, events: Iterable[Any]) -> bool:
    met = MetEvents()
    for event in events:
        met.take_record(event)
    return bool(blind(rules, met))


IDS = {one.rule.title: one.rule.id for one in shipped_rules().correlators}


@pytest.mark.parametrize("title", sorted(IDS))
def test_a_correlator_is_blind_only_without_what_it_needs(title: str) -> None:
    (rule,) = [one for one in shipped_rules().correlators if one.rule.title == title]
    only = RuleSet(correlators=(rule,))
    needs = correlators()[rule.correlator](rule.parameters)
    for test in alerting_tests()[rule.rule.id]:
        events = [sample.event for sample in test.samples]
        if not alerts(only, test, events):
            continue  # it comes when time goes on behind the last event
        assert not is_blind(only, events)
        without_names = [nameless(event) for event in events]
        silent = alerts(only, test, without_names) == []
        # What happens on a chain names a wallet, and could be enough by itself.
        if not any(action(event) in needs.needs_named - VENUE_ACTIONS for event in events):
            assert is_blind(only, without_names) is silent
        assert silent or not is_blind(only, without_names)
        for wanted in (needs.actions, *needs.needs):
            left = [event for event in events if action(event) not in wanted]
            assert is_blind(only, left)
            assert alerts(only, test, left) == [], wanted


def test_all_shipped_rules_with_a_correlator_have_such_a_test() -> None:
    assert set(alerting_tests()) >= set(IDS.values())


# -- what is told ----------------------------------------------------------------------------------


def test_a_rule_on_orders_is_blind_to_a_tape_of_trades() -> None:
    tape = trades(buyer_account="a", seller_account="b")
    assert reasons(SPOOFING, tape) == ["no event is order-cancelled, order-changed or order-placed"]
    assert reasons(SELF_TRADES, tape) == []


def test_a_rule_on_parties_is_blind_where_nobody_is_named() -> None:
    assert reasons(SELF_TRADES, trades()) == [
        "no event that is trade names an account, investor or cluster"
    ]
    for name in ("buyer_account", "seller_id", "buyer_cluster"):
        assert reasons(SELF_TRADES, [*trades(), *trades(**{name: "a"})]) == []


def test_small_orders_that_all_took_at_once_show_in_a_tape_of_trades() -> None:
    tape, rules = Tape(), correlator("inferred_pinging", header=HEADER.replace("high", "medium"))
    events = [tape.trade(at, 10.0, 10.0, side="sell") for at in range(0, 250_000, 10_000)]
    events += [tape.trade(250_000 + 4_000 * n, 10.0, 1.0, side="buy") for n in range(12)]
    events.append(tape.trade(300_000, 10.0, 50.0, side="buy"))
    assert Engine(rules).process(events) != []
    assert reasons(rules, events) == []
    assert reasons(rules, [tape.placed(0, "x", "buy", 1.0, 1.0)]) == ["no event is trade"]


def test_wallets_on_a_chain_are_always_named() -> None:
    rules = correlator("wash_circular", "{flows: transfers}")
    assert reasons(rules, [transfer()]) == []


def test_a_sigma_rule_is_blind_without_events_that_can_match_it() -> None:
    assert reasons(STATUS, trades()) == ["no event is trading-status"]
    by_field = sigma("  s: {market.order.id: x}\n  condition: s")
    assert "order-placed" in reasons(by_field, trades())[0]
    assert reasons(by_field, [Tape().placed(0, "x", "buy", 1.0, 1.0)]) == []


def test_of_events_that_are_not_ours_nobody_can_say_what_they_hold() -> None:
    event = {"@timestamp": 1_767_225_600_000_000_000, "market.order.id": "x"}
    assert reasons(sigma("  s: {market.order.id: y}\n  condition: s"), [event]) == []


CORRELATION = (
    HEADER
    + """
correlation:
  type: {type}
  rules: [first, second]
  timespan: 1m
  {condition}
"""
)


def correlation(kind: str, condition: str = "") -> RuleSet:
    base = ""
    for name, one in (("first", "trade"), ("second", "trading-status")):
        head = HEADER.replace("A rule", name).replace("7d0f3a6e", f"7d0f3a6{len(name)}")
        base += f"{head}name: {name}\nlogsource: {{product: tapewatch}}\ndetection:\n"
        base += f"  s: {{event.action: {one}}}\n  condition: s\n---\n"
    text = base + CORRELATION.format(type=kind, condition=condition)
    return parse_rules(text.encode())


def test_a_correlation_is_blind_by_the_rules_that_it_refers_to() -> None:
    either = correlation("event_count", "condition: {gte: 2}")
    both = correlation("temporal")
    never = correlation("absence")
    (title,) = {one.rule.title for one in both.correlations}
    for rules, tape, is_blind in (
        (either, trades(), False),
        (both, trades(), True),
        (never, trades(), False),  # it is the second that doesn't come
        (either, [transfer()], True),
    ):
        found = {one.rule.title for one in blind(rules, met_in(tape, rules)).values()}
        assert (title in found) is is_blind, rules.correlations


def test_rules_that_need_names_are_told_together() -> None:
    names = ("spoofing", "layering", "wash_turnover", "ramping")
    rules = RuleSet(
        correlators=tuple(
            msgspec.structs.replace(
                one, rule=msgspec.structs.replace(one.rule, id=name, title=name)
            )
            for name in names
            for one in correlator(name).correlators
        )
    )
    tape = Tape()
    events: list[Record] = [
        tape.placed(0, "o", "buy", 10.0, 5.0),
        tape.trade(1, 10.0, 5.0, maker_order_id="o"),
    ]
    found = blind(rules, met_in(events, rules))
    assert unnamed_text(found.values()) == (
        "4 rules need to know who acts, and no event here names an account, an investor or a "
        "cluster: layering; ramping; spoofing; and 1 more"
    )
    assert unnamed_text(blind(SPOOFING, met_in(trades(), SPOOFING)).values()) is None


def test_an_action_that_looks_like_one_of_ours_is_told() -> None:
    events = [
        {"@timestamp": 1_767_225_600_000_000_000, "event.action": name}
        for name in ("order_placed", "trades", "user-login-failed-by-door", "trade")
    ]
    assert met_in(events).slips() == [
        'event.action "order_placed" is none that we know: did you mean order-placed?',
        'event.action "trades" is none that we know: did you mean trade?',
    ]


def test_of_many_such_actions_the_first_are_told() -> None:
    events = [
        {"@timestamp": 1_767_225_600_000_000_000, "event.action": f"trade{n}"} for n in range(9)
    ]
    assert len(met_in(events).slips()) == 6
    assert met_in(events).slips()[-1] == "and 4 more like these"


def test_a_bad_line_doesnt_hide_the_good_ones_of_its_kind() -> None:
    lines: list[bytes] = []
    for price in (10.0, "much"):
        whole = nest(Tape().placed(0, "x", "buy", 10.0, 5.0))
        whole["event"]["dataset"] = "tapewatch.venue"
        whole["market"]["order"]["price"] = price
        lines.append(json.dumps(whole).encode())
    good, bad = lines
    problems: list[Problem] = []
    met = MetEvents()
    list(detect(STATUS, [bad, bad, good, good, bad], report=problems.append, met=met))
    assert met.actions == {"order-placed"}
    # What nothing looks at is read in full until one of its kind is an event.
    assert [problem.location.line for problem in problems] == [1, 2]


def test_that_there_was_an_event_at_all_is_known() -> None:
    assert not met_in([]).any
    assert met_in([{"@timestamp": 1_767_225_600_000_000_000}]).any
    assert met_in(trades()).any

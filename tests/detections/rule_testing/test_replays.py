"""Tests in other orders and batches: what depends on them is found, and what doesn't is left be."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from detections.alerting.findings import Finding, witness
from detections.correlators import base
from detections.correlators.base import Correlator, correlator, correlators
from detections.rule_testing.replays import BATCHES, SHUFFLED, first_run, replay, replays
from detections.rules import RuleSet
from tests.detections.rule_testing.written import read, run, run_one
from tests.detections.samples import correlator as correlator_rule
from tests.detections.samples import sigma

TRANSFER = "event.action: token-transfer, token.amount: 9"
THREE = f"{{{TRANSFER}}}, {{{TRANSFER}, at: 1s}}, {{{TRANSFER}, at: 2s}}"


class _None(msgspec.Struct, forbid_unknown_fields=True):
    """No parameters."""


class _EveryOther(Correlator[_None]):
    """Finds every other event that it sees, in the whole process: its state is its class's.

    So it depends on what came before, and differs with every order and every run.
    """

    parameters_type = _None
    state_type = _None
    typology = "spoofing"
    actions = frozenset(("token-transfer",))
    seen: ClassVar[list[str]] = []

    def observe(self, event: Any) -> Iterable[Finding]:
        self.seen.append(event.id)
        if len(self.seen) % 2:
            yield Finding(entities=("x",), reason=f"saw {event.id}", witnesses=(witness(event),))


@pytest.fixture
def every_other() -> Iterator[RuleSet]:
    """A rule of a correlator that depends on the order."""
    _EveryOther.seen.clear()
    correlator("every_other")(_EveryOther)
    correlators.cache_clear()
    yield correlator_rule("every_other")
    base._registered.pop("every_other")
    correlators.cache_clear()


def test_a_rule_that_depends_on_the_order_is_caught_with_the_seed_and_the_order(
    every_other: RuleSet,
) -> None:
    text = f"tests:\n  - {{name: it, events: [{THREE}], alerts: []}}\n"
    (test,) = read(text, every_other)
    first = first_run(test, every_other)
    assert [alert.evidence_events for alert in first.alerts] == [("event-1",), ("event-3",)]
    difference = replay(test, every_other, SHUFFLED[1], first)
    assert difference is not None
    assert difference.replay.seed == 1
    assert difference.order == ("event-2", "event-3", "event-1")
    assert [alert.evidence_events for alert in difference.missing] == [("event-1",), ("event-3",)]
    assert [alert.evidence_events for alert in difference.added] == [("event-2",)]


def test_a_test_fails_by_that_alone(every_other: RuleSet) -> None:
    result = run_one(THREE, "[{}, {}]", rules=every_other)
    assert not result.comparison.unmet
    assert not result.comparison.unexpected
    assert result.replayed is not None
    assert not result.passed


def test_orders_are_the_same_for_everybody() -> None:
    (test,) = read(f"tests:\n  - {{name: it, events: [{THREE}], alerts: []}}\n")
    rules = sigma("  s: {event.action: token-transfer}\n  condition: s")
    nothing = first_run(test, RuleSet())
    found = [replay(test, rules, way, nothing) for way in SHUFFLED]
    again = [replay(test, rules, way, nothing) for way in SHUFFLED]
    assert found == again
    orders = [one.order for one in found if one is not None]
    assert len(set(orders)) == len(SHUFFLED)


def test_every_event_comes_twice_in_one_of_them() -> None:
    (test,) = read(f"tests:\n  - {{name: it, events: [{THREE}], alerts: [{{}}, {{}}, {{}}]}}\n")
    rules = sigma("  s: {event.action: token-transfer}\n  condition: s")
    (twice,) = [way for way in replays(test) if way.way == "twice"]
    found = replay(test, rules, twice, first_run(test, RuleSet()))
    assert found is not None
    assert len(found.order) == 6
    assert len(found.added) == 3


SELF_TRADE = correlator_rule(
    "wash_trading", "{pattern: self_trade, minimum_trades: 3, window: 10m}"
)


def test_a_correlator_s_window_stands_all_orders_and_batches() -> None:
    (result,) = run(
        "defaults: {event.action: trade, investor.buyer.account: a, investor.seller.account: a}\n"
        "tests:\n"
        "  - {name: a, events: [{at: 5m}, {repeat: 2, every: 1m}], alerts: "
        "[{surveillance.evidence.event_ids: [event-2, event-3, event-1]}]}\n",
        SELF_TRADE,
    )
    assert result.passed
    assert result.replays == len(SHUFFLED) + 1


def test_events_of_one_time_keep_their_order_whatever_order_they_come_in() -> None:
    trades = ", ".join(
        "{event.action: trade, investor.buyer.account: a, investor.seller.account: a}"
        for _ in range(12)
    )
    rules = correlator_rule("wash_trading", "{pattern: self_trade, minimum_trades: 12}")
    ids = ", ".join(f"event-{number}" for number in range(1, 13))
    result = run_one(trades, f"[{{surveillance.evidence.event_ids: [{ids}]}}]", rules=rules)
    assert result.passed
    assert result.replays == len(SHUFFLED) + len(BATCHES)


def test_a_test_about_late_events_keeps_their_order() -> None:
    result = run_one(
        f"{{{TRANSFER}, at: 1h}}, {{{TRANSFER}, at: 2s}}",
        "[{}, {}]",
        more="allowed_lateness: 1m",
    )
    assert result.passed
    assert result.replays == 1


def test_one_event_is_only_sent_twice() -> None:
    result = run_one(f"{{{TRANSFER}}}", "[{}]")
    assert result.passed
    assert result.replays == 1

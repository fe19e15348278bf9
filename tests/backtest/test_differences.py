"""Alerts before and after a change of a rule, paired as they come."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from detections.backtest import differences
from detections.backtest.differences import Differences
from normalizer.events import Alert


def alert(*events: str, **more: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": "a",
        "timestamp": 1,
        "provider": "chain",
        "severity": 47,
        "risk_score": 47.0,
        "reason": "because",
        "message": "",
        "rule_id": "r",
        "rule_name": "",
        "rule_version": "",
        "rule_hash": "",
        "level": "medium",
        "typology": "t",
        "entities": ("A",),
        "evidence_events": events,
    }
    return Alert(**(fields | more))


def counts(found: Differences) -> tuple[int, int, int, int]:
    found.finish()
    return found.same, found.changed, found.new, found.gone


def test_the_same_alert_of_both_is_the_same_in_either_order() -> None:
    found = Differences()
    found.add_before(alert("e1"))
    found.add_after(alert("e1"))
    found.add_after(alert("e2"))
    found.add_before(alert("e2"))

    assert counts(found) == (2, 0, 0, 0)


def test_what_is_only_in_one_is_new_or_gone() -> None:
    found = Differences()
    found.add_before(alert("e1"))
    found.add_after(alert("e2"))

    assert counts(found) == (0, 0, 1, 1)
    assert found.new_ones[0].events == ("e2",)
    assert found.gone_ones[0].events == ("e1",)


def test_more_evidence_for_the_same_is_a_change() -> None:
    found = Differences()
    found.add_before(alert("e2", "e3"))
    found.add_after(alert("e1", "e2", "e3", metrics={"count": 3.0}))

    assert counts(found) == (0, 1, 0, 0)
    assert found.changes[0].fields == ("metrics", "events")


def test_alerts_that_share_an_event_are_one_that_changed() -> None:
    found = Differences()
    found.add_before(alert("e1", "e2", timestamp=2))
    found.add_after(alert("e2", "e3", timestamp=3))

    assert counts(found) == (0, 1, 0, 0)
    assert "timestamp" in found.changes[0].fields


def test_an_alert_is_paired_once() -> None:
    found = Differences()
    found.add_before(alert("e1", "e2"))
    found.add_after(alert("e1", "e3", timestamp=5))
    found.add_after(alert("e2", "e4", timestamp=6))

    assert counts(found) == (0, 1, 1, 0)


def test_beyond_the_bound_alerts_count_at_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(differences, "MOST_WAITING", 2)
    found = Differences()
    for number in range(5):
        found.add_before(alert(f"e{number}"))

    assert found.gone == 3
    assert counts(found) == (0, 0, 0, 5)


@given(
    st.lists(st.integers(0, 8), max_size=12), st.lists(st.integers(0, 8), max_size=12), st.data()
)
def test_every_alert_is_told_of_once_in_any_order(
    before: list[int], after: list[int], data: st.DataObject
) -> None:
    old = [(False, number) for number in dict.fromkeys(before)]
    new = [(True, number) for number in dict.fromkeys(after)]
    found = Differences()
    for is_after, number in data.draw(st.permutations([*old, *new])):
        (found.add_after if is_after else found.add_before)(alert(f"e{number}"))

    same, changed, new_ones, gone = counts(found)
    assert same == len(set(before) & set(after))
    assert changed == 0
    assert new_ones == len(set(after) - set(before))
    assert gone == len(set(before) - set(after))

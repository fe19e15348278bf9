"""What delivered alerts tell of each rule."""

from typing import Any

from detections.backtest.labels import Label, Labels
from detections.rules.model import Rule
from detections.staging.advice import Criteria
from detections.staging.statistics import RuleStatistics, Statistics
from normalizer.events import Alert
from pipeline.problems import Location
from pipeline.units import DAY, HOUR

#: 2026-01-10
START = 1_768_003_200_000_000_000


def rule(**more: Any) -> Rule:
    usual: dict[str, Any] = {
        "id": "r",
        "title": "A rule",
        "level": "medium",
        "typology": "spoofing",
        "version": "2026-01-01",
        "hash": "now",
        "state_hash": "now",
        "location": Location("r.yml", 1, 1),
        "staged": True,
    }
    return Rule(**(usual | more))


def alert(number: int, at: int = 0, **more: Any) -> Alert:
    usual: dict[str, Any] = {
        "id": f"a{number}",
        "timestamp": START + at,
        "provider": "p",
        "severity": 47,
        "risk_score": 1.0,
        "reason": "",
        "message": "",
        "rule_id": "r",
        "rule_name": "As it was called",
        "rule_version": "",
        "rule_hash": "now",
        "level": "high",
        "typology": "spoofing",
        "entities": ("A",),
    }
    return Alert(**(usual | more))


def stats(
    *alerts: Alert, rules: tuple[Rule, ...] | None = None, last: int = 10 * DAY
) -> Statistics:
    found = Statistics((rule(),) if rules is None else rules)
    found.reach(START)
    found.reach(START + last)
    for one in alerts:
        found.add(one)
    return found


def only(found: Statistics) -> RuleStatistics:
    (one,) = found.rules(Criteria())
    return one


def test_a_rule_on_trial() -> None:
    one = only(stats(alert(1, DAY), alert(2, 2 * DAY, entities=("A", "B")), alert(3, 4 * DAY)))

    assert (one.alerts, one.entities, one.largest_entity, one.largest_share) == (3, 2, "A", 1.0)
    assert (one.days, one.per_day, one.silent_days) == (10.0, 0.3, 6.0)
    assert one.since == "2026-01-10T00:00:00.000000000Z"
    assert one.last_alert == "2026-01-14T00:00:00.000000000Z"
    assert one.advice is not None
    assert one.advice.verdict == "promote"


def test_a_second_copy_counts_once() -> None:
    assert only(stats(alert(1), alert(1))).alerts == 1


def test_a_retracted_alert_says_nothing_of_the_rule() -> None:
    found = Statistics((rule(),), retracted={"a2", "a3", "a4"})
    found.reach(START + 10 * DAY)
    ours = alert(1), alert(2, entities=("B",)), alert(3, rule_hash="before")
    for one in (*ours, alert(4, rule_id="other")):
        found.add(one)

    this = only(found)  # and not the other, of which nothing is left

    assert (this.alerts, this.of_other_versions, this.entities, this.retracted) == (1, 0, 1, 2)


def test_alerts_of_other_versions_count_apart() -> None:
    one = only(stats(alert(1), alert(2, rule_hash="before"), alert(3, rule_hash="before")))

    assert (one.alerts, one.of_other_versions) == (1, 2)


def test_the_trial_begins_with_the_rules_date() -> None:
    one = only(stats(rules=(rule(version="2026-01-18"),)))

    assert (one.since, one.days) == ("2026-01-18T00:00:00.000000000Z", 2.0)
    assert one.advice is not None
    assert one.advice.verdict == "wait"


def test_an_alert_before_the_rules_date_shows_that_it_ran() -> None:
    one = only(stats(alert(1, DAY), rules=(rule(version="2026-01-18"),)))

    assert one.days == 9.0


def test_events_of_the_past_are_no_trial_of_a_later_rule() -> None:
    one = only(stats(rules=(rule(version="2027-01-01"),)))

    assert one.days == 0.0


def test_a_rule_that_is_gone_is_told_by_its_alerts() -> None:
    one = only(stats(alert(1), alert(2, rule_hash="newer", at=HOUR), rules=()))

    assert (one.title, one.file, one.staged) == ("As it was called", None, False)
    assert (one.alerts, one.of_other_versions) == (1, 1)
    assert one.advice is None


def test_staged_rules_come_first_then_the_busiest() -> None:
    found = stats(
        alert(1, rule_id="b"),
        alert(2, rule_id="b"),
        alert(3, rule_id="a"),
        rules=(
            rule(id="a", staged=False),
            rule(id="b", staged=False),
            rule(id="s"),
        ),
    )

    assert [one.id for one in found.rules(Criteria())] == ["s", "b", "a"]


def test_less_than_a_day_gives_no_rate() -> None:
    assert only(stats(alert(1), last=HOUR)).per_day is None


def test_verdicts_count() -> None:
    labels = Labels(
        [
            Label(location=Location("l", 1, 1), entities=frozenset({"a"}), since=START),
            Label(location=Location("l", 2, 1), entities=frozenset({"b"}), right=False),
        ],
        (rule(),),
    )
    found = Statistics((rule(),), labels)
    found.reach(START + 10 * DAY)
    for one in (alert(1), alert(2, entities=("B",)), alert(3, entities=("C",))):
        found.add(one)

    assert (only(found).right, only(found).wrong) == (1, 1)


def test_nothing_at_all() -> None:
    found = Statistics((rule(),))

    assert only(found).since is None
    assert only(found).silent_days == 0

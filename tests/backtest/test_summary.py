"""What a backtest tells: counts over time, scores against labels, comparison and sweeps."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from detections.backtest.labels import Label, Labels
from detections.backtest.result import Backtest, Score
from detections.backtest.run import Plan
from detections.backtest.sweeps import parse_sweep
from detections.backtest.variants import sweep_rules
from detections.rules.rule_set import RuleSet
from pipeline.problems import Location
from pipeline.units import HOUR
from tests.backtest.samples import (
    CORRELATION,
    LARGE,
    OFTEN,
    RULE,
    START,
    backtest,
    files,
    rules,
    transfer,
)

PLACE = Location("labels.yml", 1, 1)
#: Alerts of RULE: events 1, 2 and 4; of CORRELATION: on event 2.
AMOUNTS = (50, 100, 150, 90, 400)
LINES = [transfer(number, amount) for number, amount in enumerate(AMOUNTS)]


def labels(*found: Label, of: RuleSet | None = None) -> Labels:
    return Labels(found, (of or rules(RULE, CORRELATION)).rules)


def about(event: str, *, right: bool = True, **more: str) -> Label:
    return Label(location=PLACE, right=right, events=frozenset({event}), **more)  # type: ignore[arg-type]


def judged(*found: Label, closed_world: bool = False, lines: Sequence[bytes] = LINES) -> Backtest:
    plan = Plan(
        rules=rules(RULE, CORRELATION),
        labels=labels(*found) if found else None,
        closed_world=closed_world,
    )
    return backtest(plan, lines)


def test_alerts_are_counted_by_rule_and_time() -> None:
    found = judged()

    assert found.alerts == 4
    large, often = found.rules
    assert (large.id, large.alerts, often.id, often.alerts) == (LARGE, 3, OFTEN, 1)
    assert [one.time[11:16] for one in large.by_bucket] == ["01:00", "02:00", "04:00"]
    assert (large.first, large.last) == (
        "2026-01-01T01:00:00.000000000Z",
        "2026-01-01T04:00:00.000000000Z",
    )
    assert large.examples[0].reason == "100 ACME moved"
    assert [(one.name, one.count) for one in large.entities[:2]] == [
        ("0x" + "b2" * 20, 3),
        ("INV-0001", 2),
    ]
    assert found.labels is None
    assert found.sweep is None
    assert found.comparison is None


def test_what_was_read_is_told() -> None:
    lines = [*LINES, b"", b"{nonsense", LINES[1], transfer(9, 1, hours=2)]

    events = judged(lines=lines).events

    assert (events.read, events.dead, events.duplicates, events.late) == (7, 1, 1, 2)
    assert (events.first, events.last) == (
        "2026-01-01T00:00:00.000000000Z",
        "2026-01-01T04:00:00.000000000Z",
    )
    assert events.seconds == 4 * 3600
    assert events.bucket == "hour"
    assert sum(one.count for one in events.by_bucket) == 7


def test_a_bad_line_is_told_by_its_place_in_the_file() -> None:
    found = judged(lines=[*LINES, b"{nonsense"])

    assert found.problems[0].startswith("events.ndjson:6:")


def test_only_the_wanted_time_counts() -> None:
    plan = Plan(rules=rules(RULE), since=START + 2 * HOUR, until=START + 4 * HOUR)

    found = backtest(plan, LINES)

    assert (found.events.read, found.events.outside, found.alerts) == (2, 3, 1)


def test_a_bad_line_among_others_left_out_is_told_by_its_place() -> None:
    plan = Plan(rules=rules(RULE), since=START + 3 * HOUR)

    found = backtest(plan, [*LINES, b"[]", b"{"])

    first, second = found.problems
    assert first.startswith("events.ndjson:6:")
    assert second.startswith("events.ndjson:7:")


def test_rates_are_of_days_with_events() -> None:
    weekend = [transfer(n, 200, hours=24 * day + n % 24) for n, day in enumerate([0, 1, 2, 3, 30])]

    found = judged(lines=weekend)

    assert found.events.bucket == "day"
    assert found.events.days == 5
    assert found.rules[0].per_day == 1


def test_less_than_a_day_gives_no_rate() -> None:
    found = judged()

    assert found.events.days is None
    assert found.per_day is None


def test_precision_is_of_labelled_alerts_and_recall_of_true_labels() -> None:
    found = judged(
        about("event-1", rule="large"),
        about("event-2", rule="large", right=False),
        about("event-3", rule="large"),
    )

    assert found.labels is not None
    assert found.labels.score == Score(
        right=1, wrong=1, unlabelled=2, expected=2, found=1, precision=0.5, recall=0.5, f1=0.5
    )
    assert [one.about for one in found.labels.missed] == ["large"]
    assert [one.about for one in found.labels.fallen_for] == ["large"]


def named(*entities: str, right: bool = True) -> Label:
    return Label(location=PLACE, right=right, entities=frozenset(entities), rule="large")


@pytest.mark.parametrize(
    ("label", "unmentioned"),
    [
        (about("event-3", rule="large"), 0),  # it is there, and no alert
        (about("event-33", rule="large"), 1),
        (about("0x" + "cd" * 32, rule="large"), 0),
        (named("inv-0009"), 1),
        (named("inv-0009", "acme-usd"), 1),
        (named("inv-0009", "0x" + "c3" * 20), 1),
        # What wasn't missed, or should not be found, needs nobody's care.
        (named("inv-0002", "inv-0009"), 0),
        (named("inv-0009", right=False), 0),
        (Label(location=PLACE, since=START - 9 * HOUR, until=START - 8 * HOUR), 0),
    ],
)
def test_it_is_counted_which_missed_labels_name_nothing_in_the_events(
    label: Label, unmentioned: int
) -> None:
    found = judged(label)
    assert found.labels is not None
    assert found.labels.unmentioned == unmentioned


@pytest.mark.parametrize(
    ("since", "until", "elsewhen"),
    [
        (START - 9 * HOUR, START - 8 * HOUR, 1),
        (None, START, 1),  # its end isn't part of it
        (START + 999 * HOUR, None, 1),
        (START - 9 * HOUR, START + 1, 0),
        (START, None, 0),
        (None, None, 0),
    ],
)
def test_it_is_counted_which_missed_labels_lie_outside_of_the_time_of_the_events(
    since: int | None, until: int | None, elsewhen: int
) -> None:
    one = Label(location=PLACE, entities=frozenset({"inv-0009"}), since=since, until=until)
    found = judged(one, msgspec.structs.replace(one, right=False))
    assert found.labels is not None
    assert len(found.labels.missed) == 1
    assert found.labels.elsewhen == elsewhen


def test_names_are_in_events_in_any_case_and_as_they_are_written() -> None:
    who: dict[str, Any] = {"investor.source.id": "Jörg/X-1"}
    given = [transfer(0, 5, **who)]
    for name, unmentioned in (("jörg/x-1", 0), ("jörg", 1)):
        found = judged(named(name), lines=given)
        assert found.labels is not None
        assert found.labels.unmentioned == unmentioned


def test_in_a_closed_world_what_no_label_speaks_of_is_wrong() -> None:
    found = judged(about("event-1", rule="large"), closed_world=True)

    assert found.labels is not None
    score = found.labels.score
    assert (score.right, score.wrong, score.unlabelled, score.precision) == (1, 3, 0, 0.25)


def test_a_true_label_wins_over_a_false_one() -> None:
    found = judged(about("event-1", right=False), about("event-1"))

    assert found.labels is not None
    assert (found.labels.score.right, found.labels.score.wrong) == (2, 0)


def test_scores_by_typology_count_its_own_labels() -> None:
    found = judged(
        about("event-1", typology="large_transfers"), about("event-2", typology="structuring")
    )

    assert found.labels is not None
    by = {one.typology: one.score for one in found.labels.by_typology}
    assert (by["large_transfers"].expected, by["large_transfers"].found) == (1, 1)
    assert (by["structuring"].right, by["structuring"].recall) == (1, 1.0)


def test_the_second_rule_set_is_held_against_the_first() -> None:
    other = rules(RULE.replace("gte: 100", "gte: 120"), CORRELATION)

    found = backtest(Plan(rules=rules(RULE, CORRELATION), compared=other), LINES).comparison

    assert found is not None
    assert (found.before, found.after) == (4, 2)
    assert (found.same, found.changed, found.new, found.gone) == (2, 0, 0, 2)
    large, often = found.rules
    assert (large.kind, large.before, large.after, large.gone) == ("changed", 3, 2, 1)
    assert large.gone_examples[0].reason == "100 ACME moved"
    assert (often.before, often.after, often.gone) == (1, 0, 1)


def test_what_changes_in_an_alert_is_named() -> None:
    other = rules(RULE.replace("level: medium", "level: high"))

    found = backtest(Plan(rules=rules(RULE), compared=other), LINES).comparison

    assert found is not None
    assert (found.changed, found.same, found.new, found.gone) == (3, 0, 0, 0)
    change = found.rules[0].changed_examples[0]
    assert change.fields == ("level",)
    assert (change.before.level, change.after.level) == ("medium", "high")


def test_new_and_removed_rules_are_told() -> None:
    found = backtest(Plan(rules=rules(RULE), compared=rules(CORRELATION + "---\n" + RULE)), LINES)
    back = backtest(Plan(rules=rules(RULE, CORRELATION), compared=rules(RULE)), LINES)

    assert found.comparison is not None
    assert back.comparison is not None
    assert [(one.kind, one.new) for one in found.comparison.rules] == [("new", 1)]
    assert [(one.kind, one.gone) for one in back.comparison.rules] == [("removed", 1)]
    assert back.comparison.unchanged_rules == 1


def test_rule_sets_that_are_the_same_differ_in_nothing() -> None:
    same = rules(RULE, CORRELATION, names=["other/large.yml", "other/often.yml"])

    found = backtest(Plan(rules=rules(RULE, CORRELATION), compared=same), LINES).comparison

    assert found is not None
    assert (found.rules, found.same, found.unchanged_rules) == ((), 4, 2)


def test_a_sweep_has_alerts_precision_and_recall_for_each_value() -> None:
    read = files(RULE, CORRELATION)
    base = rules(RULE, CORRELATION)
    grid = sweep_rules(read, base, [parse_sweep("large:selection.token.amount|gte=50,100,150,500")])
    known = labels(about("event-2", rule="large"), about("event-0", rule="large", right=False))

    sweep = backtest(Plan(rules=base, grid=grid, labels=known), LINES).sweep

    assert sweep is not None
    assert sweep.rules == ("Large transfer", "Large transfers in short time")
    assert [(p.values, p.current) for p in sweep.points] == [
        (("50",), False), (("100",), True), (("150",), False), (("500",), False)
    ]  # fmt: skip
    assert [point.alerts for point in sweep.points] == [7, 4, 2, 0]
    scores = [point.score for point in sweep.points]
    assert [one.recall for one in scores if one] == [1.0, 1.0, 1.0, 0.0]
    assert [one.precision for one in scores if one] == [0.5, 1.0, 1.0, None]


def test_a_value_by_default_is_the_current_one() -> None:
    text = """\
title: Round trips
id: 0a1b2c3d-0000-4000-8000-000000000003
name: trips
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-01
references: []
falsepositives: []
typology: wash_trading
correlator: wash_trading
parameters: {pattern: self_trade}
"""
    grid = sweep_rules(files(text), rules(text), [parse_sweep("trips:minimum_trades=2,3")])

    sweep = backtest(Plan(rules=rules(text), grid=grid), LINES).sweep

    assert sweep is not None
    assert [point.current for point in sweep.points] == [False, True]
    assert sweep.parameters[0].current is None


def test_exceptions_are_told_with_what_they_held_back() -> None:
    exceptions = """\
exceptions:
  - {rules: [large], entities: [INV-0002], owner: a, reason: used, expires: 2027-01-01}
  - {rules: [large], entities: [INV-0099], owner: b, reason: idle, expires: 2027-01-01}
  - {rules: [large], entities: [INV-0001], owner: c, reason: old, expires: 2026-01-01}
"""
    base = rules(RULE, exceptions, names=["large.yml", "agreed.exceptions.yml"])

    found = backtest(Plan(rules=base), LINES)

    assert found.alerts == 2
    assert [(one.reason, one.alerts, one.expired) for one in found.exceptions] == [
        ("used", 1, False),
        ("idle", 0, False),
        ("old", 0, True),
    ]


@pytest.mark.parametrize("lateness", [0, 2 * HOUR])
def test_the_same_input_gives_the_same_bytes(lateness: int) -> None:
    def once() -> bytes:
        read = files(RULE, CORRELATION)
        base = rules(RULE, CORRELATION)
        plan = Plan(
            rules=base,
            compared=rules(RULE.replace("gte: 100", "gte: 95"), CORRELATION),
            grid=sweep_rules(read, base, [parse_sweep("often:condition.gte=1..3:1")]),
            labels=labels(about("event-1"), about("event-4", right=False)),
            allowed_lateness=lateness,
        )
        return msgspec.json.encode(backtest(plan, [*LINES, transfer(7, 300, hours=1.5), b"{"]))

    assert once() == once()


def test_lateness_puts_events_into_their_order() -> None:
    # Within 90 minutes by their own time, but the first comes last.
    lines = [transfer(2, 200, hours=2), transfer(3, 1, hours=3), transfer(1, 200, hours=1)]

    plain = backtest(Plan(rules=rules(RULE, CORRELATION)), lines)
    waiting = backtest(Plan(rules=rules(RULE, CORRELATION), allowed_lateness=3 * HOUR), lines)

    assert plain.events.late == 1
    assert waiting.events.late == 0
    assert waiting.events.allowed_lateness == "3h"
    assert {one.id: one.alerts for one in waiting.rules} == {LARGE: 2, OFTEN: 1}


def test_no_events_are_no_alerts() -> None:
    found = judged(lines=[])

    assert (found.alerts, found.events.read, found.events.first) == (0, 0, None)

"""What a bust amends without a bus, and in a backtest, is what it amends in a lane."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detections.backtest.run import Plan, run
from detections.backtest.summary import summarise
from detections.offline import detect
from detections.rules.loading import parse_rules
from normalizer.events import Alert, AlertUpdate
from normalizer.events.ecs import nest
from normalizer.events.market import TradeBusted
from pipeline.event_sources import Batch
from pipeline.problems import Problem
from tests.cli.command_line import tapewatch
from tests.detections.test_revised_evidence import RULES, Lane, selves
from tests.detections.test_revised_trades import MINUTE, revised

#: A rule that must see the whole of every event: no line is left unread.
WHOLE = """---
title: Anything with a word in it
id: 7d0f3a6e-6f6b-4f6e-9a43-0000000000b3
status: test
level: low
description: For the reading of whole lines.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: manipulation
logsource: {product: tapewatch}
detection:
  words: ["nobody?says*this"]
  condition: words
"""


def events() -> list[Any]:
    """Two trades of an account with itself, of which the venue takes back the first, twice."""
    first, second = selves(2)
    busted = revised(TradeBusted, first, 5 * MINUTE, reason="erroneous")
    return [first, second, busted, revised(TradeBusted, first, 6 * MINUTE, id="again")]


def lines() -> list[bytes]:
    return [msgspec.json.encode(nest(event)) for event in events()]


def encoded(told: list[Any]) -> list[bytes]:
    return [msgspec.json.encode(one) for one in told]


def refuse(problem: Problem) -> None:
    raise AssertionError(problem.message)


@pytest.mark.parametrize("more", ["", WHOLE], ids=["some lines", "all lines"])
def test_it_is_the_same_byte_by_byte_and_behind_the_alert(more: str) -> None:
    lane = Lane()
    lane.take(*events())
    told = list(detect(parse_rules((RULES + more).encode()), lines(), report=refuse))
    assert [type(one) for one in told] == [Alert, AlertUpdate]
    assert encoded(told) == encoded(lane.told)


def test_a_bust_that_no_rule_looks_at_amends_as_well() -> None:
    large = events()[0]
    large.quantity = 500.0
    only = parse_rules(RULES.partition("---")[2].encode())
    assert not only.correlators
    stream = [large, revised(TradeBusted, large, MINUTE)]
    alert, update = detect(only, [msgspec.json.encode(nest(one)) for one in stream], report=refuse)
    assert isinstance(update, AlertUpdate)
    assert update.alert_id == alert.id


def test_the_command_writes_it_as_a_line(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(lines()) + b"\n")
    answer = tapewatch(
        "detect", "--rules", "rules.yml", "--events", "events.ndjson", folder=tmp_path
    )
    assert answer.code == 0, answer
    alert, update = map(json.loads, answer.out.splitlines())
    assert update["event"]["action"] == "alert-update"
    assert update["surveillance"]["alert"] == {"id": alert["event"]["id"], "status": "amended"}


def test_a_backtest_counts_the_alert_and_says_what_became_of_it() -> None:
    plan = Plan(rules=parse_rules(RULES.encode()))
    found = summarise(run(plan, [Batch("events.ndjson", 1, lines(), 1)]), source="a file")
    counts = {one.title: (one.alerts, one.amended) for one in found.rules}
    assert counts == {"Two trades by one account with itself": (1, 1), "A large trade": (0, 0)}
    assert found.notes == ("1 alert rests on trades that a venue took back or corrected later",)
    (example,) = found.rules[0].examples
    assert example.amended is not None
    assert example.amended.endswith("of the trades that the alert rests on, 1 of 2 was busted (t0)")

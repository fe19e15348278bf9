"""The engine tells correlations the time, so that late sources are judged as if they were not."""

from typing import Any

from detections.engine.engine import Engine
from detections.rules.loading import parse_rules
from tests.detections.samples import Tape, transfer

MINUTE = 60 * 1_000  # of milliseconds
HOUR = 60 * MINUTE
RULES = parse_rules(b"""
title: "Base: an order is placed"
name: placed
logsource: {product: tapewatch, service: venue}
detection:
  selection:
    event.action: order-placed
  condition: selection
---
title: "Base: an order is filled"
name: filled
logsource: {product: tapewatch, service: venue}
detection:
  selection:
    event.action: order-filled
  condition: selection
---
title: Not filled within a minute
id: 5f0d2a4e-7b1c-4a53-9a0c-0a5f3a6f7a99
status: test
level: low
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: spoofing
correlation:
  type: absence
  rules: [placed, filled]
  group-by: [market.order.id]
  timespan: 1m
""")


def alerts_of(*events: Any, lateness: int = 0) -> list[list[str]]:
    engine = Engine(RULES, allowed_lateness=lateness)
    alerts = [*engine.process(events), *engine.finish()]
    assert engine.take_problems() == []
    return [[str(order) for order in alert.evidence_orders] for alert in alerts]


def block(at: float) -> Any:
    """An event of another source, which matches nothing."""
    return transfer(round(at))


def test_a_source_an_hour_late_is_judged_by_its_own_times() -> None:
    tape = Tape()
    assert alerts_of(
        block(HOUR),
        tape.placed(0, "one", "buy", 10, 1),
        block(HOUR + 1_000),
        tape.placed(2_000, "two", "buy", 10, 1),
        block(HOUR + 3_000),
        tape.filled(30_000, "one"),
        block(HOUR + 90_000),
        tape.filled(90_000, "two"),
        block(HOUR + 200_000),
    ) == [["two"]]

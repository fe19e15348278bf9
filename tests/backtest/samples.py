"""Transfers, rules over them, and what a backtest of both gives."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detections.backtest.result import Backtest
from detections.backtest.run import Plan, run
from detections.backtest.summary import summarise
from detections.rules.loading import rules_of
from detections.rules.rule_set import RuleSet
from normalizer.events.ecs import nest, parse
from pipeline.event_sources import Batch
from pipeline.units import HOUR
from pipeline.yaml_source import Parsed, parse_bytes

#: 2026-01-01
START = 1_767_225_600_000_000_000
LARGE = "0a1b2c3d-0000-4000-8000-000000000001"
OFTEN = "0a1b2c3d-0000-4000-8000-000000000002"

RULE = f"""\
title: Large transfer
id: {LARGE}
name: large
status: test
level: medium
description: For a test.
author: Tester
date: 2026-01-01
references: []
falsepositives: []
typology: large_transfers
logsource: {{product: tapewatch}}
detection:
  selection:
    event.action: token-transfer
    token.amount|gte: 100
  condition: selection
reason: "{{token.amount}} {{token.symbol}} moved"
"""

CORRELATION = f"""\
title: Large transfers in short time
id: {OFTEN}
name: often
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-01
references: []
falsepositives: []
typology: structuring
correlation:
  type: event_count
  rules: [large]
  group-by: [source.address]
  timespan: 90m
  generate: true
  condition:
    gte: 2
reason: "{{correlation.count}} from {{source.address}} within {{correlation.timespan}}"
"""


def files(*texts: str, names: Sequence[str] = ("large.yml", "often.yml")) -> list[Parsed]:
    """Rule files as they are read."""
    return [parse_bytes(text.encode(), name=name) for text, name in zip(texts, names, strict=False)]


def rules(*texts: str, names: Sequence[str] = ("large.yml", "often.yml")) -> RuleSet:
    """The rules in these texts."""
    return rules_of(files(*texts, names=names))


def transfer(number: int, amount: float, *, hours: float | None = None, **more: Any) -> bytes:
    """A line of NDJSON: `event-<number>`, an hour after the one before it."""
    at = START + round((number if hours is None else hours) * HOUR)
    event = parse(
        {
            "@timestamp": at,
            "event.action": "token-transfer",
            "event.id": f"event-{number}",
            "event.provider": "chain",
            "event.sequence": number,
            "token.symbol": "ACME",
            "token.amount": amount,
            "token.amount_raw": str(round(amount * 10**6)),
            "blockchain.chain.id": 1,
            "blockchain.block.number": number,
            "blockchain.block.hash": "0x" + "cd" * 32,
            "source.address": "0x" + "a1" * 20,
            "destination.address": "0x" + "b2" * 20,
            "investor.source.id": f"INV-{number % 3:04d}",
            **more,
        }
    )
    assert event is not None
    return msgspec.json.encode(nest(event))


def batches(lines: Iterable[bytes], size: int = 3, place: str = "events.ndjson") -> list[Batch]:
    """The lines as a source gives them, in small batches."""
    known = list(lines)
    return [
        Batch(place, first + 1, known[first : first + size], first)
        for first in range(0, len(known), size)
    ]


def backtest(plan: Plan, lines: Iterable[bytes]) -> Backtest:
    """The whole result."""
    return summarise(run(plan, batches(lines)), source="events.ndjson")


def write(path: Path, *lines: bytes) -> Path:
    """A file of lines."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path

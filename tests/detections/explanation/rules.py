"""A rule of each kind, with a correlation over one of them and another over that."""

from detections.rules import RuleSet
from detections.rules.loading import parse_rules

_REST = """\
status: test
level: high
description: Tokens leave wallets fast.
author: Tester
date: 2026-01-31
references: []
typology: large_transfers
falsepositives: [A custodian that moves its wallets]
"""
LARGE, MANY, AGAIN, WASH = (f"7d0f3a6e-6f6b-4f6e-9a43-00000000000{n}" for n in range(1, 5))
RULES = f"""\
title: Large transfer
name: large
id: {LARGE}
{_REST}
logsource: {{product: tapewatch}}
detection:
  selection:
    event.action: token-transfer
    token.amount|gte: 100
  filter_custodian:
    investor.source.labels: custodian
  condition: selection and not filter_custodian
reason: "{{token.amount}} moved from {{source.address}}"
note: Look for what the wallet did before.
---
title: Many large transfers
name: many
id: {MANY}
{_REST}
correlation:
  type: event_count
  rules: [large]
  group-by: [investor.source.id]
  timespan: 10m
  generate: true
  condition: {{gte: 3}}
---
title: Many, again and again
id: {AGAIN}
{_REST}
correlation:
  type: event_count
  rules: [many]
  group-by: [investor.source.id]
  timespan: 1d
  generate: true
  condition: {{gte: 2}}
---
title: Self-trade
id: {WASH}
{_REST}
correlator: wash_trading
parameters: {{pattern: self_trade, window: 10m, minimum_trades: 1}}
"""


def rules() -> RuleSet:
    return parse_rules(RULES.encode(), name="rules.yml")

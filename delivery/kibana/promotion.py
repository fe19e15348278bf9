"""The rule of Elastic Security that takes over Tapewatch's own alerts.

One rule for all of them: name, severity and risk score of each are taken from the alert. Fields are
those of Kibana's `RuleCreateProps` (elastic/kibana, `common/api/detection_engine`).
"""

from collections.abc import Mapping
from typing import Any

from delivery.kibana.install.rules import TAG
from delivery.kibana.security_source import Promotion, Timelines

_MOST_SIGNALS = 1_000


def promotion_rule(
    wanted: Promotion, timelines: Timelines, index: str, severities: Mapping[str, int]
) -> dict[str, Any]:
    """As an import takes it. `severities`: `event.severity` by level."""
    timeline = {one.id: one.title for one in timelines.templates}
    rule: dict[str, Any] = {
        "rule_id": wanted.id,
        "name": wanted.name,
        "description": wanted.description.strip(),
        "type": "query",
        "language": "kuery",
        "index": [index],
        "query": wanted.query,
        "enabled": True,
        "risk_score": 47,
        "severity": "medium",
        "rule_name_override": "rule.name",
        "severity_mapping": [
            {
                "field": "event.severity",
                "operator": "equals",
                "value": str(value),
                "severity": "low" if level == "informational" else level,
            }
            for level, value in severities.items()
        ],
        "risk_score_mapping": [{"field": "event.risk_score", "operator": "equals", "value": ""}],
        "interval": wanted.interval,
        "from": f"now-{wanted.lookback}",
        "to": "now",
        "max_signals": _MOST_SIGNALS,
        "version": 1,
        "tags": [TAG],
        "author": ["Tapewatch"],
        "false_positives": [],
        "references": [],
        "threat": [],
        "setup": "",
        "note": wanted.note,
        "exceptions_list": [],
        "actions": [],
        "related_integrations": [],
        "required_fields": [
            {"name": "event.kind", "type": "keyword"},
            {"name": "event.severity", "type": "long"},
            {"name": "event.risk_score", "type": "double"},
            {"name": "rule.name", "type": "keyword"},
        ],
        "investigation_fields": {
            "field_names": [
                "event.reason",
                "surveillance.typology",
                "surveillance.entities",
                "surveillance.evidence.event_ids",
                "token.symbol",
                "market.instrument",
                "blockchain.transaction.hash",
            ]
        },
    }
    if wanted.timeline in timeline:
        rule |= {"timeline_id": wanted.timeline, "timeline_title": timeline[wanted.timeline]}
    return rule

"""Rules of Elastic Security's detection engine, in the form that its import takes (NDJSON).

Written here and not by pySigma: its form downloads ATT&CK's list, and has none of what our rules
know. The fields are those of Kibana's `RuleCreateProps`.
"""

import re
from typing import Any

from detections.conversion.convert import AnyRule, Converted, fields_of
from detections.conversion.descriptions import description, reason_fields
from detections.conversion.known_fields import field_type
from detections.conversion.losses import Places
from detections.conversion.schedule import ALERTS, EVENTS, Schedule, duration, of_correlation
from detections.rules import CorrelationRule, Rule, SigmaRule
from normalizer.events import SEVERITY, Level
from normalizer.events.taxonomy import fields

ALERTS_INDEX = "logs-tapewatch.alerts-*"
#: What Kibana writes in one run at most, as it is shipped.
_MOST_SIGNALS = 1_000
_SEVERITIES: dict[Level, str] = {
    "informational": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}
_TYPES = {"lucene": ("query", "lucene"), "esql": ("esql", "esql"), "eql": ("eql", "eql")}


def event_rule(converted: Converted, index: str, places: Places) -> dict[str, Any]:
    """The rule that runs a converted query over our events."""
    assert converted.query is not None
    one = converted.rule
    kind, language = _TYPES[converted.language]
    schedule = of_correlation(one.correlation) if isinstance(one, CorrelationRule) else EVENTS
    text = description(one, converted.losses, converted.exceptions)
    made = _common(one, schedule, text, places)
    made |= {"type": kind, "language": language, "query": converted.query}
    if kind != "esql":
        made["index"] = [index]
    if isinstance(one, SigmaRule):
        # Events of the past that come now are found by the time at which they came. Correlations
        # need event time.
        made["timestamp_override"] = "event.ingested"
    made["required_fields"] = _required(one)
    return made


def alert_rule(one: AnyRule, query: str, index: str, places: Places) -> dict[str, Any]:
    """The rule that takes over the alerts that Tapewatch itself writes of one of its rules."""
    text = f"{description(one, (), ())} Takes over the alerts that Tapewatch writes of this rule."
    made = _common(one, ALERTS, text, places)
    made |= {
        "type": "query",
        "language": "lucene",
        "index": [index],
        "query": query,
        "rule_name_override": "message",
        "risk_score_mapping": [
            {"field": "event.risk_score", "operator": "equals", "value": ""},
        ],
        "severity_mapping": [
            {
                "field": "event.severity",
                "operator": "equals",
                "value": str(SEVERITY[level]),
                "severity": severity,
            }
            for level, severity in _SEVERITIES.items()
        ],
        "required_fields": [_field("event.kind"), _field("rule.id")],
    }
    return made


def _common(one: AnyRule, schedule: Schedule, text: str, places: Places) -> dict[str, Any]:
    rule = one.rule
    made: dict[str, Any] = {
        "rule_id": rule.id,
        "name": rule.title,
        "description": text,
        "risk_score": SEVERITY[rule.level],
        "severity": _SEVERITIES[rule.level],
        "version": _version(rule),
        "enabled": not rule.staged,
        "tags": ["Tapewatch", f"Typology: {rule.typology}", f"Status: {_status(rule)}", *rule.tags],
        "author": list(rule.authors),
        "references": list(rule.references),
        "false_positives": list(rule.falsepositives),
        "interval": duration(schedule.interval),
        "from": f"now-{duration(schedule.lookback)}",
        "to": "now",
        "max_signals": _MOST_SIGNALS,
        "threat": [],
        "setup": "",
        "risk_score_mapping": [],
        "severity_mapping": [],
        "exceptions_list": [],
        "actions": [],
        "related_integrations": [],
    }
    if terms := places.text(rule.location, "license"):
        made["license"] = terms
    if rule.note:
        made["note"] = rule.note
    if looked_at := reason_fields(one):
        made["investigation_fields"] = {"field_names": looked_at}
    return made


def _status(rule: Rule) -> str:
    return f"{rule.status}, staged" if rule.staged else rule.status


def _version(rule: Rule) -> int:
    """A number that grows with the rule's date."""
    date = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", rule.version)
    return int("".join(date.groups())) if date else 1


def _required(one: AnyRule) -> list[dict[str, str]]:
    names: dict[str, None] = {}
    if isinstance(one, SigmaRule):
        names |= dict.fromkeys(fields_of(one))
    elif isinstance(one, CorrelationRule):
        names |= dict.fromkeys(name for name in one.correlation.group_by if field_type(name))
        names |= dict.fromkeys(one.correlation.fields)
    return [_field(name) for name in names if name in fields()]


def _field(name: str) -> dict[str, str]:
    return {"name": name, "type": fields()[name].es}

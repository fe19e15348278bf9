"""How tests of rules went, for machines."""

from typing import Any

import msgspec

from detections.rule_testing.model import NearMiss, Result, Unmet
from normalizer.events import Alert


def row(file: str, result: Result) -> dict[str, Any]:
    """One test. What is empty is left out of a passed one."""
    test, comparison = result.test, result.comparison
    found: dict[str, Any] = {
        "file": file,
        "line": test.location.line,
        "name": test.name,
        "passed": result.passed,
        "positive": bool(test.expected),
        "alerts": len(result.alerts),
        "replays": result.replays,
    }
    if result.passed:
        return found
    found["unmet"] = [_unmet(one) for one in comparison.unmet]
    found["unexpected"] = [_alert(alert) for alert in comparison.unexpected]
    found["misses"] = [_miss(one) for one in result.misses]
    found["failed"] = list(result.failed)
    if (replayed := result.replayed) is not None:
        found["replayed"] = {
            "way": str(replayed.replay),
            "seed": replayed.replay.seed,
            "batch": replayed.replay.batch,
            "order": list(replayed.order),
            "missing": [_alert(alert) for alert in replayed.missing],
            "added": [_alert(alert) for alert in replayed.added],
            "failed": list(replayed.failed),
        }
    return found


def _unmet(unmet: Unmet) -> dict[str, Any]:
    return {
        "number": unmet.number,
        "line": unmet.expected.location.line,
        "rule": unmet.expected.rule,
        "fields": unmet.expected.fields,
        "nearest": None if unmet.nearest is None else _alert(unmet.nearest),
        "differences": msgspec.to_builtins(unmet.differences),
    }


def _miss(miss: NearMiss) -> dict[str, Any]:
    return {
        "rule.id": miss.rule.id,
        "rule.name": miss.rule.title,
        "event": miss.event_id,
        "lacking": msgspec.to_builtins(miss.lacking),
        "counted": dict(miss.counted),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "rule.id": alert.rule_id,
        "rule.name": alert.rule_name,
        "event.reason": alert.reason,
        "events": list(alert.evidence_events),
    }

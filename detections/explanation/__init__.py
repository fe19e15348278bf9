"""Why: what each rule makes of an event, part by part, and why an alert came."""

from detections.explanation.alerts import explain_alert
from detections.explanation.events import explain_event
from detections.explanation.model import AlertExplanation, EventExplanation, Part, RuleExplanation

__all__ = [
    "AlertExplanation",
    "EventExplanation",
    "Part",
    "RuleExplanation",
    "explain_alert",
    "explain_event",
]

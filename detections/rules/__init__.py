"""Rule files: YAML under `sigma_rules/`, read, checked and made ready for the engine."""

from detections.rules.loading import RuleSet, load_rules
from detections.rules.model import (
    CorrelationRule,
    CorrelatorRule,
    ExceptionRule,
    Rule,
    SigmaRule,
)

__all__ = [
    "CorrelationRule",
    "CorrelatorRule",
    "ExceptionRule",
    "Rule",
    "RuleSet",
    "SigmaRule",
    "load_rules",
]

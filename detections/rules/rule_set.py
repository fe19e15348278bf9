"""All rules that an engine runs."""

import msgspec

from detections.rules.model import (
    CorrelationRule,
    CorrelatorRule,
    ExceptionRule,
    Rule,
    SigmaRule,
)
from pipeline.problems import Problem


class RuleSet(msgspec.Struct, frozen=True):
    """Rules ready for an engine, in the order of their files."""

    sigma: tuple[SigmaRule, ...] = ()
    correlators: tuple[CorrelatorRule, ...] = ()
    correlations: tuple[CorrelationRule, ...] = ()
    """Every rule before the correlations that refer to it."""
    exceptions: tuple[ExceptionRule, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def rules(self) -> list[Rule]:
        return [one.rule for one in (*self.sigma, *self.correlators, *self.correlations)]

    @property
    def alerting(self) -> list[Rule]:
        """The rules that give alerts: without those that only feed correlations."""
        silent = {one.rule.id for one in (*self.sigma, *self.correlations) if one.silent}
        return [rule for rule in self.rules if rule.id not in silent]

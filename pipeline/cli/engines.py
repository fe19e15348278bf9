"""Engines as a configuration wants them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detections.lanes.rule_change import MakeEngine
    from pipeline.config.schema import Detections


def engine_maker(settings: "Detections") -> "MakeEngine":
    """Makes engines with the times and limits of a configuration."""
    from detections.correlations.hits import Limits
    from detections.engine.engine import Engine
    from detections.rules.rule_set import RuleSet

    limits = Limits(
        most_groups=settings.correlations.most_groups,
        most_events=settings.correlations.most_events,
        most_held=settings.correlations.most_held,
    )

    def make(rules: RuleSet) -> Engine:
        return Engine(
            rules,
            allowed_lateness=settings.allowed_lateness,
            idle_after=settings.idle_after,
            clock_tolerance=settings.clock_tolerance,
            limits=limits,
        )

    return make

"""Which steps are due of a case that is too old for what it is. Pure: the clock comes in."""

from collections.abc import Iterator, Sequence

from evidence.cases.state import Case
from normalizer.events import SEVERITY
from pipeline.config.cases import CaseEscalation


def due(case: Case, steps: Sequence[CaseEscalation], now: int) -> Iterator[CaseEscalation]:
    """The steps that are due and were not taken yet. `now`: nanoseconds since the epoch."""
    for step in steps:
        begun = _since(case, step)
        if (
            begun is not None
            and step.step not in case.steps
            and SEVERITY[case.level] >= SEVERITY[step.minimum_level]
            and now - begun >= step.after
        ):
            yield step


def _since(case: Case, step: CaseEscalation) -> int | None:
    """From when on the age of a step counts; None where the case is not what it is about."""
    if not case.working:
        return None
    match step.when:
        case "unassigned":
            return case.begun if case.assignee is None else None
        case "pending":
            return case.since if case.status == "pending" else None
        case "working":
            return case.begun

"""``pipeline.yaml`` to :class:`Configuration`, with all that is wrong with it said at once."""

from pathlib import Path

from pipeline.config.consistency import inconsistencies
from pipeline.config.schema import Configuration
from pipeline.problems import Problem, ProblemsFound
from pipeline.structured import Resolve, examine


def load_configuration(
    path: Path, *, resolve: Resolve = "now", warnings: list[Problem] | None = None
) -> Configuration:
    """The configuration in a file. Raises :class:`ProblemsFound` with all that is wrong."""
    outcome = examine(path, Configuration, resolve=resolve)
    problems = [*outcome.problems, *inconsistencies(outcome.node)]
    if outcome.value is None or any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        warnings += problems
    return outcome.value

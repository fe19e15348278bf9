"""``pipeline.yaml`` to :class:`Configuration`, with all that is wrong with it said at once."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from pipeline.config.cases_check import case_problems
from pipeline.config.consistency import inconsistencies
from pipeline.config.mask_check import mask_problems
from pipeline.config.privacy import privacy_problems
from pipeline.config.schema import Configuration
from pipeline.config.urls import url_problems
from pipeline.problems import Problem, ProblemsFound
from pipeline.structured import Resolve, examine


def load_configuration(
    path: Path,
    *,
    resolve: Resolve = "now",
    warnings: list[Problem] | None = None,
    fields: Collection[str] | None = None,
) -> Configuration:
    """The configuration in a file. Raises :class:`ProblemsFound` with all that is wrong.

    ``fields``: names of the records' fields, which only who knows the records can give; those in
    masks are then held against them.
    """
    outcome = examine(path, Configuration, resolve=resolve)
    problems = [
        *map(_with_a_way, outcome.problems),
        *inconsistencies(outcome.node),
        *mask_problems(outcome.node, fields),
        *privacy_problems(outcome.node),
        *case_problems(outcome.node),
        *url_problems(outcome.node),
    ]
    if outcome.value is None or any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        warnings += problems
    return outcome.value


def _with_a_way(problem: Problem) -> Problem:
    """Where there is no such file: how to name another one."""
    if problem.code != "yaml/no-such-file":
        return problem
    advice = "name yours by --config, or by TAPEWATCH_CONFIG in the environment"
    return msgspec.structs.replace(problem, advice=advice)

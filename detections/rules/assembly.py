"""From the documents of all files to the rules of a set."""

import datetime
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from detections.rules.context import Context, context_of
from detections.rules.correlation_rule import read_correlation_rule
from detections.rules.correlator_rule import read_correlator
from detections.rules.document import TooManyProblems
from detections.rules.drafts import Draft, Names, draft
from detections.rules.exception_files import read_exceptions, warn_of_ends
from detections.rules.files import Content, content_of
from detections.rules.filters import check_use, read_filters
from detections.rules.lists import read_lists
from detections.rules.metadata import check_dates, check_titles
from detections.rules.model import CorrelationRule, CorrelatorRule, SigmaRule
from detections.rules.modifiers import Lists
from detections.rules.references import connect
from detections.rules.rule_set import RuleSet
from detections.rules.sigma_rule import read_sigma
from pipeline.problems import Problem, ProblemsFound, in_file_order
from pipeline.yaml_source import Parsed

if TYPE_CHECKING:
    from detections.rules.pipelines import Pipelines


def assemble(
    files: Sequence[Parsed],
    problems: list[Problem],
    *,
    pipelines: Sequence[Path | Parsed] = (),
    today: datetime.date | None = None,
) -> RuleSet:
    """The rules in the documents. Raises ProblemsFound with all that is wrong, `problems` too.

    `today` is for exceptions that are past their date.
    """
    readable: dict[Content, list[Parsed]] = {"rules": [], "exceptions": [], "lists": []}
    for parsed in files:
        problems += parsed.source.problems
        if all(problem.severity != "error" for problem in parsed.source.problems):
            readable[content_of(parsed.source.name)].append(parsed)
    lists = read_lists(readable["lists"], problems)
    context = context_of(lists, _pipelines(pipelines, lists, problems))
    nodes = [node for parsed in readable["rules"] for node in parsed.documents]
    drafts = [one for node in nodes if (one := draft(node, problems))]
    complete = sum(map(len, readable.values())) == len(files)
    names = Names(drafts, problems, complete=complete)
    correlations = _read(drafts, names, context)
    exceptions = read_exceptions(readable["exceptions"], names, context, problems)
    check_titles(drafts)
    if today is not None:
        for one in drafts:
            check_dates(one, today)
        problems += warn_of_ends(exceptions, readable["exceptions"], today)
    for one in drafts:
        told = one.kind == "filter" or one.in_circle or not one.reading.usable
        if one.rule is None and not told:
            # A rule is never left out silently.
            one.reading.report(one.node, "rule/unusable", "this rule can't be used")
        problems += one.reading.problems
    ordered = in_file_order(problems)
    if any(problem.severity == "error" for problem in ordered):
        raise ProblemsFound(ordered)
    rules = [one.rule for one in drafts]
    return RuleSet(
        sigma=tuple(one for one in rules if isinstance(one, SigmaRule)),
        correlators=tuple(one for one in rules if isinstance(one, CorrelatorRule)),
        correlations=tuple(
            one.rule for one in correlations if isinstance(one.rule, CorrelationRule)
        ),
        exceptions=tuple(exceptions),
        warnings=tuple(ordered),
    )


def _pipelines(
    files: Sequence[Path | Parsed], lists: Lists, problems: list[Problem]
) -> "Pipelines | None":
    if not files:
        return None
    from detections.rules.pipelines import read_pipelines

    return read_pipelines(files, lists, problems)


def _read(drafts: Sequence[Draft], names: Names, context: Context) -> list[Draft]:
    """Read all drafts, each after what it rests on. Gives the correlations, in that order."""
    correlations = connect(drafts, names)
    filters = read_filters(drafts, names, context)
    for one in drafts:
        with suppress(TooManyProblems):
            if one.kind == "sigma":
                read_sigma(one, filters, context)
            elif one.kind == "correlator":
                read_correlator(one)
    for one in correlations:
        with suppress(TooManyProblems):
            read_correlation_rule(one, context)
    check_use(filters)
    return correlations

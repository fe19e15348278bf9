"""From the documents of all files to the rules of a set."""

from collections.abc import Iterable

from detections.rules.context import context_of
from detections.rules.correlation_rule import read_correlation_rule
from detections.rules.correlator_rule import read_correlator
from detections.rules.drafts import Draft, Names, draft
from detections.rules.model import CorrelationRule, CorrelatorRule, SigmaRule
from detections.rules.references import connect
from detections.rules.rule_set import RuleSet
from detections.rules.sigma_rule import read_sigma
from pipeline.problems import Problem, ProblemsFound, in_file_order
from pipeline.yaml_source import Parsed


def assemble(files: Iterable[Parsed], problems: list[Problem]) -> RuleSet:
    """The rules in the documents. Raises ProblemsFound with all that is wrong, `problems` too."""
    drafts: list[Draft] = []
    for parsed in files:
        problems += parsed.source.problems
        if any(problem.severity == "error" for problem in parsed.source.problems):
            continue
        drafts += [one for node in parsed.documents if (one := draft(node, problems))]
    names = Names(drafts, problems)
    correlations = connect(drafts, names)
    context = context_of({})
    for one in drafts:
        match one.kind:
            case "sigma":
                read_sigma(one, context)
            case "correlator":
                read_correlator(one)
            case "filter":
                one.reading.report(
                    one.reading.key("filter"),
                    "rule/unsupported",
                    "Sigma's filter rules are not supported yet",
                )
            case "correlation":
                pass  # below, after the rules that it refers to
    for one in correlations:
        read_correlation_rule(one)
    for one in drafts:
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
        warnings=tuple(ordered),
    )

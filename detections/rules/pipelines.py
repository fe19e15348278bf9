"""pySigma's processing pipelines, from YAML: field names, values and log sources of others.

A pipeline's transformations are applied to the rules that they fit before these are compiled.
What a pipeline does with finished queries (`postprocessing`, `finalizers`) is no business of ours;
what reads files, commands or addresses is refused, and no Python is ever run.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from sigma.correlations import SigmaCorrelationRule, SigmaRuleReference
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaRule
from sigma.rule.logsource import SigmaLogSource

from detections.rules.document import OURS, content_hash
from detections.rules.drafts import Draft
from detections.rules.modifiers import Lists
from detections.rules.pysigma_words import said_by_pysigma
from detections.rules.selections import Detection
from pipeline.problems import Problem, did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_source import Parsed, read_file

_CODE = "rule/pipeline"
_KNOWN = ("name", "priority", "vars", "transformations", "allowed_backends")
_OF_QUERIES = ("postprocessing", "finalizers")
_FROM_OUTSIDE = ("file_placeholders", "http_placeholders", "command_placeholders")


class Pipelines:
    """Pipelines that are applied one after the other, those of lower priority first."""

    def __init__(self, items: list[ProcessingItem], variables: dict[str, Any], digest: str) -> None:
        self._pipeline = ProcessingPipeline(items=items, vars=variables)
        self.variables = frozenset(variables)
        """Names that placeholders may have."""
        self._digest = digest

    def applied_to(self, draft: Draft, detection: Detection) -> Detection | None:
        """The detection of a rule as they make it; None if they can't, which is reported.

        The rule's log source may become another one.
        """
        draft.ask_for_all()
        rule = _sigma_rule(draft, detection)
        if rule is None or not self._apply(draft, rule):
            return None
        draft.sigma = rule
        draft.reading.foreign = _is_foreign(rule.logsource, draft.reading.foreign)
        if any(self._pipeline.applied):
            draft.apply([self._digest])
        return _detection_of(rule, detection)

    def applied_to_filter(
        self, filter_: Draft, rule: Draft, detection: Detection
    ) -> Detection | None:
        """A filter's detection as they make it for a rule; None if they can't: reported."""
        copied = msgspec.structs.replace(
            detection,
            selections={name: _copy(one) for name, one in detection.selections.items()},
        )
        made = _sigma_rule(rule, copied)
        if made is None or not self._apply(filter_, made):
            return None
        return _detection_of(made, copied)

    def names_of(self, correlation: Draft, name: str) -> tuple[str, ...]:
        """What a field of a correlation is called after them; reported if they can't say."""
        correlation.ask_for_all()
        rule = SigmaCorrelationRule(title=correlation.label, rules=[], group_by=[name])
        rule.referenced_rules = _references(correlation)
        if not self._apply(correlation, rule):
            return ()
        return tuple(rule.group_by or ())

    def _apply(self, draft: Draft, rule: SigmaRule | SigmaCorrelationRule) -> bool:
        try:
            self._pipeline.apply(rule)
        except Exception as error:  # as on making items: pySigma trusts what it gets
            draft.reading.report(
                draft.node, _CODE, f"a pipeline can't be applied: {said_by_pysigma(error)}"
            )
            return False
        return True


def read_pipelines(
    files: Sequence[Path | Parsed], lists: Lists, problems: list[Problem]
) -> Pipelines:
    """The pipelines in these files. Appends what is wrong to the problems."""
    found: list[tuple[int, list[ProcessingItem], dict[str, Any], str]] = []
    for file in files:
        parsed = read_file(file, single=True) if isinstance(file, Path) else file
        problems += parsed.source.problems
        if any(problem.severity == "error" for problem in parsed.source.problems):
            continue
        found.append(_read(parsed.documents[0], problems))
    items: list[ProcessingItem] = []
    variables: dict[str, Any] = {name: list(values) for name, values in lists.items()}
    for _, more, own, _ in sorted(found, key=lambda one: one[0]):
        items += more
        variables |= own
    return Pipelines(items, variables, "\n".join(digest for *_, digest in found))


def _read(
    node: Node, problems: list[Problem]
) -> tuple[int, list[ProcessingItem], dict[str, Any], str]:
    priority, items, variables = 0, list[ProcessingItem](), dict[str, Any]()
    digest = content_hash(node)
    if not isinstance(node, MappingNode):
        expected = "one with transformations"
        problems.append(node.problem(_CODE, "this isn't a pipeline", expected=expected))
        return priority, items, variables, digest
    for key, value in node.pairs:
        if key.text == "priority":
            outcome = examine(value, int)
            problems += outcome.problems
            priority = outcome.value or 0
        elif key.text == "vars":
            read = examine(value, dict[str, Any])
            problems += read.problems
            variables = read.value or {}
        elif key.text == "transformations":
            items = _transformations(value, problems)
        elif key.text not in (*_KNOWN, *_OF_QUERIES):
            known = (*_KNOWN, *_OF_QUERIES)
            problems.append(
                key.problem(
                    _CODE,
                    f"a pipeline has no {shown(key.text)}",
                    expected=one_of(known),
                    hint=did_you_mean(key.text, known),
                )
            )
    return priority, items, variables, digest


def _transformations(node: Node, problems: list[Problem]) -> list[ProcessingItem]:
    if not isinstance(node, SequenceNode):
        message = "these aren't transformations"
        problems.append(node.problem(_CODE, message, expected="a list of them"))
        return []
    found: list[ProcessingItem] = []
    for one in node.items:
        outcome = examine(one, dict[str, Any])
        problems += outcome.problems
        if outcome.value is None or _reads_outside(one, problems):
            continue
        try:
            found.append(ProcessingItem.from_dict(outcome.value))
        except Exception as error:  # as on making items
            problems.append(one.problem(_CODE, said_by_pysigma(error)))
    return found


def _reads_outside(node: Node, problems: list[Problem]) -> bool:
    """Whether a transformation, or one inside it, gets values from anywhere but the rules."""
    if isinstance(node, SequenceNode):
        return any(_reads_outside(one, problems) for one in node.items)
    if not isinstance(node, MappingNode):
        return False
    kind = node.get("type")
    if isinstance(kind, ScalarNode) and kind.text in _FROM_OUTSIDE:
        problems.append(
            kind.problem(
                _CODE,
                f"{kind.text} reads from outside, which rules may not",
                advice="put the values into a file NAME.lists.yml beside the rules",
            )
        )
        return True
    nested = node.get("items")
    return nested is not None and _reads_outside(nested, problems)


def _sigma_rule(draft: Draft, detection: Detection) -> SigmaRule | None:
    """pySigma's rule, as far as the conditions of pipelines may ask for it.

    None where its metadata can't be read, which is told elsewhere.
    """
    plain = examine(draft.node, dict[str, Any]).value or {}
    try:
        common, _ = SigmaRule.from_dict_common_params(plain, collect_errors=True)
        return SigmaRule(
            logsource=SigmaLogSource.from_dict(plain["logsource"]),
            detection=SigmaDetections(detection.selections, detection.conditions),
            **common,
        )
    except Exception:  # as on making items
        return None


def _detection_of(rule: SigmaRule, before: Detection) -> Detection:
    conditions = [one.condition for one in rule.detection.parsed_condition]
    return Detection(rule.detection.detections, conditions, before.nodes)


def _is_foreign(logsource: SigmaLogSource, before: bool) -> bool:
    if logsource.product == OURS:
        return False
    return before or logsource.product is not None


def _pysigma_of(draft: Draft) -> SigmaRule | SigmaCorrelationRule | None:
    if draft.sigma is None and draft.kind == "correlation":
        draft.sigma = SigmaCorrelationRule(title=draft.label, rules=[])
        draft.sigma.referenced_rules = _references(draft)
    return draft.sigma


def _references(correlation: Draft) -> list[SigmaRuleReference]:
    """The rules that a correlation refers to, for conditions on their log sources."""
    found: list[SigmaRuleReference] = []
    for _, base in correlation.bases:
        rule = _pysigma_of(base)
        if rule is not None:
            reference = SigmaRuleReference(base.id)
            reference.rule = rule
            found.append(reference)
    return found


def _copy(detection: SigmaDetection) -> SigmaDetection:
    """A detection that may be changed; its items keep their values and places."""
    items: list[Any] = [
        _copy(one)
        if isinstance(one, SigmaDetection)
        else cast("SigmaDetectionItem", dataclasses.replace(cast("Any", one), auto_modifiers=False))
        for one in detection.detection_items
    ]
    return SigmaDetection(items, item_linking=detection.item_linking)

"""Correlator rules: the parameters of a correlator written in Python."""

from detections.correlators.base import correlators
from detections.rules.document import make_rule, read_document
from detections.rules.drafts import Draft
from detections.rules.metadata import check_misplaced, required_of
from detections.rules.model import CorrelatorRule
from detections.rules.parameter_check import check_parameters
from normalizer.events.alert import SEVERITY
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, ScalarNode


def read_correlator(draft: Draft) -> None:
    """Read the draft's rule. Reports what is wrong with it."""
    reading = draft.reading
    document = read_document(reading, required_of(draft))
    check_misplaced(draft)
    node = draft.node.get("correlator")
    name = node.text if isinstance(node, ScalarNode) else ""
    found = correlators().get(name)
    if found is None:
        reading.report(
            node or draft.node,
            "rule/correlator",
            f"there is no correlator {shown(name)}",
            expected=one_of(correlators()),
            hint=did_you_mean(name, correlators()),
        )
        return
    place = draft.node.get("parameters")
    if place is None:
        # As if an empty group stood there, so that what is required is said to be missing.
        here = reading.key("correlator")
        place = MappingNode(here.source, here.line, here.column, here.line, here.column, [])
    outcome = examine(place, found.parameters_type)
    reading.problems += outcome.problems
    if isinstance(place, MappingNode):
        check_parameters(reading, place)
    if document is None or outcome.value is None or not reading.usable:
        return
    rule = make_rule(reading, document, draft.id, draft.digest, draft.state_digest)
    highest = found.highest_level
    if highest is not None and SEVERITY[rule.level] > SEVERITY[highest]:
        reading.report(
            reading.at("level"),
            "rule/level",
            f"a rule of the correlator {name} can't have the level {rule.level}",
            expected=f"{highest} or lower: what it finds is no proof by itself",
        )
        return
    draft.rule = CorrelatorRule(
        rule=rule,
        correlator=name,
        parameters=outcome.value,
    )

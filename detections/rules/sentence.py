"""The `reason` of a rule: its text parsed, and the names in it checked."""

import re
from collections.abc import Callable

from detections.fields import ACTION, taxonomy
from detections.fields import actions as shapes_by_action
from detections.rules.document import Reading
from detections.rules.field_check import close_to_ours
from detections.rules.places import part
from detections.rules.reason import Reason, ReasonError, parse_reason
from pipeline.yaml_nodes import Node, ScalarNode

#: As in templates of other languages.
_OTHER_BRACES = re.compile(r"\{\{\s*([@\w.]+)\s*\}\}|%([@\w.]+)%|<([@\w.]+)>")


def read_reason(reading: Reading, check_name: Callable[[Node, str], object]) -> Reason | None:
    """The sentence that a rule for our records writes; None if it has none that can be read.

    `check_name` reports a name in braces that can't stand there.
    """
    node = reading.node.get("reason")
    if not isinstance(node, ScalarNode) or reading.foreign:
        return None
    if not node.text.strip():
        advice = "remove the key, and the alert says what was found"
        reading.report(node, "rule/reason", "the sentence is empty", advice=advice)
        return None
    try:
        reason = parse_reason(node.text)
    except ReasonError as error:
        reading.report(
            part(node, error.at, error.at + 1),
            "rule/reason",
            f"the sentence can't be read: {error}",
            expected="text with fields in braces, such as {token.symbol}, and in square brackets "
            "what is left out without a value; a brace or bracket itself twice, as {{",
        )
        return None
    for name in dict.fromkeys(reason.fields):
        check_name(_place(node, name), name)
    _check_braces(reading, node)
    return reason


def _check_braces(reading: Reading, node: ScalarNode) -> None:
    """Warn of a field's name in what other programs have for braces."""
    for found in _OTHER_BRACES.finditer(node.text):
        name = next(filter(None, found.groups()))
        field = name if name in taxonomy() else close_to_ours(name)
        if field is not None:
            reading.report(
                part(node, found.start(), found.end()),
                "rule/reason",
                "this is written as it stands here, and not as a field's value",
                severity="warning",
                hint=f"{{{field}}}",
            )


def check_said(reading: Reading, reason: Reason, actions: frozenset[str]) -> None:
    """Warn of fields in a sentence that no event has which the rule can match."""
    node = reading.node.get("reason")
    known = taxonomy()
    for name in dict.fromkeys(reason.fields):
        if name not in known or any(name in shapes_by_action()[one].attributes for one in actions):
            continue
        if name != ACTION and isinstance(node, ScalarNode):
            of = [section for section in reason.sections if name in section.parts[1::2]]
            left_out = all(section.optional for section in of)
            becomes = "its brackets are always left out" if left_out else 'it is always "unknown"'
            reading.report(
                _place(node, name),
                "rule/reason",
                f"no event that this rule matches has a field {name}: {becomes}",
                severity="warning",
            )


def _place(node: ScalarNode, name: str) -> Node:
    at = node.text.find("{" + name)
    return part(node, at + 1, at + 1 + len(name)) if at >= 0 else node

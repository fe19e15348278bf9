"""The `reason` of a rule: its text parsed, and the names in it checked."""

from collections.abc import Callable

from detections.rules.document import Reading
from detections.rules.places import part
from detections.rules.reason import Reason, ReasonError, parse_reason
from pipeline.yaml_nodes import Node, ScalarNode


def read_reason(reading: Reading, check_name: Callable[[Node, str], object]) -> Reason | None:
    """The sentence that a rule for our records writes; None if it has none that can be read.

    `check_name` reports a name in braces that can't stand there.
    """
    node = reading.node.get("reason")
    if not isinstance(node, ScalarNode) or reading.foreign:
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
        at = node.text.find("{" + name)
        check_name(part(node, at + 1, at + 1 + len(name)) if at >= 0 else node, name)
    return reason

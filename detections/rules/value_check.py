"""Whether a value fits its modifiers, whatever its field is."""

import math
from collections.abc import Collection

from detections.rules.document import Reading
from detections.rules.expression_cost import takes_for_ever
from detections.rules.wording_slips import number_meant
from pipeline.yaml_nodes import ScalarNode
from pipeline.yaml_scalars import meaning

SIZES = frozenset(("gt", "gte", "lt", "lte"))
#: The numbers that parts of a time can be.
MOMENTS = {
    "minute": range(0, 60),
    "hour": range(0, 24),
    "day": range(1, 32),
    "week": range(1, 54),
    "month": range(1, 13),
    "year": range(1, 10000),
}


def check_form(reading: Reading, modifiers: Collection[str], node: ScalarNode) -> bool:
    """Whether the value fits the modifiers. Reports where it doesn't."""
    value = meaning(node)
    number = None if isinstance(value, (bool, str)) else value
    if isinstance(number, float) and not math.isfinite(number):
        reading.report(node, "rule/value", "a number must be finite", expected="a number")
        return False
    if SIZES & set(modifiers) and number is None:
        reading.report(
            node,
            "rule/value",
            "only numbers can be compared by size",
            expected="a number",
            hint=number_meant(value) if isinstance(value, str) else None,
        )
        return False
    if "re" in modifiers and takes_for_ever(node.text):
        reading.report(
            node,
            "rule/expression",
            "this expression can take for ever: a repetition ends another one",
            severity="warning" if reading.foreign else "error",
            advice="write it as one repetition: (a+)+ as a+",
        )
        return reading.foreign
    if "exists" in modifiers and not isinstance(value, bool):
        reading.report(node, "rule/value", "exists is or isn't", expected="true or false")
        return False
    for name in modifiers:
        if name in MOMENTS and (number is None or number not in MOMENTS[name]):
            allowed = MOMENTS[name]
            reading.report(
                node,
                "rule/value",
                f"this is no {name}",
                expected=f"a whole number from {allowed.start} to {allowed.stop - 1}",
            )
            return False
    return True

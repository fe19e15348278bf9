"""Whether a rule's fields exist in our records, and whether its values fit them."""

from sigma.types import SigmaString

from detections.fields import ORDERED, FieldType, taxonomy
from detections.rules.document import Reading
from detections.sigma.texts import text_test
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning

_SIZES = frozenset(("gt", "gte", "lt", "lte"))
_TEXT_MODIFIERS = frozenset(
    (
        *("contains", "startswith", "endswith", "re", "cased", "cidr", "windash"),
        *("base64", "base64offset", "wide", "utf16", "utf16be"),
    )
)
_MOMENTS = frozenset(("minute", "hour", "day", "week", "month", "year"))
_NOUNS = {
    "keyword": "text",
    "exact": "an exact integer",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a time in nanoseconds since 1970",
}


def check_field(reading: Reading, node: Node, name: str) -> FieldType | None:
    """What the field holds; None if it isn't known, which is an error in rules for our records."""
    found = taxonomy().get(name)
    if found is None and not reading.foreign:
        reading.report(
            node,
            "rule/unknown-field",
            f"no event has a field {shown(name)}",
            hint=did_you_mean(name, taxonomy()),
        )
    return found


def check_values(
    reading: Reading,
    key: ScalarNode,
    name: str,
    field: FieldType | None,
    modifiers: list[str],
    node: ScalarNode,
) -> bool:
    """Whether the value fits the field and its modifiers. Reports what doesn't."""
    value = meaning(node)
    if _SIZES & set(modifiers) and (isinstance(value, bool) or not isinstance(value, (int, float))):
        quoted = isinstance(value, str) and value.replace(".", "", 1).lstrip("-").isdigit()
        reading.report(
            node,
            "rule/value",
            "only numbers can be compared by size",
            expected="a number",
            hint=str(value) if quoted else None,
        )
        return False
    if "exists" in modifiers:
        if not isinstance(value, bool):
            reading.report(node, "rule/value", "exists is or isn't", expected="true or false")
            return False
        return True
    if reading.foreign or field is None:
        return True
    if "fieldref" in modifiers:
        return check_field(reading, node, node.text) is not None
    problem = _misfit(field, set(modifiers), value)
    if problem is not None:
        message, expected = problem
        where = key if expected is None else node
        reading.report(where, "rule/type", f"{name} holds {message}", expected=expected)
        return False
    return _check_choice(reading, name, field, modifiers, node, value)


def _misfit(field: FieldType, modifiers: set[str], value: object) -> tuple[str, str | None] | None:
    holds = _NOUNS[field.kind]
    if modifiers & _SIZES:
        if field.kind not in ORDERED:
            return f"{holds}, which can't be compared by size", None
        return None
    if modifiers & _MOMENTS:
        return None if field.kind == "date" else (f"{holds}, not a time", None)
    if value is None:
        return None
    if modifiers & _TEXT_MODIFIERS:
        if field.kind in ("keyword", "exact"):
            return None
        return f"{holds}: {one_of(sorted(modifiers & _TEXT_MODIFIERS))} is for text", None
    if field.kind == "keyword" and not isinstance(value, str):
        return "text", f'text: put it in quotes, "{value}"'
    if field.kind == "boolean" and not isinstance(value, bool):
        return holds, "true or false"
    if field.kind in ("integer", "number", "date") and (
        isinstance(value, bool) or not isinstance(value, (int, float))
    ):
        return holds, "a number without quotes"
    if field.kind == "exact" and isinstance(value, (bool, float)):
        return holds, "an integer"
    return None


def _check_choice(
    reading: Reading,
    name: str,
    field: FieldType,
    modifiers: list[str],
    node: ScalarNode,
    value: object,
) -> bool:
    if not field.choices or not isinstance(value, str) or set(modifiers) - {"all", "neq", "cased"}:
        return True
    matches = text_test(SigmaString(value), cased="cased" in modifiers)
    if any(matches(choice) for choice in field.choices):
        return True
    reading.report(
        node,
        "rule/value",
        f"{name} is never {shown(value)}",
        expected=one_of(sorted(field.choices)),
        hint=did_you_mean(value, field.choices),
    )
    return False

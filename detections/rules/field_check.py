"""Whether a rule's fields exist in our records, and whether its values fit them."""

import difflib
from functools import cache

from sigma.rule import SigmaDetectionItem
from sigma.types import SigmaFieldReference, SigmaString

from detections.fields import ORDERED, FieldType, taxonomy
from detections.rules.address_check import wrong_address
from detections.rules.document import Reading
from detections.rules.ecs_fields import ecs_fields, meant_ecs_field
from detections.rules.item_place import ItemPlace
from detections.rules.modifiers import Lists
from detections.rules.party_check import check_party
from detections.rules.places import part
from detections.rules.value_check import MOMENTS, SIZES
from detections.rules.value_slips import check_wording, list_meant
from detections.rules.wording_slips import comparison_meant, field_meant
from detections.sigma.texts import text_test
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning

_TEXT_MODIFIERS = frozenset(
    (
        *("contains", "startswith", "endswith", "re", "cased", "cidr", "windash", "expand"),
        *("base64", "base64offset", "wide", "utf16", "utf16le", "utf16be"),
    )
)
_WHOLE_VALUES = frozenset(("all", "neq", "cased"))
#: Of one list; a whole one may be for something else.
_MOST_LISTED = 3
_CLOSE = 0.9
NOUNS = {
    "keyword": "text",
    "exact": "an exact integer",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a time in nanoseconds since 1970",
}


def check_field(reading: Reading, node: Node, name: str) -> FieldType | None:
    """What the field holds; None if it isn't known, which is an error in rules for our records.

    Rules of others have their own fields: only what looks like a slip in one of ECS is told.
    """
    found = taxonomy().get(name)
    if found is not None:
        return found
    if not reading.foreign:
        reading.report(
            node,
            "rule/unknown-field",
            f"no event has a field {shown(name)}",
            hint=field_meant(name, taxonomy()),
        )
    elif (meant := meant_ecs_field(name)) is not None:
        reading.report(
            node,
            "rule/unknown-field",
            f"the Elastic Common Schema has no field {shown(name)}",
            severity="warning",
            hint=meant,
        )
    elif name not in ecs_fields() and (close := close_to_ours(name)) is not None:
        reading.report(
            node,
            "rule/unknown-field",
            f"neither our own events nor the Elastic Common Schema have a field {shown(name)}",
            severity="warning",
            hint=close,
        )
    return None


@cache  # rules of others have few fields, and each many times
def close_to_ours(name: str) -> str | None:
    """The field of our events that a name with a dot is, but for a letter or two."""
    if "." not in name or name != name.lower():
        return None
    akin = [one for one in taxonomy() if one[0] == name[0] and abs(len(one) - len(name)) <= 3]
    return next(iter(difflib.get_close_matches(name, akin, n=1, cutoff=_CLOSE)), None)


def _warn_of_ours(reading: Reading, name: str) -> None:
    """Somebody wrote a rule for our events, and called their log source otherwise."""
    if any(problem.code == "rule/logsource" for problem in reading.problems):
        return
    reading.report(
        reading.key("logsource"),
        "rule/logsource",
        f"{name} is a field of our own events, and this log source of others: their fields "
        "aren't checked",
        severity="warning",
        expected="product: tapewatch",
    )


def check_place(reading: Reading, place: ItemPlace, lists: Lists) -> bool:
    """Whether an item fits our records as it stands there. Reports what doesn't.

    `lists` are the names of reference lists.
    """
    if not place.field:
        return True
    before = reading.errors
    key = place.key
    name_node = part(key, 0, len(place.field)) if isinstance(key, ScalarNode) else key
    field = check_field(reading, name_node, place.field)
    if reading.foreign and field is not None and place.field not in ecs_fields():
        _warn_of_ours(reading, place.field)
    for node in place.nodes:
        if "fieldref" in place.modifiers:
            check_field(reading, node, node.text)
        elif field is not None and not reading.foreign:
            _check_value(reading, place, place.field, field, node, lists)
    return reading.errors == before


def check_item(reading: Reading, item: SigmaDetectionItem, lists: Lists) -> None:
    """As `check_place`, of an item after pipelines were applied."""
    place = item.source
    if not isinstance(place, ItemPlace):
        _check_added(reading, item)
        return
    if item.field is None:
        return
    field = check_field(reading, place.key, item.field)
    for value in item.value:
        if isinstance(value, SigmaFieldReference):
            check_field(reading, place.nodes[0], value.field)
    if reading.foreign or field is None or item.value is not place.values:
        return
    for node in place.nodes:
        _check_value(reading, place, item.field, field, node, lists)


def _check_added(reading: Reading, item: SigmaDetectionItem) -> None:
    """An item that a pipeline added, so that it stands nowhere in the rule."""
    if item.field is not None and not reading.foreign and item.field not in taxonomy():
        reading.report(
            reading.key("detection"),
            "rule/unknown-field",
            f"a pipeline adds the field {shown(item.field)}, which no event has",
            hint=did_you_mean(item.field, taxonomy()),
        )


def _check_value(
    reading: Reading,
    place: ItemPlace,
    name: str,
    field: FieldType,
    node: ScalarNode,
    lists: Lists,
) -> None:
    modifiers, value = set(place.modifiers), meaning(node)
    if modifiers & {"exists", "fieldref"}:
        return
    if "expand" in modifiers and node.text[:1] == node.text[-1:] == "%":
        _check_listed(reading, name, field, modifiers - {"expand"}, node, lists)
    problem = _misfit(field, modifiers, node, value)
    if problem is None:
        if node.is_missing:
            _warn_of_nothing(reading, name, node)
        elif isinstance(value, str) and not check_wording(
            reading, name, place.modifiers, node, lists
        ):
            return
        elif name.endswith(".address") and isinstance(value, str):
            _check_address(reading, name, modifiers, node)
        elif isinstance(value, str) and not modifiers - _WHOLE_VALUES:
            check_party(reading, name, node)
        _check_choice(reading, name, field, modifiers, node, value)
        return
    message, expected = problem
    where = place.key if expected is None else node
    meant = comparison_meant(value) if field.kind in ORDERED and isinstance(value, str) else None
    reading.report(
        where,
        "rule/type",
        f"{name} holds {message}",
        expected=expected,
        hint=f"{name}|{meant[0]}: {meant[1]}" if meant else None,
    )


def _check_listed(
    reading: Reading,
    name: str,
    field: FieldType,
    modifiers: set[str],
    node: ScalarNode,
    lists: Lists,
) -> None:
    """Tell of the first values of a list that no event has in the field."""
    if modifiers - _WHOLE_VALUES:
        return
    before = len(reading.problems)
    for value in lists.get(node.text[1:-1], ()):
        check_party(reading, name, node, value)
        _check_choice(reading, name, field, modifiers, node, value, listed=True)
        if len(reading.problems) >= before + _MOST_LISTED:
            return


def _warn_of_nothing(reading: Reading, name: str, node: ScalarNode) -> None:
    reading.report(
        node,
        "rule/no-value",
        f"nothing stands here: {name} must not be there then",
        severity="warning",
        advice="write the value, or null if that is meant",
    )


def _check_address(reading: Reading, name: str, modifiers: set[str], node: ScalarNode) -> None:
    if modifiers - _WHOLE_VALUES or (wrong := wrong_address(node)) is None:
        return
    message, expected, advice = wrong
    if expected is not None:
        message = f"{name} is never {shown(node.text)}: {message}"
    reading.report(
        node, "rule/address", message, severity="warning", expected=expected, advice=advice
    )


def _misfit(
    field: FieldType, modifiers: set[str], node: ScalarNode, value: object
) -> tuple[str, str | None] | None:
    holds = NOUNS[field.kind]
    if modifiers & SIZES:
        if field.kind not in ORDERED:
            return f"{holds}, which can't be compared by size", None
        return None
    if modifiers & MOMENTS.keys():
        return None if field.kind == "date" else (f"{holds}, not a time", None)
    if value is None:
        return None
    if modifiers & _TEXT_MODIFIERS:
        if field.kind in ("keyword", "exact") or modifiers & _TEXT_MODIFIERS == {"expand"}:
            return None
        return f"{holds}: {one_of(sorted(modifiers & _TEXT_MODIFIERS))} is for text", None
    if field.kind == "keyword" and not isinstance(value, str):
        return "text", f'text: put it in quotes, "{node.text}"'
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
    modifiers: set[str],
    node: ScalarNode,
    value: object,
    *,
    listed: bool = False,
) -> None:
    if not field.choices or not isinstance(value, str) or modifiers - _WHOLE_VALUES:
        return
    matches = text_test(SigmaString(value), cased="cased" in modifiers)
    if not any(matches(choice) for choice in field.choices):
        among = f"in the list {node.text}: " if listed else ""
        reading.report(
            node,
            "rule/value",
            f"{among}{name} is never {shown(value)}",
            severity="warning" if listed else "error",  # a list may be for other fields as well
            expected=one_of(sorted(field.choices)),
            hint=list_meant(value, field.choices) or did_you_mean(value, field.choices),
        )

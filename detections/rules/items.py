"""One item of a detection: a field with modifiers and values, or keywords.

pySigma gives the meaning of modifiers and values. The item is built here, so that a mistake is
known by line and column, all are found at once, and numbers stay exact (pySigma's own reading
passes them through a float).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sigma.modifiers import SigmaRegularExpressionModifier
from sigma.rule import SigmaDetectionItem
from sigma.types import SigmaBool, SigmaNull, SigmaNumber, SigmaString, SigmaType

from detections.fields import ACTION, actions, taxonomy
from detections.rules.context import Context
from detections.rules.document import Reading
from detections.rules.field_check import check_place, close_to_ours
from detections.rules.item_place import ItemPlace
from detections.rules.modifiers import Modifier
from detections.rules.places import part
from detections.rules.pysigma_words import said_by_pysigma
from detections.rules.value_check import check_form
from detections.rules.value_slips import check_sizes
from detections.rules.wording_slips import OTHER_MODIFIERS, assignment_in
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import Plain, meaning

_ANY_OF = "leave it out: several values are a list, [a, b], and any of them fits"
_EQUAL = "leave it out: a value without a modifier is to be equal"
#: What is said without any modifier.
_NEEDLESS: Mapping[str, str] = {
    "in": _ANY_OF, "any": _ANY_OF, "=": _EQUAL, "==": _EQUAL, "eq": _EQUAL, "equals": _EQUAL,
    "is": _EQUAL,
}  # fmt: skip

T = TypeVar("T")


class ExactNumber(SigmaNumber):
    """A number whose integers don't pass through a float."""

    def __post_init__(self, init_number: Any) -> None:
        if type(init_number) is int:
            self.number = init_number
        else:
            super().__post_init__(init_number)


def keyword_item(
    reading: Reading, selection: str, node: Node, values: Sequence[ScalarNode]
) -> SigmaDetectionItem | None:
    """Keywords, of which one must stand anywhere in the event. Reports what is wrong."""
    plain = [meaning(value) for value in values]
    if any(value is None for value in plain):
        reading.report(node, "rule/detection", "a keyword can't be empty")
        return None
    if not reading.foreign and any(_is_field_as_text(reading, value) for value in values):
        return None
    if not reading.foreign and selection not in taxonomy():  # which is told as a field astray
        for value in values:
            _warn_of_action(reading, value)
    place = ItemPlace(selection, node, "", (), values)
    return _made(
        reading,
        node,
        lambda: SigmaDetectionItem(None, [], [_sigma_value(v) for v in plain], source=place),
    )


def field_item(
    reading: Reading, selection: str, key: ScalarNode, node: Node, context: Context
) -> SigmaDetectionItem | None:
    """A field with modifiers, and its values. Reports what is wrong."""
    known = context.modifiers
    name, *modifiers = key.text.split("|")
    sound = _check_modifiers(reading, key, name, modifiers, known)
    values = node.items if isinstance(node, SequenceNode) else [node]
    scalars = [value for value in values if isinstance(value, ScalarNode)]
    if len(scalars) < len(values):
        wrong = next(value for value in values if not isinstance(value, ScalarNode))
        reading.report(
            wrong,
            "rule/detection",
            "this can't stand here",
            expected="a value",
            advice=_dotted(name, wrong),
        )
        return None
    if not values:
        reading.report(
            node,
            "rule/value",
            "there is no value in this list",
            expected="values; null for a field that isn't there",
        )
        return None
    for scalar in scalars:
        sound &= check_form(reading, modifiers, scalar)
    check_sizes(reading, modifiers, node, len(scalars))
    place = ItemPlace(selection, key, name, tuple(modifiers), scalars)
    if not context.pipelines:
        sound &= check_place(reading, place, context.lists)
    if not sound:
        return None
    classes = [known[modifier] for modifier in modifiers]
    verbatim = SigmaRegularExpressionModifier in classes

    def make() -> SigmaDetectionItem:
        given = [_sigma_value(meaning(s), verbatim=verbatim) for s in scalars]
        return SigmaDetectionItem(name or None, classes, given, source=place)

    item = _made(reading, node, make)
    if item is None:
        return None
    if not name and any(isinstance(value, SigmaNull) for value in item.value):
        reading.report(node, "rule/value", "null must belong to a field")
        return None
    place.values = item.value
    return item


def _warn_of_action(reading: Reading, node: ScalarNode) -> None:
    """Warn of a kind of event that would be looked for as text."""
    if node.text in actions():
        reading.report(
            node,
            "rule/detection",
            "this is text to find anywhere in an event, and also the name of a kind of event",
            severity="warning",
            hint=f"{ACTION}: {node.text}",
        )


def _is_field_as_text(reading: Reading, node: ScalarNode) -> bool:
    """Whether a field of ours and its value were put down as one text. Reports it, and warns of
    what looks like a field that there isn't."""
    meant = assignment_in(node.text)
    if meant is None:
        return False
    field = close_to_ours(meant.field.lower())
    if field is None and (meant.sign == ":" or not _is_akin(meant.field)):
        return False  # as a web address, or what somebody may have written
    reading.report(
        node,
        "rule/detection",
        "this is text to find anywhere in an event, and no field with a value",
        severity="warning" if field is None else "error",
        expected="fields with values, each in a line of its own",
        hint=None if field is None else str(meant._replace(field=field)),
    )
    return field is not None


def _is_akin(name: str) -> bool:
    """Whether a name begins as our fields do: token., market."""
    first, dot, _ = name.lower().partition(".")
    return bool(dot) and any(one.startswith(f"{first}.") for one in taxonomy())


def _dotted(name: str, node: Node) -> str | None:
    """How a field in a field is written, where somebody nested them as an event may."""
    if not name or not isinstance(node, MappingNode) or not node.pairs:
        return None
    inner = node.pairs[0][0].text
    return f"a field in a field is written with a dot: {name}.{inner[:60]}"


def _check_modifiers(
    reading: Reading,
    key: ScalarNode,
    name: str,
    modifiers: Sequence[str],
    known: Mapping[str, Modifier],
) -> bool:
    sound, at = True, len(name)
    for modifier in modifiers:
        start, at = at + 1, at + 1 + len(modifier)
        if modifier not in known:
            sound = False
            word = modifier.strip().lower()
            other = OTHER_MODIFIERS.get(word)
            reading.report(
                part(key, start, at),
                "rule/modifier",
                f"{shown(modifier)} isn't a modifier"
                if modifier
                else 'no modifier stands after this "|"',
                expected=one_of(sorted(known)),
                hint=None if word in _NEEDLESS else other or did_you_mean(modifier, known),
                advice=_NEEDLESS.get(word),
            )
    return sound


def _made(
    reading: Reading, node: Node, make: Callable[[], SigmaDetectionItem]
) -> SigmaDetectionItem | None:
    try:
        return make()
    except Exception as error:
        # Besides its own errors, pySigma lets some of Python's through, and trusts values here and
        # there that anybody can write. Whatever it fails with, it is the item that must change.
        reading.report(node, "rule/value", said_by_pysigma(error))
        return None


def _sigma_value(value: Plain, *, verbatim: bool = False) -> SigmaType:
    if verbatim:
        return SigmaString.from_str(str(value))
    if value is None:
        return SigmaNull()
    if isinstance(value, bool):
        return SigmaBool(value)
    if isinstance(value, str):
        return SigmaString(value)
    return ExactNumber(value)

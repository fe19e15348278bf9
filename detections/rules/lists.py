"""Reference lists: values by name, which `%name%` in a rule stands for.

lists:
  custodians: ["0x00000000000000000000000000000000000000c1", "0x...c2"]
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from sigma.rule import SigmaDetection, SigmaDetectionItem
from sigma.types import Placeholder, SigmaExpansion, SigmaRegularExpression, SigmaString, SigmaType

from detections.rules.document import Reading
from detections.rules.item_place import ItemPlace
from detections.rules.modifiers import MOST_VALUES, Lists
from detections.rules.places import part
from detections.rules.selections import items_of
from detections.rules.value_slips import listed_problem
from pipeline.problems import Location, Problem, did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning
from pipeline.yaml_source import Parsed

_PLACEHOLDER = re.compile(r"(?<!\\)%([^%]+)%")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_EXPECTED = "lists: a name for each, and its values: {custodians: [a, b]}"


class ListsDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of lists."""

    lists: Node


def read_lists(files: Iterable[Parsed], problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """The lists in these files by name. What is wrong is appended to the problems."""
    lists: dict[str, tuple[str, ...]] = {}
    places: dict[str, Location] = {}
    for parsed in files:
        for node in parsed.documents:
            outcome = examine(node, ListsDocument)
            problems += outcome.problems
            if outcome.value is None:
                continue
            of = outcome.value.lists
            if not isinstance(of, MappingNode):
                problems.append(
                    of.problem("rule/list", "this isn't a group of lists", expected=_EXPECTED)
                )
                continue
            for key, values in of.pairs:
                first = places.setdefault(key.text, key.location)
                if first != key.location:
                    message = f"another list has the name {shown(key.text)}"
                    problems.append(key.problem("rule/list", message, related=(first,)))
                else:
                    lists[key.text] = _values(key, values, problems)
    return lists


def _values(key: ScalarNode, node: Node, problems: list[Problem]) -> tuple[str, ...]:
    if not _NAME.fullmatch(key.text):
        expected = "letters, digits and _ . -"
        problems.append(key.problem("rule/list", "a list can't be called so", expected=expected))
    if not isinstance(node, SequenceNode):
        problems.append(node.problem("rule/list", "this isn't a list", expected=_EXPECTED))
        return ()
    if not node.items:
        message = "a list needs a value: a rule that names an empty one could match nothing"
        problems.append(node.problem("rule/list", message))
    if len(node.items) > MOST_VALUES:
        problems.append(node.problem("rule/list", f"a list has at most {MOST_VALUES:,} values"))
    found: list[str] = []
    for one in node.items:
        value = meaning(one) if isinstance(one, ScalarNode) else None
        if not isinstance(one, ScalarNode) or value is None or isinstance(value, bool):
            expected = "text, in quotes where YAML would take it for something else"
            problems.append(one.problem("rule/list", "this isn't a value", expected=expected))
        else:
            found.append(one.text)  # as it stands there, also where YAML sees a number
            if (problem := listed_problem(one)) is not None:
                problems.append(problem)
    return tuple(found)


def check_placeholders(reading: Reading, item: SigmaDetectionItem, known: Collection[str]) -> None:
    """Report what stands for a list that isn't there; `known` are those that are."""
    for name in dict.fromkeys(name for value in item.value for name in _placeholders(value)):
        place, node = item.source, None
        if isinstance(place, ItemPlace):
            node = next((one for one in place.nodes if f"%{name}%" in one.text), None)
        at = node.text.index(f"%{name}%") if node is not None else 0
        where = part(node, at, at + len(name) + 2) if node is not None else reading.key("detection")
        reading.report(
            where,
            "rule/no-such-list",
            f"there is no list {shown(name)}",
            hint=did_you_mean(name, known),
            expected=one_of(sorted(known)) if known else "a list in a file NAME.lists.yml",
        )


def _placeholders(value: SigmaType) -> list[str]:
    match value:
        case SigmaString():
            return [one.name for one in value.s if isinstance(one, Placeholder)]
        case SigmaRegularExpression():
            return _placeholders(value.regexp)
        case SigmaExpansion():
            return [name for one in value.values for name in _placeholders(one)]
        case _:
            return []


def list_digests(selections: Mapping[str, SigmaDetection], lists: Lists) -> list[str]:
    """A hash of each list that the selections name, in the order of names."""
    names: set[str] = set()
    for selection in selections.values():
        for item in items_of(selection):
            place = item.source
            if isinstance(place, ItemPlace) and "expand" in place.modifiers:
                names |= {name for one in place.nodes for name in _PLACEHOLDER.findall(one.text)}
    return [_digest(name, lists[name]) for name in sorted(names & lists.keys())]


def _digest(name: str, values: Sequence[str]) -> str:
    return hashlib.sha256(msgspec.json.encode([name, *values])).hexdigest()

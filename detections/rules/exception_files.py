"""Exceptions: who or what a rule leaves alone, with an owner, a reason and an end.

exceptions:
  - rules: [large_transfer]
    entities: [INV-0001]
    when: {investor.source.labels: custodian}
    owner: jane@example.com
    reason: Omnibus account of the custodian, agreed on 2026-10-01
    expires: 2027-01-31
"""

import datetime
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated

from msgspec import Meta, Struct

from detections.rules.context import Context
from detections.rules.detection import build_trees, check_alternatives, read_selection
from detections.rules.document import Reading, TooManyProblems, content_hash, derived_id
from detections.rules.drafts import Draft, Names
from detections.rules.model import ExceptionRule
from detections.rules.reach import matching_actions
from detections.rules.selections import Detection
from detections.rules.value_slips import entity_problem
from detections.sigma.values import Unsupported
from pipeline.problems import Location, Problem, shown
from pipeline.structured import examine
from pipeline.units import SECOND
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_source import Parsed

_CODE = "rule/exception"
_EVER = 3_653 * 86_400 * SECOND
_Text = Annotated[str, Meta(min_length=1)]


class ExceptionsDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of exceptions."""

    exceptions: list[MappingNode]


class ExceptionDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    """One exception."""

    id: _Text | None = None
    rules: Annotated[list[str], Meta(min_length=1)]
    entities: Annotated[list[_Text], Meta(min_length=1)] | None = None
    when: Node | None = None
    owner: _Text
    reason: _Text
    expires: datetime.date


def read_exceptions(
    files: Iterable[Parsed], names: Names, context: Context, problems: list[Problem]
) -> list[ExceptionRule]:
    """The exceptions in these files. What is wrong is appended to the problems."""
    found: list[ExceptionRule] = []
    ids: dict[str, Location] = {}
    for parsed in files:
        for document in parsed.documents:
            outcome = examine(document, ExceptionsDocument)
            problems += outcome.problems
            for node in outcome.value.exceptions if outcome.value is not None else ():
                reading, one = Reading(node, foreign=False), None
                with suppress(TooManyProblems):
                    one = _read(reading, names, context)
                problems += reading.problems
                if one is None:
                    continue
                first = ids.setdefault(one.id, one.location)
                if first != one.location:
                    message = "another exception has the same id"
                    if node.get("id") is None:
                        message = "another exception is the same as this"
                    problems.append(node.problem(_CODE, message, related=(first,)))
                found.append(one)
    return found


def warn_of_ends(
    exceptions: Iterable[ExceptionRule], files: Iterable[Parsed], today: datetime.date
) -> list[Problem]:
    """The exceptions that cover nothing any more on this day, and those that never seem to end."""
    nodes = {
        node.location: node
        for parsed in files
        for document in parsed.documents
        for node in _exception_nodes(document)
    }
    now = _nanoseconds(today)
    found: list[Problem] = []
    for one in exceptions:
        if one.expires <= now:
            node = nodes[one.location]
            place = node.get("expires") or node
            found.append(
                place.problem(
                    "rule/expired-exception",
                    f"this exception has expired, and covers nothing since {_day(one.expires)}",
                    severity="warning",
                    advice=f"remove it, or ask {shown(one.owner)} for a new date",
                )
            )
        elif one.expires - now > _EVER:
            place = nodes[one.location].get("expires") or nodes[one.location]
            message = "this exception would hold for more than ten years"
            found.append(place.problem("rule/endless-exception", message, severity="warning"))
    return found


def _exception_nodes(document: Node) -> list[MappingNode]:
    of = document.get("exceptions") if isinstance(document, MappingNode) else None
    items = of.items if isinstance(of, SequenceNode) else []
    return [node for node in items if isinstance(node, MappingNode)]


def _read(reading: Reading, names: Names, context: Context) -> ExceptionRule | None:
    node = reading.node
    outcome = examine(node, ExceptionDocument)
    reading.problems += outcome.problems
    rules = _rules(reading, node.get("rules"), names)
    reading.foreign = bool(rules) and all(one.reading.foreign for one in rules)
    entities = node.get("entities")
    for one in entities.items if isinstance(entities, SequenceNode) else ():
        if isinstance(one, ScalarNode) and (problem := entity_problem(one)) is not None:
            reading.add(problem)
    conditions = _conditions(reading, context)
    _check_reach(reading, rules, conditions)
    if node.get("entities") is None and node.get("when") is None:
        reading.report(
            node,
            _CODE,
            "this exception would cover every alert of its rules",
            expected="entities, or when, or both",
            advice="to silence a rule altogether, remove it or set staged: true",
        )
    document = outcome.value
    if document is None or not reading.usable:
        return None
    return ExceptionRule(
        id=document.id or derived_id(content_hash(node)),
        rules=tuple(one.id for one in rules),
        entities=frozenset(entity.lower() for entity in document.entities or ()),
        conditions=conditions,
        owner=document.owner,
        reason=document.reason,
        expires=_nanoseconds(document.expires),
        location=node.location,
    )


def _rules(reading: Reading, node: Node | None, names: Names) -> list[Draft]:
    found: list[Draft] = []
    for one in node.items if isinstance(node, SequenceNode) else ():
        text = one.text.strip() if isinstance(one, ScalarNode) else ""
        rule = names.find(text) if text else None
        if not text and isinstance(one, ScalarNode) and not one.is_missing:
            reading.report(one, _CODE, "this isn't a rule", expected="ids and names of rules")
        elif text and rule is None:
            reading.add(names.missing(one, text))
        elif rule is not None and rule.kind == "filter":
            reading.report(one, _CODE, f"{shown(text)} is a filter, which alerts nobody")
        elif rule is not None:
            found.append(rule)
            if rule.silent:
                message = f"the rule {shown(text)} only feeds correlations, and alerts nobody"
                advice = "name the correlation"
                reading.report(one, _CODE, message, severity="warning", advice=advice)
    return found


def _conditions(reading: Reading, context: Context) -> tuple[object, ...]:
    key = reading.key("when")
    node = reading.node.get("when")
    if node is None or not isinstance(key, ScalarNode):
        return ()
    if not isinstance(node, (MappingNode, SequenceNode)):
        expected = "fields with values, such as {investor.source.labels: custodian}"
        reading.report(node, _CODE, "this isn't a selection", expected=expected)
        return ()
    selection = read_selection(reading, key, node, context)
    if isinstance(node, SequenceNode):
        check_alternatives(reading, "when", node)
    if selection is None:
        return ()
    return build_trees(reading, Detection({"when": selection}, ["when"], [key]), context)


def _check_reach(reading: Reading, rules: Sequence[Draft], conditions: tuple[object, ...]) -> None:
    """Warn of a condition that no event fulfils which completes an alert of the rules."""
    if not conditions:
        return
    node = reading.key("when")
    try:
        fulfilling = matching_actions(conditions)
    except (Unsupported, RecursionError) as error:
        reading.report(node, "rule/unsupported", str(error) or "this is nested too deeply")
        return
    # None: what completes an alert of a correlator rule, say, isn't known.
    if rules and all(one.actions is not None and not one.actions & fulfilling for one in rules):
        message = "no event that these rules match fulfils this: it covers nothing"
        reading.report(node, _CODE, message, severity="warning")


def _nanoseconds(day: datetime.date) -> int:
    return (day - datetime.date(1970, 1, 1)).days * 86_400 * SECOND


def _day(moment: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(seconds=moment // SECOND)

"""Rule sets with other values in their parameters, through the same loader and checks as all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from detections.backtest.rule_documents import (
    Place,
    document_of,
    find_rule,
    find_value,
    value_at,
    with_document,
    with_value,
)
from detections.backtest.sweeps import Sweep, grid, swept_twice
from detections.rules.files import content_of
from detections.rules.loading import rules_of
from detections.rules.model import CorrelationRule, CorrelatorRule, Rule, SigmaRule
from detections.rules.rule_set import RuleSet
from pipeline.problems import Location, Problem, ProblemsFound
from pipeline.yaml_nodes import MappingNode, Node
from pipeline.yaml_source import Parsed

T = TypeVar("T", SigmaRule, CorrelatorRule, CorrelationRule)


class Axis(msgspec.Struct, frozen=True):
    """A sweep that was found in the rules."""

    rule: Rule
    path: str
    current: str | None
    """What the file says now; None where it says nothing, so that the default holds."""
    values: tuple[str, ...]


class Point(msgspec.Struct, frozen=True):
    """One combination of values, and the whole rule set with them."""

    values: tuple[str, ...]
    """For each axis."""
    rules: RuleSet


class Grid(msgspec.Struct, frozen=True):
    """All that is to be tried."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    rules: tuple[str, ...]
    """Ids of the rules whose alerts may differ: those with the axes, and correlations over them."""


class _Swept(msgspec.Struct, frozen=True):
    sweep: Sweep
    place: Place
    keys: tuple[str, ...]
    rule: Rule


def sweep_rules(
    files: Sequence[Parsed],
    base: RuleSet,
    sweeps: Sequence[Sweep],
    *,
    pipelines: Sequence[Path] = (),
) -> Grid:
    """Every combination of the values as a rule set.

    `base` is what `files` say as they are, with pySigma's `pipelines` as for the loader. Raises
    SweepError where a rule or value isn't found, and ProblemsFound, at the value's place, where the
    loader refuses one.
    """
    combinations = grid(sweeps)
    rules_at = {one.rule.location: one.rule for one in _all(base)}
    swept: list[_Swept] = []
    for sweep in sweeps:
        place = find_rule(files, sweep.rule)
        document = document_of(files, place)
        keys = find_value(document, sweep.path)
        if any((one.place, one.keys) == (place, keys) for one in swept):
            raise swept_twice(sweep.rule, sweep.path)
        swept.append(_Swept(sweep, place, keys, rules_at[document.location]))
    affected = _with_dependents(base, {one.rule.id for one in swept})
    needed = _documents_for(files, base, affected)
    points = [
        Point(values, _with_values(files, base, swept, values, affected, needed, pipelines))
        for values in combinations
    ]
    axes = tuple(
        Axis(
            rule=one.rule,
            path=one.sweep.path,
            current=value_at(document_of(files, one.place), one.keys),
            values=one.sweep.values,
        )
        for one in swept
    )
    in_order = tuple(one.rule.id for one in _all(base) if one.rule.id in affected)
    return Grid(axes, tuple(points), in_order)


def _all(rules: RuleSet) -> list[SigmaRule | CorrelatorRule | CorrelationRule]:
    return [*rules.sigma, *rules.correlators, *rules.correlations]


def _with_dependents(base: RuleSet, ids: set[str]) -> frozenset[str]:
    found = set(ids)
    for one in base.correlations:  # what a correlation refers to stands before it
        if not found.isdisjoint(one.correlation.rules):
            found.add(one.rule.id)
    return frozenset(found)


def _documents_for(
    files: Sequence[Parsed], base: RuleSet, affected: frozenset[str]
) -> frozenset[Location] | None:
    """Where the documents begin that the affected rules are made of; None for all.

    A set of a thousand rules isn't read anew for each combination. A filter may be for any rule,
    so where there is one all documents are read.
    """
    if any(_is_filter(node) for parsed in files for node in parsed.documents):
        return None
    needed = set(affected)
    for one in reversed(base.correlations):
        if one.rule.id in needed:
            needed.update(one.correlation.rules)
    return frozenset(one.rule.location for one in _all(base) if one.rule.id in needed)


def _is_filter(node: Node) -> bool:
    return isinstance(node, MappingNode) and node.get("filter") is not None


def _with_values(
    files: Sequence[Parsed],
    base: RuleSet,
    swept: Sequence[_Swept],
    values: Sequence[str],
    affected: frozenset[str],
    needed: frozenset[Location] | None,
    pipelines: Sequence[Path],
) -> RuleSet:
    changed = list(files)
    for one, value in zip(swept, values, strict=True):
        document = with_value(document_of(changed, one.place), one.keys, value)
        if isinstance(document, MappingNode) and document.get("id") is None:
            # Its id was made of its content, which is another one now.
            document = with_value(document, ("id",), one.rule.id)
        changed = with_document(changed, one.place, document)
    if needed is not None:
        changed = [_only(parsed, needed) for parsed in changed]
    try:
        loaded = rules_of(changed, pipelines=pipelines)
    except ProblemsFound as found:
        raise ProblemsFound(_said(found.problems, swept, values)) from None
    if needed is None:
        return loaded
    return RuleSet(
        sigma=_replaced(base.sigma, loaded.sigma, affected),
        correlators=_replaced(base.correlators, loaded.correlators, affected),
        correlations=_replaced(base.correlations, loaded.correlations, affected),
        exceptions=base.exceptions,
        warnings=base.warnings,
    )


def _only(parsed: Parsed, needed: frozenset[Location]) -> Parsed:
    """The needed rules of a file; lists of values, which any rule may use, are kept whole."""
    kept = content_of(parsed.source.name) == "lists"
    return Parsed(
        parsed.source, [node for node in parsed.documents if kept or node.location in needed]
    )


def _replaced(base: Sequence[T], loaded: Sequence[T], affected: frozenset[str]) -> tuple[T, ...]:
    at = {one.rule.location: one for one in loaded}
    return tuple(at[one.rule.location] if one.rule.id in affected else one for one in base)


def _said(
    problems: Sequence[Problem], swept: Sequence[_Swept], values: Sequence[str]
) -> list[Problem]:
    """The problems, with the values that brought them: the file itself says something else."""
    tried = ", ".join(f"{one.sweep.path}={value}" for one, value in zip(swept, values, strict=True))
    return [
        msgspec.structs.replace(problem, message=f"{problem.message} (tried by a sweep: {tried})")
        for problem in problems
        if problem.severity == "error"
    ]

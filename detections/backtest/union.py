"""Many rule sets as one, so that events are read and matched once for all of them.

A rule that is the same in several sets, with all that its alerts depend on, stands in the union
once; where it differs, each form of it has an id of its own.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from detections.rules.model import (
    Correlation,
    CorrelationRule,
    CorrelatorRule,
    ExceptionRule,
    Expression,
    Junction,
    Negation,
    Reference,
    SigmaRule,
)
from detections.rules.rule_set import RuleSet

#: Between an id and the number of a form.
_FORM = "~"


class United(msgspec.Struct, frozen=True):
    """The union, and which of its rules belong to which set."""

    rules: RuleSet
    forms: tuple[Mapping[str, str], ...]
    """For each set, in order: a rule's id to its id in the union."""


def unite(sets: Iterable[RuleSet]) -> United:
    """The union of rule sets. The first one's rules and exceptions keep their ids."""
    union = _Union()
    forms = tuple(union.add(rules) for rules in sets)
    return United(union.rules(), forms)


def original_id(united: str) -> str:
    """A rule's id without the number of its form."""
    return united.partition(_FORM)[0]


class _Union:
    def __init__(self) -> None:
        self._sigma: list[SigmaRule] = []
        self._correlators: list[CorrelatorRule] = []
        self._correlations: list[CorrelationRule] = []
        self._exceptions: list[ExceptionRule] = []
        self._ids: dict[Hashable, str] = {}
        self._taken: set[str] = set()

    def rules(self) -> RuleSet:
        return RuleSet(
            sigma=tuple(self._sigma),
            correlators=tuple(self._correlators),
            correlations=tuple(self._correlations),
            exceptions=tuple(self._exceptions),
        )

    def add(self, rules: RuleSet) -> dict[str, str]:
        excepted = covers(rules.exceptions)
        forms: dict[str, str] = {}
        new: set[str] = set()

        def form_of(rule_id: str, content: Hashable) -> tuple[str, bool]:
            key = (rule_id, content, excepted.get(rule_id, ()))
            known = self._ids.get(key)
            if known is None:
                known = self._ids[key] = self._free(rule_id)
                new.add(rule_id)
            forms[rule_id] = known
            return known, rule_id in new

        for sigma in rules.sigma:
            name, is_new = form_of(sigma.rule.id, (sigma.rule.hash, sigma.silent))
            if is_new:
                self._sigma.append(replace(sigma, rule=replace(sigma.rule, id=name)))
        for correlator in rules.correlators:
            name, is_new = form_of(correlator.rule.id, correlator.rule.hash)
            if is_new:
                self._correlators.append(
                    replace(correlator, rule=replace(correlator.rule, id=name))
                )
        for one in rules.correlations:  # what a correlation refers to stands before it
            refers = tuple(forms[base] for base in one.correlation.rules)
            name, is_new = form_of(one.rule.id, (one.rule.hash, one.silent, refers))
            if is_new:
                correlation = _referring(one.correlation, forms)
                rule = replace(one.rule, id=name)
                self._correlations.append(replace(one, rule=rule, correlation=correlation))
        for exception in rules.exceptions:
            mine = tuple(forms[rule_id] for rule_id in exception.rules if rule_id in new)
            if mine:
                name = self._free(exception.id)
                self._exceptions.append(replace(exception, id=name, rules=mine))
        return forms

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}{_FORM}{number}"
        self._taken.add(name)
        return name


def covers(exceptions: Sequence[ExceptionRule]) -> dict[str, tuple[Hashable, ...]]:
    """What keeps each rule's alerts back, by the rule's id."""
    found: dict[str, tuple[Hashable, ...]] = {}
    for one in exceptions:
        content = (one.entities, _shape(one.conditions), one.expires)
        for rule_id in dict.fromkeys(one.rules):
            found[rule_id] = (*found.get(rule_id, ()), content)
    return found


def _shape(tree: Any) -> Hashable:
    """What one of pySigma's trees says, without where it stands."""
    if isinstance(tree, tuple | list):
        return tuple(_shape(part) for part in cast("Sequence[Any]", tree))
    kind = type(tree).__name__
    if hasattr(tree, "args"):
        return (kind, _shape(tree.args))
    return (kind, getattr(tree, "field", None), repr(tree.value))


def _referring(correlation: Correlation, forms: Mapping[str, str]) -> Correlation:
    """The correlation over the forms of its rules."""
    return replace(
        correlation,
        rules=tuple(forms[base] for base in correlation.rules),
        aliases={
            alias: {forms.get(base, base): field for base, field in fields.items()}
            for alias, fields in correlation.aliases.items()
        },
        expression=_renamed(correlation.expression, forms) if correlation.expression else None,
    )


def _renamed(expression: Expression, forms: Mapping[str, str]) -> Expression:
    match expression:
        case Reference(rule=rule):
            return Reference(forms[rule])
        case Junction(operator=operator, parts=parts):
            return Junction(operator, tuple(_renamed(part, forms) for part in parts))
        case Negation(part=part):
            return Negation(_renamed(part, forms))

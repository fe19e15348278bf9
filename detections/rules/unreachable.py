"""Selections that can never match together with those that they are joined to by `and`.

What is known of each field is gathered along a condition: the values and sizes that it can have,
and the kinds of event that have it. A part that contradicts this can't match, and a `not` before
such a part leaves nothing out. Only what is certain is told: fields that hold lists, and values
that depend on upper and lower case, say nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
)

from detections.fields import ACTION, actions, taxonomy
from detections.rules.document import Reading
from detections.rules.ecs_fields import ecs_fields
from detections.rules.item_place import ItemPlace
from detections.sigma.texts import plain_text
from detections.sigma.values import ValueTest, value_test
from pipeline.problems import one_of, shown

_LOWER: dict[CompareOperators, bool] = {CompareOperators.GT: True, CompareOperators.GTE: False}
_UPPER: dict[CompareOperators, bool] = {CompareOperators.LT: True, CompareOperators.LTE: False}
_MOST_NODES = 2_000


class _Claim(msgspec.Struct, frozen=True):
    """What a part of a condition says of one field."""

    field: str
    place: ItemPlace | None
    test: ValueTest | None = None
    """Whether it allows a value; None where that isn't certain."""
    values: tuple[Any, ...] | None = None
    """All values that it allows, text in lower case; None where there may be others."""
    low: tuple[float, bool] | None = None
    """The bound and whether it is itself excluded."""
    high: tuple[float, bool] | None = None
    present: bool | None = None
    """Whether the field must be there, must not, or either."""
    pure: bool = False
    """Whether that is all it says."""


class _Known(msgspec.Struct, frozen=True):
    """What is known of a field from several claims."""

    claims: tuple[_Claim, ...] = ()

    def joined(self, claim: _Claim) -> "_Known | _Claim":
        """What is known with another claim; the earlier claim that it contradicts, if one does."""
        for one in self.claims:
            if _contradict(one, claim):
                return one
        together = (*self.claims, claim)
        if not self.claims:
            return _Known(together)
        # 5 is the text 5.0 by its number, which isn't 5 by its text: one way round is enough.
        lists = [one.values for one in together if one.values is not None]
        if lists and not any(_allowed(value, together) for values in lists for value in values):
            return next((one for one in self.claims if one.values is not None), self.claims[-1])
        return _Known(together)


class _Facts(msgspec.Struct, frozen=True):
    """What is known at a point of a condition."""

    fields: Mapping[str, _Known]
    actions: frozenset[str] | None
    """The kinds of record that are possible; None for events of others."""
    because: ItemPlace | None = None
    """What narrowed the kinds last."""


class _Contradiction(msgspec.Struct, frozen=True):
    """Why a part can't match."""

    message: str
    place: ItemPlace | None
    other: ItemPlace | None
    of_presence: bool = False
    """It is only that a field is there, or isn't."""


def check_reachable(reading: Reading, trees: Sequence[object]) -> bool:
    """Warn of selections that can't match with the others; whether anything can match at all."""
    known = None if reading.foreign else frozenset(actions())
    search = _Search(reading)
    found = [search.visit(tree, _Facts({}, known)) for tree in trees]
    whole = [one for one in found if isinstance(one, _Contradiction)]
    for one in whole:
        search.report(one, "")
    return len(whole) < len(found)


class _Search:
    """One walk through a rule's conditions."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._said: set[str] = set()
        self._nodes = 0

    def visit(self, node: object, facts: _Facts) -> _Facts | _Contradiction:
        """What is known after a part that must hold."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            return facts  # who writes such a condition must do without
        foreign = self._reading.foreign
        if isinstance(node, ConditionNOT):
            inner = self.visit(node.args[0], facts)
            if isinstance(inner, _Contradiction):
                # That a field isn't there is often left out to be on the safe side.
                if not inner.of_presence and not _is_neq(node):
                    self.report(inner, ": the not before it leaves nothing out")
                return facts
        if (claim := _claim_of(node, foreign)) is not None:
            return _with(facts, claim)
        match node:
            case ConditionAND():
                return self._all(node.args, facts)
            case ConditionOR():
                return self._any(node.args, facts)
            case _:
                return facts

    def _all(self, parts: Iterable[object], facts: _Facts) -> _Facts | _Contradiction:
        # What is simple first, and what is left out last: each is judged by what came before.
        foreign = self._reading.foreign
        for part in sorted(parts, key=lambda part: _difficulty(part, foreign)):
            outcome = self.visit(part, facts)
            if isinstance(outcome, _Contradiction):
                return outcome
            facts = outcome
        return facts

    def _any(self, parts: Iterable[object], facts: _Facts) -> _Facts | _Contradiction:
        outcomes = [self.visit(part, facts) for part in parts]
        dead = [one for one in outcomes if isinstance(one, _Contradiction)]
        if len(dead) == len(outcomes):
            return dead[0]
        for one in dead:
            if not one.of_presence:
                self.report(one, "")
        if facts.actions is None:
            return facts
        alive = [one.actions for one in outcomes if isinstance(one, _Facts) and one.actions]
        return msgspec.structs.replace(facts, actions=frozenset[str]().union(*alive))

    def report(self, found: _Contradiction, more: str) -> None:
        """Warn of a selection, once."""
        place = found.place
        name = place.selection if place is not None else ""
        if name in self._said or place is None:
            return
        self._said.add(name)
        other = found.other
        self._reading.report(
            place.key,
            "rule/unreachable",
            f"the selection {shown(name)} can't match here: {found.message}{more}",
            severity="warning",
            related=(other.key.location,) if other is not None else (),
        )


def _difficulty(part: object, foreign: bool) -> int:
    if isinstance(part, ConditionNOT):
        return 3
    if _claim_of(part, foreign) is not None:
        return 0
    return 1 if isinstance(part, ConditionAND) else 2


def _is_neq(node: ConditionNOT) -> bool:
    place = _place(node)
    return place is not None and "neq" in place.modifiers


def _with(facts: _Facts, claim: _Claim) -> _Facts | _Contradiction:
    field = claim.field
    known = facts.fields.get(field, _Known())
    joined = known.joined(claim)
    if isinstance(joined, _Claim):
        message, pure = f"{field} can't be both", claim.pure or joined.pure
        return _Contradiction(message, claim.place, joined.place, of_presence=pure)
    fields = {**facts.fields, field: joined}
    if facts.actions is None:
        return _Facts(fields, None)
    possible = frozenset(one for one in facts.actions if _fits(one, claim))
    if not possible:
        names = one_of(sorted(facts.actions))
        message = f"no {names} event has a field {field}"
        if field == ACTION or len(facts.actions) > 12:
            message = f"no event with what else is asked for has such a {field}"
        return _Contradiction(message, claim.place, facts.because)
    because = claim.place if possible != facts.actions else facts.because
    return _Facts(fields, possible, because)


def _fits(action: str, claim: _Claim) -> bool:
    """Whether records of this kind can be as the claim says."""
    if claim.field == ACTION:
        return claim.test is None or claim.test(action)
    return claim.present is not True or claim.field in actions()[action].attributes


def _contradict(one: _Claim, other: _Claim) -> bool:
    if one.present is not None and other.present is not None and one.present is not other.present:
        return True
    lists = [claim.values for claim in (one, other) if claim.values is not None]
    if lists and not any(_allowed(v, (one, other)) for values in lists for v in values):
        return True
    return _apart(one.low, other.high) or _apart(other.low, one.high)


def _allowed(value: Any, claims: Iterable[_Claim]) -> bool:
    return all(one.test is None or one.test(value) for one in claims)


def _apart(low: tuple[float, bool] | None, high: tuple[float, bool] | None) -> bool:
    if low is None or high is None:
        return False
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _claim_of(node: object, foreign: bool) -> _Claim | None:
    """What a simple part says of one field; None for one that isn't simple."""
    match node:
        case ConditionFieldEqualsValueExpression():
            return _claim(node.field, node.value, _place(node), foreign)
        case ConditionNOT() if isinstance(node.args[0], ConditionFieldEqualsValueExpression):
            return _negated(_claim_of(node.args[0], foreign))
        case ConditionNOT() if isinstance(node.args[0], ConditionOR):
            return _negated(_claim_of(node.args[0], foreign))
        case ConditionOR():
            claims = [_claim_of(arg, foreign) for arg in node.args]
            simple = [one for one in claims if one is not None]
            if len(simple) < len(claims) or len({one.field for one in simple}) > 1:
                return None
            return _either(simple)
        case _:
            return None


def _either(claims: Sequence[_Claim]) -> _Claim:
    """One claim or the other, of one field."""
    first = claims[0]
    tests = [one.test for one in claims if one.test is not None]
    values = [one.values for one in claims if one.values is not None]
    certain = len(tests) == len(claims)
    presences = {one.present for one in claims}
    return _Claim(
        field=first.field,
        place=first.place,
        test=(lambda value: any(test(value) for test in tests)) if certain else None,
        values=tuple(v for of in values for v in of) if len(values) == len(claims) else None,
        present=first.present if len(presences) == 1 else None,
    )


def _negated(claim: _Claim | None) -> _Claim | None:
    """The opposite of a claim: it also allows that the field isn't there."""
    if claim is None:
        return None
    if claim.pure:
        return msgspec.structs.replace(claim, present=not claim.present)
    test = claim.test
    return _Claim(
        field=claim.field,
        place=claim.place,
        test=(lambda value: not test(value)) if test is not None else None,
    )


def _claim(field: str, value: SigmaType, place: ItemPlace | None, foreign: bool) -> _Claim | None:
    match value:
        case SigmaNull():
            return _Claim(field, place, present=False, pure=True)
        case SigmaExists():
            return _Claim(field, place, present=value.exists, pure=True)
        case _:
            pass
    kind = ecs_fields().get(field) if foreign else taxonomy().get(field)
    if kind is not None and kind.many:
        return _Claim(field, place, present=True)  # of a list, elements may be different
    if isinstance(value, SigmaExpansion):
        claims = [_claim(field, one, place, foreign) for one in value.values]
        return _either([one for one in claims if one is not None]) if claims else None
    return _of_value(_Claim(field, place, present=True), value)


def _of_value(claim: _Claim, value: SigmaType) -> _Claim:
    replace = msgspec.structs.replace
    match value:
        case SigmaCasedString() | SigmaTimestampPart():
            return claim
        case SigmaString():
            plain = plain_text(value)
            values = None if plain is None else (plain.lower(),)
            return replace(claim, test=_safe(value_test(value)), values=values)
        case SigmaNumber():
            return replace(claim, test=_safe(value_test(value)), values=(value.number,))
        case SigmaBool():
            return replace(claim, test=_safe(value_test(value)), values=(value.boolean,))
        case SigmaCompareExpression():
            number = value.number.number
            low = (number, _LOWER[value.op]) if value.op in _LOWER else None
            high = (number, _UPPER[value.op]) if value.op in _UPPER else None
            return replace(claim, test=_safe(value_test(value)), low=low, high=high)
        case SigmaRegularExpression() if SigmaRegularExpressionFlag.IGNORECASE in value.flags:
            return replace(claim, test=_safe(value_test(value)))
        case SigmaCIDRExpression():
            return replace(claim, test=_safe(value_test(value)))
        case _:
            return claim


def _safe(test: ValueTest) -> Callable[[Any], bool]:
    """The test, which allows what it can't deal with."""

    def check(value: Any) -> bool:
        try:
            return test(value)
        except Exception:
            return True

    return check


def _place(node: Any) -> ItemPlace | None:
    source = getattr(node, "source", None)
    return source if isinstance(source, ItemPlace) else None

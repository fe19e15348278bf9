"""Exceptions as conditions, so that a converted rule leaves alone what the engine leaves alone.

An exception covers an alert about one of its entities, or whose event matches, until its end. Who
an alert is about is in the event's fields: each party by its investor's id where that is known,
else by account or address, and all that `related.user` names (`detections.alerting.alerts`).
"""

from collections.abc import Iterable, Sequence

from sigma.types import SigmaNull, SigmaString

from detections.conversion.fitting import FitLeaf, fit_conditions, fit_tree
from detections.conversion.losses import Losses
from detections.conversion.trees import Tree, any_of, every, leaf, negated
from detections.fields import actions
from detections.rules.model import ExceptionRule
from detections.rules.reach import matching_actions
from normalizer.events.chain import ZERO_ADDRESS

#: For each party of an event: the fields of which the first with a value names it.
PARTIES = (
    ("investor.source.id", "source.address"),
    ("investor.destination.id", "destination.address"),
    ("investor.buyer.id", "investor.buyer.account"),
    ("investor.seller.id", "investor.seller.account"),
    ("investor.id", "investor.account", "investor.address"),
)
#: What names an alert of an event without parties.
_INSTEAD = ("token.address", "market.instrument")


def covered_by(
    exception: ExceptionRule, conditions: Sequence[object], fit: FitLeaf, losses: Losses
) -> Tree:
    """When an event that matches a rule's `conditions` is covered, but for the exception's end."""
    parts: list[Tree] = []
    if exception.entities:
        known = _fields(conditions)
        about = any_of(about_entity(entity, known) for entity in sorted(exception.entities))
        parts.append(fit_tree(about, fit, losses, conjunctive=False))
    if exception.conditions:
        parts.append(fit_conditions(exception.conditions, _not_alone(fit), losses))
    return every(parts)


def about_entity(entity: str, known: Iterable[str]) -> Tree:
    """Whether an alert of an event with these fields is about the entity."""
    fields = frozenset(known)
    found: list[Tree] = []
    nobody: list[Tree] = []
    for party in PARTIES:
        names = [name for name in party if name in fields]
        missing: list[Tree] = []
        for name in names:
            if entity != ZERO_ADDRESS:  # which is nobody
                found.append(every([*missing, _is(name, entity)]))
            missing.append(_has_no(name))
        if names:
            unnamed = any_of([missing[-1], _is(names[-1], ZERO_ADDRESS)])
            nobody.append(every([*missing[:-1], unnamed]))
    instead = [name for name in _INSTEAD if name in fields]
    for place, name in enumerate(instead):
        earlier = [_has_no(before) for before in instead[:place]]
        found.append(every([*nobody, *earlier, _is(name, entity)]))
    found.append(_is("related.user", entity))
    return any_of(found)


def _fields(conditions: Sequence[object]) -> frozenset[str]:
    """The fields of all kinds of event that can match."""
    shapes = [actions()[action] for action in matching_actions(conditions)]
    return frozenset(name for shape in shapes for name in shape.attributes)


def _is(name: str, text: str) -> Tree:
    return leaf(name, SigmaString.from_str(text))


def _has_no(name: str) -> Tree:
    return any_of([leaf(name, SigmaNull()), _is(name, "")])


def _not_alone(fit: FitLeaf) -> FitLeaf:
    return lambda found, losses, _: fit(found, losses, False)


def without(tree: Tree, exceptions: Iterable[Tree]) -> Tree:
    """The rule's tree, without what the exceptions cover."""
    return every([tree, *(negated(one) for one in exceptions)])

"""A rule's conditions fitted to a target."""

from collections.abc import Callable, Iterable

from sigma.conditions import ConditionAND, ConditionItem, ConditionNOT, ConditionOR

from detections.conversion.losses import Losses
from detections.conversion.trees import (
    Keyword,
    Leaf,
    Tree,
    alternatives,
    any_of,
    every,
    negated,
    parts_of,
)

#: Fits one leaf. The last argument: it stands under no OR and no NOT.
FitLeaf = Callable[[Leaf | Keyword, Losses, bool], Tree]


def fit_conditions(conditions: Iterable[object], fit: FitLeaf, losses: Losses) -> Tree:
    """One tree of a rule's conditions, of which one that holds is enough."""
    found = list(conditions)
    return any_of([fit_tree(one, fit, losses, conjunctive=len(found) == 1) for one in found])


def fit_tree(tree: object, fit: FitLeaf, losses: Losses, *, conjunctive: bool = True) -> Tree:
    """A new tree. What it loses goes to `losses`."""
    match tree:
        case ConditionAND():
            return every(
                [fit_tree(p, fit, losses, conjunctive=conjunctive) for p in parts_of(tree)]
            )
        case ConditionOR():
            return any_of([fit_tree(p, fit, losses, conjunctive=False) for p in parts_of(tree)])
        case ConditionNOT():
            return negated(fit_tree(parts_of(tree)[0], fit, losses, conjunctive=False))
        case Leaf() | Keyword():
            found = alternatives(tree)
            alone = conjunctive and len(found) == 1
            return any_of([fit(one, losses, alone) for one in found])
        case ConditionItem() | _:
            raise TypeError(f"{type(tree).__name__} is no part of a condition")

"""pySigma's condition trees, built anew: those of loaded rules belong to the engine."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import SigmaExpansion, SigmaQueryExpression, SigmaType

Leaf = ConditionFieldEqualsValueExpression
Keyword = ConditionValueExpression
Tree = ConditionItem | Leaf | Keyword


def leaf(field: str, value: SigmaType, like: object = None) -> Leaf:
    """The field has the value; it stands where `like` stands."""
    made = Leaf(field, value)
    made.source = getattr(like, "source", None)
    return made


_DEFINED = "defined"


def raw(field: str, expression: str, like: object = None, *, defined: bool = False) -> Leaf:
    """A finished piece of the target's language about a field.

    `defined`: it is true or false also where the field is missing, never null.
    """
    return leaf(field, SigmaQueryExpression(_unformatted(expression), _DEFINED * defined), like)


def is_defined(found: Leaf) -> bool:
    """Whether it was made `defined`."""
    return isinstance(found.value, SigmaQueryExpression) and found.value.id == _DEFINED


def raw_keyword(expression: str) -> Keyword:
    """A finished piece of the target's language."""
    return Keyword(SigmaQueryExpression(_unformatted(expression), ""))


def _unformatted(expression: str) -> str:
    # pySigma passes it through str.format.
    return expression.replace("{", "{{").replace("}", "}}")


def every(parts: Iterable[Tree]) -> Tree:
    """All of the parts, at least one, hold."""
    found = list(parts)
    return found[0] if len(found) == 1 else ConditionAND([*found])


def any_of(parts: Iterable[Tree]) -> Tree:
    """One of the parts, at least one, holds."""
    found = list(parts)
    return found[0] if len(found) == 1 else ConditionOR([*found])


def negated(part: Tree) -> Tree:
    """The part doesn't hold."""
    return ConditionNOT([part])


def parts_of(tree: ConditionItem) -> Sequence[Any]:
    """The parts of an and, or or not."""
    return [part for part in tree.args if part is not None]


def alternatives(found: Leaf | Keyword) -> list[Leaf | Keyword]:
    """The leaf, or one for each of the values that a modifier expanded its value to."""
    if not isinstance(found.value, SigmaExpansion):
        return [found]
    if isinstance(found, Keyword):
        return [Keyword(value) for value in found.value.values]
    return [leaf(found.field, value, found) for value in found.value.values]


def leaves(tree: object) -> Iterator[Leaf | Keyword]:
    """All leaves, from left to right."""
    if isinstance(tree, ConditionItem):
        for part in parts_of(tree):
            yield from leaves(part)
    elif isinstance(tree, (Leaf, Keyword)):
        yield tree


def linked(tree: Tree, parent: Any = None) -> Tree:
    """The tree with each part knowing what it is in, as backends ask. It is changed for that."""
    tree.parent = parent
    if isinstance(tree, ConditionItem):
        for part in parts_of(tree):
            linked(part, tree)
    return tree

"""A rule's condition as a tree, each part held against an event.

Every part is judged by the compiler that the engine uses, so that an explanation can't disagree
with it.
"""

from collections.abc import Sequence

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionIdentifier,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaDetection, SigmaDetectionItem
from sigma.types import SigmaExists, SigmaFieldReference, SigmaNull, SigmaType

from detections.explanation.model import Part
from detections.explanation.seen import Seen
from detections.explanation.wanted import any_of_words, keyword_words, wanted_words
from detections.fields import ACTION
from detections.sigma.compiler import compile_conditions
from detections.sigma.values import keyword_test
from pipeline.problems import one_of


def explain_condition(conditions: Sequence[object], seen: Seen) -> Part:
    """A rule's conditions, of which one is enough."""
    if len(conditions) == 1:
        return _part(conditions[0], seen)
    parts = tuple(_part(one, seen) for one in conditions)
    return Part(kind="any", holds=any(part.holds for part in parts), parts=parts)


def ruled_out(conditions: Sequence[object], seen: Seen) -> str | None:
    """Why no event of this kind can match; None if some could."""
    if not all(_is_out(one, seen) for one in conditions):
        return None
    return _mismatches([leaf for one in conditions for leaf in _leaves_out(one, seen)], seen)


def _part(tree: object, seen: Seen) -> Part:
    name = _selection(tree)
    match tree:
        case ConditionNOT():
            inner = _part(tree.args[0], seen)
            return Part(kind="not", holds=not inner.holds, name=name, parts=(inner,))
        case ConditionAND():
            parts = tuple(_part(arg, seen) for arg in tree.args)
            return Part(kind="all", holds=all(p.holds for p in parts), name=name, parts=parts)
        case ConditionOR():
            values = _of_one_field(tree.args)
            if values is not None:
                field, wanted = values
                return _field(tree, field, any_of_words(wanted), seen)
            parts = tuple(_part(arg, seen) for arg in tree.args)
            return Part(kind="any", holds=any(p.holds for p in parts), name=name, parts=parts)
        case ConditionFieldEqualsValueExpression():
            return _field(tree, tree.field, wanted_words(tree.value), seen)
        case ConditionValueExpression():
            return Part(
                kind="keyword",
                holds=_holds(tree, seen),
                name=name,
                wanted=keyword_words(tree.value),
                came=seen.where(keyword_test(tree.value)),
            )
        case _:
            raise TypeError(f"{type(tree).__name__} is no part of a condition")


def _field(tree: object, field: str, words: str, seen: Seen) -> Part:
    came = seen.text(field)
    other = _other_field(tree)
    if other is not None:
        value = seen.text(other)
        words = f"{words}, which {'has no value' if value is None else f'is {value}'}"
    holds = _holds(tree, seen)
    return Part(
        kind="field",
        holds=holds,
        name=_selection(tree),
        field=field,
        wanted=words,
        came=came,
        missing=seen.why_missing(field) if came is None else None,
        hint=seen.nearly(field) if came is None and not holds else None,
    )


def _holds(tree: object, seen: Seen) -> bool:
    compiled = compile_conditions([tree], seen.reader)
    return compiled if isinstance(compiled, bool) else compiled(seen.event)


def _of_one_field(args: Sequence[object]) -> tuple[str, list[SigmaType]] | None:
    """The field and the values, where all alternatives are plain values of one field."""
    fields: list[str] = []
    values: list[SigmaType] = []
    for arg in args:
        if not isinstance(arg, ConditionFieldEqualsValueExpression):
            return None
        if isinstance(arg.value, (SigmaNull, SigmaExists, SigmaFieldReference)):
            return None
        fields.append(arg.field)
        values.append(arg.value)
    return (fields[0], values) if len(set(fields)) == 1 else None


def _other_field(tree: object) -> str | None:
    if isinstance(tree, ConditionFieldEqualsValueExpression):
        value = tree.value
        return value.field if isinstance(value, SigmaFieldReference) else None
    return None


def _selection(tree: object) -> str | None:
    """The name of the selection whose whole condition this is."""
    above = getattr(tree, "parent", None)
    while isinstance(above, (SigmaDetection, SigmaDetectionItem)):
        above = above.parent
    return above.identifier if isinstance(above, ConditionIdentifier) else None


# -- what can't match ----------------------------------------------------------------------------


def _is_out(tree: object, seen: Seen) -> bool:
    """Whether it is false for every event of this kind: decided when rules are compiled."""
    match tree:
        case ConditionAND():
            return any(_is_out(arg, seen) for arg in tree.args)
        case ConditionOR():
            return all(_is_out(arg, seen) for arg in tree.args)
        case ConditionFieldEqualsValueExpression() if tree.field == ACTION:
            return not _holds(tree, seen)
        case _:
            return compile_conditions([tree], seen.reader) is False


def _leaves_out(tree: object, seen: Seen) -> list[Part]:
    """The parts that are false for every event of this kind, as few as are needed."""
    match tree:
        case ConditionAND():
            return _leaves_out(next(arg for arg in tree.args if _is_out(arg, seen)), seen)
        case ConditionOR() if _of_one_field(tree.args) is None:
            return [leaf for arg in tree.args for leaf in _leaves_out(arg, seen)]
        case _:
            return [_part(tree, seen)]


def _mismatches(leaves: Sequence[Part], seen: Seen) -> str:
    """In words, those of one field together."""
    by_field: dict[str | None, list[Part]] = {}
    for leaf in leaves:
        by_field.setdefault(leaf.field, []).append(leaf)
    said: list[str] = []
    for field, parts in by_field.items():
        wanted = one_of(dict.fromkeys(part.wanted or "" for part in parts))
        if field is None:
            said += [f"it leaves alone {_excluded(part)}" for part in parts]
        elif parts[0].missing == "never there":
            said.append(f"a {seen.action} event never has {field}")
        else:
            said.append(f"{field} is {parts[0].came or parts[0].missing}, it wants {wanted}")
    return " and ".join(dict.fromkeys(said))


def _excluded(part: Part) -> str:
    """What a negation excludes, that every event of this kind has."""
    if part.field is not None:
        return f"{part.field}: {part.wanted}"
    holding = [inner for inner in part.parts if inner.holds] or list(part.parts)
    return " and ".join(_excluded(inner) for inner in holding) or str(part.wanted)

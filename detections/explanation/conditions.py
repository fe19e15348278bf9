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
    return " and ".join(dict.fromkeys(_why(one, seen) for one in conditions))


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
            words = keyword_words(tree.value)
            return Part(kind="keyword", holds=_holds(tree, seen), name=name, wanted=words)
        case _:
            raise TypeError(f"{type(tree).__name__} is no part of a condition")


def _field(tree: object, field: str, words: str, seen: Seen) -> Part:
    came = seen.text(field)
    other = _other_field(tree)
    if other is not None:
        words = f"{words} ({seen.text(other) or seen.why_missing(other)})"
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


def _why(tree: object, seen: Seen) -> str:
    match tree:
        case ConditionAND():
            return _why(next(arg for arg in tree.args if _is_out(arg, seen)), seen)
        case ConditionOR() if _of_one_field(tree.args) is None:
            return " and ".join(dict.fromkeys(_why(arg, seen) for arg in tree.args))
        case ConditionNOT():
            return f"it leaves alone what has {_always(tree.args[0], seen)}"
        case _:
            return _mismatch(_part(tree, seen), seen)


def _always(tree: object, seen: Seen) -> str:
    """A part that holds for every event of this kind."""
    match tree:
        case ConditionOR() if _of_one_field(tree.args) is None:
            return _always(next(arg for arg in tree.args if _is_sure(arg, seen)), seen)
        case ConditionAND():
            return " and ".join(_always(arg, seen) for arg in tree.args)
        case ConditionNOT():
            return f"not {_always(tree.args[0], seen)}"
        case _:
            part = _part(tree, seen)
            return f"{part.field or 'anywhere'}: {part.wanted}"


def _is_sure(tree: object, seen: Seen) -> bool:
    return compile_conditions([tree], seen.reader) is True


def _mismatch(part: Part, seen: Seen) -> str:
    if part.field is None:
        return f"it wants {part.wanted}"
    if part.missing == "never there":
        return f"a {seen.action} event never has {part.field}"
    return f"{part.field} is {part.came or part.missing}, it wants {part.wanted}"

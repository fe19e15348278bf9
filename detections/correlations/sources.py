"""How a correlation reads the matches of a rule: the groups that they belong to, and its values."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, product
from typing import Any

import msgspec

from detections.correlations.tallies import Payload
from detections.correlations.values import numbers, texts
from detections.rules.model import Correlation

#: A group: its values, in the order of `group-by`.
Key = tuple[str, ...]
Values = Mapping[str, Any]

#: An event of long lists belongs to at most so many groups, and has so many combined values.
MOST_COMBINATIONS = 1_000
_EVERYONE: tuple[Key, ...] = ((),)
_NOBODY: tuple[Key, ...] = ()


class Source(msgspec.Struct, frozen=True):
    """How matches of one rule are read."""

    rule: str
    mask: int
    """The bits of the rule's places in the correlation's list."""
    keys: Callable[[Values], Sequence[Key]]
    """The groups of an event; none, if it lacks a value."""
    payload: Callable[[Values], Payload] | None
    """What an event contributes; None, if it lacks a value. Without: the mask."""
    group_fields: tuple[str | None, ...]
    """The fields that the group's values are read from; None for what the rule has no value of."""
    value_fields: tuple[str | None, ...]
    """The fields that the condition's values are read from."""

    def missing(self, values: Values) -> str:
        """Why an event is left out: the field that it lacks."""
        for field in (*self.group_fields, *self.value_fields):
            if field is None:
                return "(no alias)"
            if not texts(values.get(field)):
                return field
        return self.value_fields[0] or "" if self.value_fields else ""


def source_of(correlation: Correlation, rule: str) -> Source:
    """How `correlation` reads the matches of `rule`."""
    group_fields = tuple(_field(correlation, name, rule) for name in correlation.group_by)
    value_fields = tuple(_field(correlation, name, rule) for name in correlation.fields)
    ordered = correlation.type == "temporal_ordered"
    listed = correlation.rules if ordered else tuple(dict.fromkeys(correlation.rules))
    mask = sum(1 << place for place, one in enumerate(listed) if one == rule)
    payload: Callable[[Values], Payload] | None = None
    if correlation.type == "value_count":
        payload = _distinct_values(value_fields)
    elif correlation.type.startswith("value_"):
        payload = _numbers(value_fields[0])
    return Source(rule, mask, _keys(group_fields), payload, group_fields, value_fields)


def _field(correlation: Correlation, name: str, rule: str) -> str | None:
    alias = correlation.aliases.get(name)
    return name if alias is None else alias.get(rule)


def _keys(fields: tuple[str | None, ...]) -> Callable[[Values], Sequence[Key]]:
    known = tuple(field for field in fields if field is not None)
    if len(known) < len(fields):
        return lambda values: _NOBODY
    if not known:
        return lambda values: _EVERYONE
    if len(known) == 1:
        (field,) = known

        def key(values: Values) -> Sequence[Key]:
            value = values.get(field)
            if type(value) is str:
                return ((value,),)
            return [(text,) for text in texts(value)[:MOST_COMBINATIONS]]

        return key

    def keys(values: Values) -> Sequence[Key]:
        found = [values.get(field) for field in known]
        for value in found:
            if type(value) is not str:
                return list(islice(product(*map(texts, found)), MOST_COMBINATIONS))
        return (tuple(found),)  # pyright: ignore[reportReturnType]

    return keys


def _distinct_values(fields: tuple[str | None, ...]) -> Callable[[Values], Payload]:
    known = tuple(field for field in fields if field is not None)
    if len(known) < len(fields):
        return lambda values: None
    if len(known) == 1:
        (field,) = known

        def value(values: Values) -> Payload:
            found = values.get(field)
            return (found,) if type(found) is str else texts(found)[:MOST_COMBINATIONS] or None

        return value

    def combined(values: Values) -> Payload:
        found = (texts(values.get(field)) for field in known)
        return tuple(islice(product(*found), MOST_COMBINATIONS)) or None

    return combined


def _numbers(field: str | None) -> Callable[[Values], Payload]:
    if field is None:
        return lambda values: None

    def read(values: Values) -> Payload:
        return numbers(values.get(field)) or None

    return read

"""How a correlation reads the matches of a rule: the groups that they belong to, and its values."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
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


class Source(msgspec.Struct, frozen=True):
    """How matches of one rule are read."""

    rule: str
    mask: int
    """The bits of the rule's places in the correlation's list."""
    key: Callable[[Values], Key | str | None]
    """The group of an event, read fast; the name of a field that has no value, which makes it no
    group; or None, where `keys` must say."""
    keys: Callable[[Values], Sequence[Key]]
    """The groups of an event; none, if it lacks a value."""
    payload: Callable[[Values], Payload] | None
    """What an event contributes; None, if it lacks a value. Without: the mask."""
    fields: tuple[tuple[str, str | None], ...]
    """What the correlation asks for, as it calls it, and the field that holds it; None where it is
    an alias that doesn't name the rule."""

    def missing(self, values: Values) -> str:
        """What an event lacks that is left out, as the correlation calls it."""
        for name, field in self.fields:
            value = None if field is None else values.get(field)
            if value is None or not texts(value):
                return name
        return self.fields[-1][0]  # there is something, but it is no number


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
    key, keys = _key(correlation.group_by, group_fields), _keys(group_fields)
    names, fields = correlation.group_by + correlation.fields, group_fields + value_fields
    return Source(rule, mask, key, keys, payload, tuple(zip(names, fields, strict=True)))


def _field(correlation: Correlation, name: str, rule: str) -> str | None:
    alias = correlation.aliases.get(name)
    return name if alias is None else alias.get(rule)


@lru_cache(maxsize=4_096)
def _key(
    names: tuple[str, ...], fields: tuple[str | None, ...]
) -> Callable[[Values], Key | str | None]:
    for name, field in zip(names, fields, strict=True):
        if field is None:
            return lambda values: name
    if not fields:
        return lambda values: ()
    if len(fields) == 1:
        (name,), (field,) = names, fields

        def one(values: Values) -> Key | str | None:
            value = values.get(field)  # pyright: ignore[reportArgumentType]
            if type(value) is str:
                return (value,)
            return name if value is None else None

        return one
    pairs = tuple(zip(names, fields, strict=True))
    # What is read of one event is read by many correlations, one after the other.
    newest: tuple[Values, Key] = ({}, ())

    def several(values: Values) -> Key | str | None:
        nonlocal newest
        last = newest
        if values is last[0]:
            return last[1]
        found: list[str] = []
        for name, field in pairs:
            value = values.get(field)  # pyright: ignore[reportArgumentType]
            if type(value) is not str:
                return name if value is None else None
            found.append(value)
        key = tuple(found)
        newest = (values, key)
        return key

    return several


def _keys(fields: tuple[str | None, ...]) -> Callable[[Values], Sequence[Key]]:
    known = tuple(field for field in fields if field is not None)
    if len(known) < len(fields):
        return lambda values: ()

    def keys(values: Values) -> Sequence[Key]:
        found = (texts(values.get(field)) for field in known)
        return list(islice(product(*found), MOST_COMBINATIONS))

    return keys


def _distinct_values(fields: tuple[str | None, ...]) -> Callable[[Values], Payload]:
    known = tuple(field for field in fields if field is not None)
    if len(known) < len(fields):
        return lambda values: None
    if len(known) == 1:
        (field,) = known

        def value(values: Values) -> Payload:
            found = values.get(field)
            if type(found) is str:
                return found  # one text stands for itself: most events have just one
            return texts(found)[:MOST_COMBINATIONS] or None

        return value

    def combined(values: Values) -> Payload:
        found = (texts(values.get(field)) for field in known)
        return tuple(islice(product(*found), MOST_COMBINATIONS)) or None

    return combined


def _numbers(field: str | None) -> Callable[[Values], Payload]:
    if field is None:
        return lambda values: None

    def read(values: Values) -> Payload:
        value = values.get(field)
        return (value,) if type(value) is int else numbers(value) or None

    return read

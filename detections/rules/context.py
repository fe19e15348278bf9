"""What rules are read with: reference lists, and pipelines for other log sources."""

from collections.abc import Mapping

import msgspec

from detections.rules.modifiers import MODIFIERS, Lists, Modifier, expand_modifier


class Context(msgspec.Struct, frozen=True):
    """The same for all rules of a set."""

    modifiers: Mapping[str, Modifier]
    """By name; `expand` knows the lists."""
    lists: Lists = {}
    pipelines: tuple[()] = ()


def context_of(lists: Lists) -> Context:
    """The context of rules with these reference lists."""
    return Context({**MODIFIERS, "expand": expand_modifier(lists)}, lists)

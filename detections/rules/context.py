"""What rules are read with: reference lists, and pipelines for other log sources."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from detections.rules.drafts import Draft
from detections.rules.modifiers import MODIFIERS, Lists, Modifier, expand_modifier

if TYPE_CHECKING:
    # Few have pipelines, and pySigma's part for them takes a quarter of a second to import.
    from detections.rules.pipelines import Pipelines


class Context(msgspec.Struct, frozen=True):
    """The same for all rules of a set."""

    modifiers: Mapping[str, Modifier]
    """By name; `expand` knows the lists."""
    lists: Lists
    pipelines: "Pipelines | None"

    @property
    def list_names(self) -> frozenset[str]:
        """What placeholders may be called."""
        known = frozenset(self.lists)
        return known if self.pipelines is None else known | self.pipelines.variables

    def names_of(self, correlation: Draft, name: str) -> tuple[str, ...]:
        """What a field of a correlation is called after the pipelines."""
        return (name,) if self.pipelines is None else self.pipelines.names_of(correlation, name)


def context_of(lists: Lists, pipelines: "Pipelines | None") -> Context:
    """The context of rules with these reference lists and pipelines."""
    return Context({**MODIFIERS, "expand": expand_modifier(lists)}, lists, pipelines)

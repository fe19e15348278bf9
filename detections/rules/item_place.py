"""Where an item of a detection stands, kept with pySigma's item through all that is done to it."""

from collections.abc import Sequence
from pathlib import Path

from sigma.exceptions import SigmaRuleLocation
from sigma.types import SigmaType

from pipeline.yaml_nodes import Node, ScalarNode


class ItemPlace(SigmaRuleLocation):
    """Where an item stands, and what stands there. It is the `source` of pySigma's item."""

    def __init__(
        self,
        selection: str,
        key: Node,
        field: str,
        modifiers: tuple[str, ...],
        nodes: Sequence[ScalarNode],
    ) -> None:
        super().__init__(Path(key.source.name), key.line, key.column)
        self.selection = selection
        self.key = key
        self.field = field
        self.modifiers = modifiers
        self.nodes = nodes
        self.values: list[SigmaType] | None = None
        """What the item was made with; a pipeline that changes it gives it another list."""

"""A detection as far as it is read: selections and conditions that aren't put together yet."""

from collections.abc import Iterator

import msgspec
from sigma.rule import SigmaDetection, SigmaDetectionItem

from pipeline.yaml_nodes import ScalarNode


class Detection(msgspec.Struct):
    """Selections by name, and conditions over them."""

    selections: dict[str, SigmaDetection]
    conditions: list[str]
    nodes: list[ScalarNode]
    """Where each condition stands."""


def items_of(detection: SigmaDetection) -> Iterator[SigmaDetectionItem]:
    """All items of a selection, however deep."""
    for one in detection.detection_items:
        if isinstance(one, SigmaDetection):
            yield from items_of(one)
        else:
            yield one

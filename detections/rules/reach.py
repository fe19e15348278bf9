"""Which kinds of event a condition can match."""

from collections.abc import Iterable

from detections.fields import shapes
from detections.sigma.compiler import fold
from detections.sigma.conditions import conditions
from detections.sigma.readers import RecordReader


def matching_actions(trees: Iterable[object]) -> frozenset[str]:
    """`event.action` of the records that could match one of pySigma's trees. Raises Unsupported."""
    node = conditions(trees)
    return frozenset(
        shape.action for shape in shapes().values() if fold(node, RecordReader(shape)) is not False
    )

"""Which kinds of event a condition can match."""

from collections.abc import Iterable

from detections.fields import ACTION, Shape, shapes
from detections.sigma.compiler import anywhere
from detections.sigma.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    Not,
    Present,
    Related,
    conditions,
)


def check_supported(trees: Iterable[object]) -> None:
    """Raises Unsupported for pySigma's trees that the engine can't take."""
    conditions(trees)


def matching_actions(trees: Iterable[object]) -> frozenset[str]:
    """`event.action` of the records that could match one of pySigma's trees. Raises Unsupported."""
    node = conditions(trees)
    return frozenset(
        shape.action for shape in shapes().values() if _decided(node, shape) is not False
    )


def _decided(node: Condition, shape: Shape) -> bool | None:
    """What the condition is for every event of the shape; None where it depends on the event.

    As `detections.sigma.compiler.fold` has it, without making anything: loading asks this for all
    rules and shapes.
    """
    match node:
        case AllOf():
            found: bool | None = True
            for part in node.parts:
                one = _decided(part, shape)
                if one is False:
                    return False
                found = found if one is True else None
            return found
        case AnyOf():
            found = False
            for part in node.parts:
                one = _decided(part, shape)
                if one is True:
                    return True
                found = found if one is False else None
            return found
        case Not():
            one = _decided(node.part, shape)
            return None if one is None else not one
        case FieldTest():
            if node.field == ACTION:
                return anywhere(node.test)(shape.action)
            return None if node.field in shape.attributes else False
        case Present():
            if node.field == ACTION:
                return True
            return None if node.field in shape.attributes else False
        case Related():
            known = all(
                one == ACTION or one in shape.attributes for one in (node.field, node.other)
            )
            return None if known else False
        case bool():
            return node
        case _:
            return None

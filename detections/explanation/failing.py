"""The parts of a condition that an event lacks, as few as are needed."""

from detections.explanation.model import Part


def failing(part: Part) -> list[Part]:
    """The leaves that would have to be otherwise for the condition to hold; empty if it does.

    Of alternatives the nearest is taken. A negation stands for itself, with what it excludes.
    """
    if part.holds:
        return []
    match part.kind:
        case "all":
            return [leaf for inner in part.parts for leaf in failing(inner)]
        case "any":
            return min((failing(inner) for inner in part.parts), key=len)
        case _:
            return [part]


def holding(part: Part) -> list[Part]:
    """The leaves that make a condition hold, as few as are needed; the opposite of `failing`."""
    if not part.holds:
        return []
    match part.kind:
        case "all":
            return [leaf for inner in part.parts for leaf in holding(inner)]
        case "any":
            return min((holding(inner) for inner in part.parts if inner.holds), key=len)
        case _:
            return [part]

"""A condition held against an event, as lines of text."""

from typing import Any

from detections.explanation.conditions import explain_condition, ruled_out
from detections.explanation.model import Part
from detections.explanation.seen import Seen
from detections.sigma.documents import Document
from tests.detections.samples import sigma


def explain(detection: str, event: Any, *, document: Document | None = None) -> list[str]:
    """The tree, a part a line: its sign, its selection, what was wanted and what came."""
    part = explain_condition(_conditions(detection, event), Seen(event, document))
    return list(_lines(part, ""))


def why_out(detection: str, event: Any) -> str | None:
    """Why the event was ruled out at once."""
    return ruled_out(_conditions(detection, event), Seen(event))


def _conditions(detection: str, event: Any) -> tuple[object, ...]:
    product = "windows" if isinstance(event, dict) else "tapewatch"
    return sigma(detection, product=product).sigma[0].conditions


def _lines(part: Part, indent: str) -> list[str]:
    words = [part.name and f"{part.name}:", part.field or part.kind, part.wanted]
    words += [part.came and f"({part.came})", part.missing and f"[{part.missing}]"]
    words += [part.hint and f"<{part.hint}>"]
    line = f"{indent}{'+' if part.holds else '-'} {' '.join(word for word in words if word)}"
    return [line, *(inner for one in part.parts for inner in _lines(one, indent + "  "))]

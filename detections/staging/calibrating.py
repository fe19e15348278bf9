"""A rule's file with its calibration: written or replaced, and nothing else in it changes."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from detections.float_sum import float_sum
from detections.rules.calibration import Calibration
from detections.rules.document import content_hash
from detections.rules.rule_text import parse_rule_file
from detections.staging.rule_file import without_key
from detections.staging.sureness import Outcome
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode

KEY = "calibration"
#: Keys that it may stand behind, the first that is there.
_BEHIND = ("staged", "level", "title")
_DIGITS = 4
#: Each halves the range in which `said` is: more than its digits need.
_HALVINGS = 40


class CannotCalibrate(Exception):
    """The file can't be changed safely; the text says why and what to do."""


class Calibrated(Struct, frozen=True):
    """A file before and after."""

    before: bytes
    after: bytes


def with_verdicts(known: Calibration | None, found: Sequence[Outcome]) -> Calibration:
    """What a rule's file says, and what was found since: one outcome or more of this version.

    `said` is such that the alerts, once calibrated, say on average what was found. Their mean would
    not do: of 0.8 and 0.99 the second hardly moves on the scale of shares, however far on that of
    log odds, and `rules stats` would call the rule too sure for ever.
    """
    judged, right = len(found), sum(one.right for one in found)
    weights: defaultdict[float, float] = defaultdict(float)
    for one in found:
        for confidence in one.uncalibrated:
            weights[round(confidence, _DIGITS)] += 1 / len(one.uncalibrated)
    if known is not None:
        judged, right = judged + known.judged, right + known.right
        weights[known.said] += known.judged
    low, high = min(weights), max(weights)
    for _ in range(_HALVINGS):
        # The higher it is, the further down all are moved, and the more counts what it says itself.
        middle = (low + high) / 2
        tried = Calibration(judged=judged, right=right, said=middle)
        mean = float_sum(often * tried.calibrated(one) for one, often in weights.items()) / judged
        low, high = (middle, high) if mean > tried.calibrated(middle) else (low, middle)
    return Calibration(judged=judged, right=right, said=round((low + high) / 2, _DIGITS))


def calibrated(data: bytes, document: int, name: str, calibration: Calibration) -> Calibrated:
    """The file's content with this calibration in one of its documents (counted from 0).

    Raises CannotCalibrate, also where anything but that key would change.
    """
    documents = parse_rule_file(data, name=name).documents
    node = documents[document]
    assert isinstance(node, MappingNode)
    lines = data.splitlines(keepends=True)
    first, last = _place(node)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    if first and not lines[first - 1].endswith(b"\n"):
        lines[first - 1] += end
    blanks = " " * (node.pairs[0][0].column - 1)
    block = (
        f"{blanks}{KEY}:  # by `tapewatch rules calibrate`: remove it where the rule changes",
        f"{blanks}  judged: {calibration.judged}",
        f"{blanks}  right: {calibration.right}",
        f"{blanks}  said: {calibration.said}",
    )
    written = [line.encode() + end for line in block]
    after = b"".join([*lines[:first], *written, *lines[last:]])
    found = parse_rule_file(after, name=name).documents
    others = [content_hash(one) for one in (*documents[:document], *documents[document + 1 :])]
    kept = [content_hash(one) for one in (*found[:document], *found[document + 1 :])]
    changed = found[document] if len(found) == len(documents) else None
    if (
        kept != others
        or not isinstance(changed, MappingNode)
        or not isinstance(changed.get(KEY), MappingNode)
        or content_hash(without_key(changed, KEY)) != content_hash(without_key(node, KEY))
    ):
        raise CannotCalibrate(
            f"{node.location}: this file isn't laid out with a line for each key; write into it "
            f"by hand: {KEY}: {{judged: {calibration.judged}, right: {calibration.right}, "
            f"said: {calibration.said}}}"
        )
    return Calibrated(data, after)


def _place(node: MappingNode) -> tuple[int, int]:
    """How many lines stand before it, and before what follows it."""
    for key, value in node.pairs:
        if key.text == KEY:
            return key.line - 1, _end(value)
    for wanted in _BEHIND:
        for key, value in node.pairs:
            if key.text == wanted:
                return _end(value), _end(value)
    return node.line - 1, node.line - 1


def _end(value: Node) -> int:
    """The last line of a value."""
    if isinstance(value, MappingNode) and value.pairs:
        return max(value.line, _end(value.pairs[-1][1]))
    return value.end_line if isinstance(value, ScalarNode) else max(value.line, value.end_line - 1)

"""Which keys a rule must have, and which belong to rules of another kind."""

from collections.abc import Mapping

from detections.rules.document import REQUIRED
from detections.rules.drafts import Draft, Kind

_SECTIONS: Mapping[Kind, tuple[str, ...]] = {
    "sigma": ("logsource", "detection", "reason"),
    "correlation": ("correlation", "generate", "reason", "partition_by"),
    "correlator": ("correlator", "parameters", "partition_by"),
    "filter": ("logsource", "filter"),
}
_NOUNS: Mapping[Kind, str] = {
    "sigma": "a Sigma rule",
    "correlation": "a correlation",
    "correlator": "a correlator rule",
    "filter": "a filter",
}
_ALL = tuple(dict.fromkeys(key for keys in _SECTIONS.values() for key in keys))


def required_of(draft: Draft) -> tuple[str, ...]:
    """The keys of metadata that must be there.

    Of a filter, of a rule for log sources of others, and of one that only feeds a correlation in
    the same file, it is the title: what else there is belongs to alerts.
    """
    if draft.kind == "filter" or draft.reading.foreign or draft.is_part:
        return ("title",)
    return REQUIRED


def check_misplaced(draft: Draft) -> None:
    """Report keys that belong to another kind of rule."""
    if draft.reading.foreign:
        return
    mine = _SECTIONS[draft.kind]
    for key, _ in draft.node.pairs:
        if key.text in _ALL and key.text not in mine:
            draft.reading.report(key, "rule/key", f"{_NOUNS[draft.kind]} has no {key.text}")

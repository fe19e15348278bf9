"""Which keys a rule must have, and which belong to rules of another kind."""

import datetime
from collections.abc import Mapping, Sequence

from detections.rules.document import REQUIRED
from detections.rules.drafts import Draft, Kind
from pipeline.problems import one_of, shown
from pipeline.yaml_nodes import ScalarNode

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
#: Who lacks all of these was meant to feed a correlation.
_OF_ALERTS = ("id", "level", "typology", "status")
_SOON = datetime.timedelta(days=1)
_ALL = tuple(dict.fromkeys(key for keys in _SECTIONS.values() for key in keys))


def required_of(draft: Draft) -> tuple[str, ...]:
    """The keys of metadata that must be there, each told of if it is missing.

    Of a filter, of a rule for log sources of others, and of one that only feeds a correlation in
    the same file, it is the title: what else there is belongs to alerts.
    """
    if draft.kind == "filter" or draft.reading.foreign or draft.is_part:
        return ("title",)
    unfed = draft.beside_correlation and not draft.feeds
    if unfed and all(draft.node.get(key) is None for key in _OF_ALERTS):
        lacking = [key for key in REQUIRED if draft.node.get(key) is None]
        own = one_of(lacking).replace(" or ", " and ")
        draft.reading.report(
            draft.node,
            "rule/feeds-nothing",
            "no correlation refers to this rule, and it can't alert for itself",
            expected=f"its name in the rules of a correlation; or as a rule of its own: {own}",
        )
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


def check_titles(drafts: Sequence[Draft]) -> None:
    """Warn of rules that nobody can tell apart in a list of alerts."""
    first: dict[str, Draft] = {}
    for one in drafts:
        if one.rule is None or one.kind == "filter" or one.silent or one.reading.foreign:
            continue
        title = one.rule.rule.title.strip().casefold()
        other = first.setdefault(title, one)
        if other is not one:
            one.reading.report(
                one.reading.at("title"),
                "rule/duplicate-title",
                f"another rule has the title {shown(one.rule.rule.title)}",
                severity="warning",
                related=(other.reading.at("title").location,),
            )


def check_dates(draft: Draft, today: datetime.date) -> None:
    """Warn of dates that can't be: alerts name a rule's version by them."""
    days: dict[str, datetime.date] = {}
    for key in ("date", "modified"):
        node = draft.node.get(key)
        if isinstance(node, ScalarNode) and draft.rule is not None and not draft.reading.foreign:
            days[key] = datetime.date.fromisoformat(node.text)
            if days[key] > today + _SOON:  # which it may be elsewhere
                message = "this date is still to come"
                draft.reading.report(node, "rule/date", message, severity="warning")
    if days.get("modified", datetime.date.max) < days.get("date", datetime.date.min):
        message = "it was modified before it was written"
        draft.reading.report(draft.reading.at("modified"), "rule/date", message, severity="warning")

"""The app's saved searches: a few of its own, and the rules that SPL says without loss."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from detections.conversion.export import Choices, export
from detections.conversion.saved_searches import Stanza, conf
from detections.rules import load_rules

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "sigma_rules"
OWN = Path(__file__).resolve().parent / "sources" / "savedsearches.conf"
#: Why they are off, in each one's description.
WHY_OFF = (
    "Off by default: Tapewatch alerts by this rule itself, on the stream. Switch it on where "
    "Tapewatch's detections don't run, or to check them; both together give every alert twice."
)


def savedsearches(rules: Sequence[Path] = (RULES,)) -> str:
    """The whole `savedsearches.conf`."""
    head = "# Written by `python -m splunk.build` from splunk/sources and sigma_rules.\n\n"
    return head + OWN.read_text(encoding="utf-8").rstrip() + "\n\n" + conf(converted(rules))


def converted(rules: Sequence[Path] = (RULES,)) -> Iterator[Stanza]:
    """A stanza, switched off, for each rule that converts with no loss.

    What is refused (correlators, comparisons of two fields under OR) and what would mean something
    else (correlations, whose buckets are static in SPL) is left to Tapewatch's own alerts.
    """
    for one in export(load_rules(list(rules)), Choices(format="savedsearches", strict=True)):
        if isinstance(one.output, tuple):
            title, settings = one.output
            description = f"{settings['description']} {WHY_OFF}"
            yield title, {**settings, "description": description, "disabled": "1"}

"""Statistics of the alerts that were delivered, with what people found of them."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from pipeline.cli.reading_progress import reading_progress

if TYPE_CHECKING:
    from detections.rules.rule_set import RuleSet
    from detections.staging.statistics import Statistics
    from normalizer.events import Alert, AlertUpdate, CaseActivity
    from pipeline.cli.delivered import Delivered
    from pipeline.event_sources import EventSource


#: What a record needs and a sink's mask may have dropped. Nothing is told by sentences here.
_MASKED = {"event.reason": "", "message": "", "surveillance.case.title": "", "user.name": ""}


class Gathered(Struct, frozen=True, kw_only=True):
    """What was read."""

    statistics: "Statistics"
    cases: int
    """Closed ones that say whether their alerts were right."""
    broken_cases: int
    """Of which the beginning isn't there any more."""
    nameless_cases: int
    """Of which isn't told who did what: whether they were closed as they must be nobody can see."""
    unreadable: list[str]
    """Lines that are not what should be there, with their places and the reasons."""


def gather(found: "Delivered", ruleset: "RuleSet", labels: Path | None) -> Gathered:
    """Read all alerts and cases. Raises Failure and ProblemsFound."""
    from detections.staging.statistics import Statistics
    from evidence.cases.verdicts import verdicts
    from normalizer.events import Alert, AlertUpdate, CaseActivity
    from normalizer.events.alert_update import still_retracted

    judged = None
    if labels is not None:
        from pipeline.cli.label_option import load_labels

        judged = load_labels(labels, ruleset.rules)
    unreadable: list[str] = []
    activities: list[CaseActivity] = []
    nameless: set[str] = set()
    for place, one in _documents(found.cases, "facts of cases", unreadable):
        if not isinstance(one, CaseActivity):
            unreadable.append(f"{place}: nothing that was done to a case")
        elif one.who:
            activities.append(one)
        else:
            nameless.add(one.case_id)
    by_cases = verdicts(one for one in activities if one.case_id not in nameless)

    def counted(retracted: Collection[str]) -> tuple[Statistics, list[AlertUpdate], list[str]]:
        statistics = Statistics(ruleset.alerting, judged, by_cases.of_alerts, retracted)
        updates: list[AlertUpdate] = []
        wrong: list[str] = []
        for moment in found.span or ():
            statistics.reach(moment)
        what = "alerts, without those retracted" if retracted else "alerts"
        for place, one in _documents(found.alerts, what, wrong):
            if isinstance(one, Alert):
                statistics.add(one)
            elif isinstance(one, AlertUpdate):
                updates.append(one)
            else:
                wrong.append(f"{place}: this is no alert")
        return statistics, updates, wrong

    statistics, updates, wrong = counted(())
    if gone := still_retracted(updates):
        # An update may stand anywhere behind its alert: rather twice than with all alerts in mind.
        statistics, _, wrong = counted(gone)
    unreadable += wrong
    return Gathered(
        statistics=statistics,
        cases=by_cases.cases,
        broken_cases=by_cases.broken,
        nameless_cases=len(nameless),
        unreadable=unreadable,
    )


def _documents(
    source: "EventSource | None", what: str, unreadable: list[str]
) -> "Iterator[tuple[str, Alert | AlertUpdate | CaseActivity | object | None]]":
    """Place and content of each line that can be read; the others are noted."""
    from normalizer.events.ecs import UnreadableDocument, parse

    if source is None:
        return
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with reading_progress(source, what) as on_batch:
        for batch in source.batches():
            for number, line in enumerate(batch.lines, batch.first):
                if not line.strip():
                    continue
                place = f"{batch.place}:{number}"
                try:
                    yield place, parse({**_MASKED, **decode(line)})
                except (msgspec.MsgspecError, UnreadableDocument, RecursionError, ValueError) as e:
                    unreadable.append(f"{place}: {e}")
            on_batch(batch)

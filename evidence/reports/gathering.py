"""The figures of a report, out of documents. The same documents give the same figures."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from evidence.investigation.archive import Found
from evidence.reports.alert_tallies import AlertTallies
from evidence.reports.case_tallies import case_figures
from evidence.reports.event_tallies import EventTallies
from evidence.reports.figures import Change, Figures
from evidence.reports.period import Period, previous
from evidence.reports.source import MOST_UNREADABLE, EventsSeen, ReportSource
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import UnreadableDocument, parse

#: Typologies whose alerts are breaches of restrictions on transfers.
BREACHES = ("offering_rules", "transfer_restrictions")
SANCTIONS = ("sanctions",)
#: Gaps and retractions that are listed one by one.
MOST_LISTED = 200


class _Reading(Struct):
    unreadable: list[str] = field(default_factory=list[str])

    def records(
        self, found: Iterable[Found]
    ) -> Iterator[Record | Alert | AlertUpdate | CaseActivity]:
        """What documents hold; what can't be read is noted."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        for one in found:
            try:
                record = parse(decode(one.document))
            except (
                msgspec.MsgspecError,
                UnreadableDocument,
                UnicodeDecodeError,
                RecursionError,
            ) as e:
                if len(self.unreadable) < MOST_UNREADABLE:
                    self.unreadable.append(f"{one.place}: {e}")
                continue
            if record is not None:
                yield record


def figures_of(source: ReportSource, period: Period) -> Figures:
    """The figures of a period. Raises Failure."""
    before = previous(period)
    reading = _Reading()
    alerts = AlertTallies(period, before)
    for record in reading.records(source.alerts(before.start, period.end)):
        if isinstance(record, Alert):
            alerts.add(record)
        elif isinstance(record, AlertUpdate):
            alerts.update(record)
    lacking: list[str] = []
    found = source.cases()
    cases = None
    if found is None:
        lacking.append(
            "The source has no cases: what became of alerts, and false positives, can't be told."
        )
    else:
        done = [one for one in reading.records(found) if isinstance(one, CaseActivity)]
        cases = case_figures(done, period, before, alerts.rule_names)
    seen = source.events(period, before)
    if seen is None:
        lacking.append(
            "The source has no events: coverage, refused transfers and changes of rules can't be "
            "told."
        )
        seen = EventsSeen()
    events = EventTallies(period)
    for record in reading.records(seen.told):
        if not isinstance(record, Alert | AlertUpdate | CaseActivity):
            events.add(record)
    rules = alerts.rules()
    gaps = events.gaps()
    return Figures(
        kind=period.kind,
        name=period.name,
        zone=period.zone,
        first=period.first.isoformat(),
        last=period.days[-1].isoformat(),
        source=source.name,
        alerts=alerts.total,
        staged=alerts.staged,
        by_level=alerts.by_level(),
        by_typology=alerts.by_typology(),
        by_asset=alerts.by_asset(),
        rules=rules,
        days=alerts.days(),
        cases=cases,
        rule_changes=events.rule_changes(),
        sources=events.sources(seen, alerts.unsure_by_source),
        gaps=gaps[:MOST_LISTED],
        more_gaps=max(0, len(gaps) - MOST_LISTED),
        unsure=alerts.unsure,
        retractions=alerts.retractions()[:MOST_LISTED],
        breaches=[one for one in rules if one.typology in BREACHES and one.now],
        refusals=events.refusals(),
        sanctions=[one for one in rules if one.typology in SANCTIONS and one.now],
        unreadable=[*seen.unreadable, *reading.unreadable][:MOST_UNREADABLE],
        lacking=lacking,
    )


def total(name: str, changes: Sequence[Change]) -> Change:
    """The sum of some."""
    return Change(name, sum(one.now for one in changes), sum(one.before for one in changes))

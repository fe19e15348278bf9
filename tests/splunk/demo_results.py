"""The demo's recorded session as events in Splunk: what the sink sends, as rows of fields.

Events by the real normalizer, alerts by the real rules, and cases opened of them and worked on. The
half minute has no gap of a feed, so one is added, and an alert that is taken back.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

import msgspec

from detections.engine.engine import Engine
from detections.offline import detect
from evidence.cases.actions import About, Wish, case_id, do, opened
from evidence.cases.grouping import about_of
from normalizer.events import Alert, AlertUpdate, CaseActivity
from normalizer.events.ecs import nest
from normalizer.events.market import FeedGap
from pipeline.problems import Problem
from pipeline.units import SECOND
from splunk.searches import ANY, LOOKUPS, lookup_rows
from splunk.spl.commands import Context
from splunk.spl.values import Row, row_of
from tests.backtest.recorded import recorded_lines
from tests.fixtures.shipped_rules import shipped_rules

#: What a drill-down is about.
TOKENS: Mapping[str, str] = {**ANY, "investor": "INV-1062", "asset": "ACME"}
#: Seconds from the newest event to now.
_LATER = 2


@cache
def demo_context() -> Context:
    """What the app's searches are run over."""
    alerts = _alerts()
    documents = [
        *recorded_lines(),
        *(msgspec.json.encode(nest(one)) for one in (*alerts, *_activities(alerts), *_odd(alerts))),
    ]
    rows = [_row(one) for one in documents]
    newest = max(float(str(row["_time"])) for row in rows)
    return Context(rows, newest + _LATER, {name: lookup_rows(name) for name in LOOKUPS})


def _row(document: bytes) -> Row:
    decoded = msgspec.json.decode(document)
    time = datetime.fromisoformat(decoded["@timestamp"][:26]).replace(tzinfo=UTC).timestamp()
    index = "tapewatch_alerts" if decoded["event"]["action"].startswith("alert") else "tapewatch"
    return {**row_of(decoded, time), "index": index, "sourcetype": "tapewatch:ecs"}


def _alerts() -> list[Alert]:
    problems: list[Problem] = []
    engine = Engine(shipped_rules(), allowed_lateness=10 * SECOND)
    alerts = list(detect(engine, recorded_lines(), name="recording", report=problems.append))
    assert not [one for one in problems if one.severity == "error"]
    return alerts


def _activities(alerts: list[Alert]) -> Iterator[CaseActivity]:
    """A case for each typology, by its first alert; people work on some of them."""
    first: dict[str, Alert] = {}
    for one in alerts:
        first.setdefault(one.typology, one)
    for number, (typology, alert) in enumerate(first.items()):
        at = alert.timestamp
        same = [one for one in alerts if one.typology == typology]
        about: About = about_of(alert)
        name = case_id(typology, alert.entities, alert.token_id or "", alert.id)
        wish = Wish(
            action="opened",
            who="tapewatch",
            at=at,
            origin="tapewatch",
            alerts=[one.id for one in same],
            rule_id=alert.rule_id,
            rule_name=alert.rule_name,
            authors=alert.rule_author,
            alerts_first=at,
            alerts_last=same[-1].timestamp,
            level=alert.level,
        )
        activity, case = opened(name, about, wish)
        yield activity
        if number % 2:
            wish = Wish(action="assigned", who="lena", at=at + SECOND, assignee="lena")
            activity, case = do(case, wish)
            yield activity
            wish = Wish(action="status-changed", who="lena", at=at + SECOND, status="in-progress")
            activity, case = do(case, wish)
            yield activity


def _odd(alerts: list[Alert]) -> Iterator[FeedGap | Alert | AlertUpdate]:
    newest = alerts[-1]
    yield FeedGap(
        id="gap-1",
        timestamp=newest.timestamp,
        ingested=newest.timestamp,
        original="RAW/1/0",
        provider="venue",
        venue="demo-venue",
        instrument="ACME-USD",
        expected=412,
        received=415,
        reason="3 messages are missing",
    )
    yield msgspec.structs.replace(newest, id="taken-back", gap_source=None)
    yield msgspec.structs.replace(newest, id="over-a-gap", gap_source="venue")
    yield AlertUpdate(
        id="update-1",
        timestamp=newest.timestamp + SECOND,
        provider="chain",
        original="RAW/1/0",
        alert_id="taken-back",
        status="retracted",
        reason="its block left the chain",
        message="Retracted: its block left the chain",
        level=newest.level,
        typology=newest.typology,
        rule_id=newest.rule_id,
        rule_name=newest.rule_name,
    )

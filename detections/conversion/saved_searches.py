"""`savedsearches.conf` of Splunk: a scheduled search with an alert for each rule."""

import re
from collections.abc import Iterable, Mapping

from detections.conversion import splunk
from detections.conversion.convert import AnyRule, Converted
from detections.conversion.descriptions import description
from detections.conversion.schedule import ALERTS, EVENTS, cron, duration, of_correlation
from detections.rules import CorrelationRule
from normalizer.events import Level

Stanza = tuple[str, Mapping[str, str]]

#: Splunk's: 1 debug, 2 info, 3 warn, 4 error, 5 severe, 6 fatal.
_SEVERITIES: Mapping[Level, int] = {
    "informational": 2,
    "low": 3,
    "medium": 4,
    "high": 5,
    "critical": 6,
}
_UNWRITABLE = re.compile(r"[\[\]\x00-\x1f\x7f]")
HEADER = """\
# Written by `tapewatch rules convert`. Needs the macro tapewatch_index of the Tapewatch app.
"""


def event_search(converted: Converted) -> Stanza:
    """The search of a converted rule over our events."""
    assert converted.query is not None
    one = converted.rule
    text = description(one, converted.losses, converted.exceptions)
    if isinstance(one, CorrelationRule):
        schedule = of_correlation(one.correlation)
        window = {
            "dispatch.earliest_time": f"-{duration(schedule.lookback)}@m",
            "dispatch.latest_time": "now",
        }
        fields = ",".join(["_time", *map(splunk.field, one.correlation.group_by)])
        period = duration(schedule.lookback)
    else:
        schedule = EVENTS
        # Events of the past that come now are found by the time at which Splunk indexed them.
        window = {
            "dispatch.earliest_time": "0",
            "dispatch.latest_time": "now",
            "dispatch.index_earliest": f"-{duration(schedule.lookback)}@m",
            "dispatch.index_latest": "now",
        }
        fields, period = "event.id", "1d"
    return _title(one), {
        "description": text,
        "search": converted.query,
        "cron_schedule": cron(schedule),
        **window,
        **_alerting(one, fields, period),
    }


def alert_search(one: AnyRule, query: str) -> Stanza:
    """The search that takes over the alerts that Tapewatch itself writes of one of its rules."""
    text = f"{description(one, (), ())} Takes over the alerts that Tapewatch writes of this rule."
    return _title(one), {
        "description": text,
        "search": query,
        "cron_schedule": cron(ALERTS),
        "dispatch.earliest_time": f"-{duration(ALERTS.lookback)}@m",
        "dispatch.latest_time": "now",
        **_alerting(one, "event.id", "2d"),
    }


def conf(stanzas: Iterable[Stanza]) -> str:
    """The file. A title that is there twice gets a number."""
    written = [HEADER]
    seen: dict[str, int] = {}
    for title, settings in stanzas:
        seen[title] = seen.get(title, 0) + 1
        name = f"{title} ({seen[title]})" if seen[title] > 1 else title
        lines = [f"{key} = {_value(value)}" for key, value in settings.items()]
        written.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(written)


def _alerting(one: AnyRule, fields: str, period: str) -> dict[str, str]:
    rule = one.rule
    return {
        "enableSched": "1",
        "disabled": "1" if rule.staged else "0",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.track": "1",
        "alert.severity": str(_SEVERITIES[rule.level]),
        "alert.digest_mode": "0",
        # Runs overlap: what alerted once is left out for a while.
        "alert.suppress": "1",
        "alert.suppress.fields": fields,
        "alert.suppress.period": period,
    }


def _title(one: AnyRule) -> str:
    return f"Tapewatch: {_UNWRITABLE.sub(' ', one.rule.title).strip()}"


def _value(text: str) -> str:
    # A backslash at a line's end goes on on the next line; one of the text's own must not.
    lines = [line.rstrip() for line in text.split("\n")]
    return " \\\n".join(f"{line} " if line.endswith("\\") else line for line in lines)

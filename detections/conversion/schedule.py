"""How often a converted rule runs, and how far it looks back."""

import msgspec

from detections.rules.model import Correlation

_SECOND = 10**9
_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400


class Schedule(msgspec.Struct, frozen=True):
    """Whole minutes, in seconds."""

    interval: int
    lookback: int


#: For rules about single events: a minute more than the interval, for events on their way.
EVENTS = Schedule(5 * _MINUTE, 6 * _MINUTE)
#: Alerts have no time of receipt, so a late one is looked for further back.
ALERTS = Schedule(5 * _MINUTE, _DAY)


def of_correlation(correlation: Correlation) -> Schedule:
    """Each bucket of time is seen whole once: the lookback is a timespan and an interval more."""
    timespan = max(_MINUTE, -(-correlation.timespan // (_SECOND * _MINUTE)) * _MINUTE)
    interval = min(max(timespan, 5 * _MINUTE), _HOUR)
    return Schedule(interval, timespan + interval + _MINUTE)


def duration(seconds: int) -> str:
    """Whole minutes in the form that Elastic and Splunk take: `5m`, `2h`, `1d`."""
    for unit, size in (("d", _DAY), ("h", _HOUR)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds // _MINUTE}m"


def cron(schedule: Schedule) -> str:
    """The interval as a cron expression; it is an hour at most."""
    minutes = schedule.interval // _MINUTE
    if minutes >= 60:
        return "0 * * * *"
    # Where an hour isn't a multiple of the interval, the first run of an hour comes early.
    return f"*/{minutes} * * * *"

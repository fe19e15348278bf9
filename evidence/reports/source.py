"""Where the documents of a report lie: in the folders that a file sink writes, or elsewhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct, field

from evidence.investigation.archive import Found
from evidence.reports.period import Period
from pipeline.event_sources.files import FileSource
from pipeline.event_sources.selection import SUFFIXES
from pipeline.failure import CONFIGURATION, Failure
from pipeline.units import MICROSECOND, SECOND

#: Events that a report tells one by one; all others are only counted.
TOLD = ("chain-reorganised", "feed-gap", "rules-changed", "token-transfer-refused")
#: Unreadable documents that are told one by one.
MOST_UNREADABLE = 100
#: Events that are told are this many at most: more is no report, and counted all the same.
MOST_TOLD = 200_000


class EventsSeen(Struct, kw_only=True):
    """What came in the period and in the one before it."""

    #: By source; events of the period.
    now: Counter[str] = field(default_factory=Counter[str])
    before: Counter[str] = field(default_factory=Counter[str])
    #: Events of the period by source and day, from 0.
    days: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    #: Documents of the actions in `TOLD`, of both.
    told: list[Found] = field(default_factory=list[Found])
    unreadable: list[str] = field(default_factory=list[str])


class ReportSource(Protocol):
    """Documents of the past."""

    @property
    def name(self) -> str:
        """What it is, for people: no secret."""
        ...

    def alerts(self, since: int, until: int) -> Iterator[Found]:
        """Alerts and what became of them, at least of this time. Raises Failure."""
        ...

    def cases(self) -> Iterator[Found] | None:
        """All that was done to cases; None where the source has nothing of cases."""
        ...

    def events(self, period: Period, before: Period) -> EventsSeen | None:
        """The events of both; None where the source has no events. Raises Failure."""
        ...


class _EventPart(Struct):
    action: str = ""
    provider: str = ""


class _Head(Struct):
    """As much of a document as it takes to count it."""

    event: _EventPart
    time: str = field(name="@timestamp")


class _Calendar:
    """Which day of a period a document's time is in, found once for each minute.

    Days begin at whole minutes in all time zones of today.
    """

    def __init__(self, period: Period, before: Period) -> None:
        self._period = period
        self._before = before
        self._starts = period.day_starts()
        self._known: dict[str, int | None] = {}

    def day(self, time: str) -> int | None:
        """The day of the period, from 0; -1 in the one before; None outside of both.

        Raises ValueError for what is no time.
        """
        minute = time[:16]
        if not time.endswith("Z"):
            return self._day(datetime.fromisoformat(time))
        try:
            return self._known[minute]
        except KeyError:
            found = self._day(datetime.fromisoformat(f"{minute}:00+00:00"))
            self._known[minute] = found
            return found

    def _day(self, time: datetime) -> int | None:
        moment = nanoseconds(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
        if self._period.holds(moment):
            return day_at(self._starts, moment)
        return -1 if self._before.holds(moment) else None


class FolderSource:
    """What a file sink has written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / "alerts").is_dir():
            raise Failure(
                f"{folder} has no folder alerts: name the one that a file sink writes to",
                CONFIGURATION,
            )

    @property
    def name(self) -> str:
        """The folder's own name: where it lies is nobody's business."""
        return f"files of {self._folder.name}"

    def alerts(self, since: int, until: int) -> Iterator[Found]:
        """All of them: which are of the time is told by themselves."""
        return self._documents("alerts")

    def cases(self) -> Iterator[Found] | None:
        """All that was done to cases."""
        return self._documents("cases") if (self._folder / "cases").is_dir() else None

    def events(self, period: Period, before: Period) -> EventsSeen | None:
        """The events of both, in one pass."""
        if not (self._folder / "events").is_dir():
            return None
        decode = msgspec.json.Decoder(_Head).decode
        calendar = _Calendar(period, before)
        seen = EventsSeen()
        for found in self._documents("events"):
            try:
                head = decode(found.document)
                day = calendar.day(head.time)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                if len(seen.unreadable) < MOST_UNREADABLE:
                    seen.unreadable.append(f"{found.place}: {error}")
                continue
            if day is None:
                continue
            if day < 0:
                seen.before[head.event.provider] += 1
            else:
                seen.days[head.event.provider, day] += 1
            if head.event.action in TOLD and len(seen.told) < MOST_TOLD:
                seen.told.append(found)
        for (provider, _), count in seen.days.items():
            seen.now[provider] += count
        return seen

    def _documents(self, part: str) -> Iterator[Found]:
        folder = self._folder / part
        files = sorted(file for file in folder.iterdir() if file.name.endswith(SUFFIXES))
        for batch in FileSource(files).batches() if files else ():
            for number, line in enumerate(batch.lines, batch.first):
                if line.strip():
                    yield Found(line, f"{part}/{Path(batch.place).name}:{number}")


def nanoseconds(moment: datetime) -> int:
    """Since the epoch, to the microsecond."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND + moment.microsecond * MICROSECOND


def day_at(starts: Sequence[int], moment: int) -> int:
    """Which of the days, which begin at `starts`, a moment is in."""
    from bisect import bisect_right

    return max(0, bisect_right(starts, moment) - 1)

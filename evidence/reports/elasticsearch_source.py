"""The documents of a report out of Elasticsearch: what is only counted, the server counts."""

from collections.abc import Iterator
from itertools import pairwise

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_counts import counted
from delivery.elasticsearch_reader import ElasticsearchSource
from evidence.investigation.archive import Found
from evidence.reports.period import Period
from evidence.reports.source import MOST_TOLD, TOLD, EventsSeen
from normalizer.events.ecs import rfc3339

_PROVIDER = "event.provider"


class ElasticsearchReportSource:
    """What an Elasticsearch sink has written."""

    def __init__(
        self, connection: Connection, *, alerts: str, events: str, cases: str | None
    ) -> None:
        """Names of data streams; `cases` is None where the sink has none."""
        self._connection = connection
        self._alerts = alerts
        self._events = events
        self._cases = cases

    @property
    def name(self) -> str:
        """Its data streams."""
        names = (self._alerts, self._events, self._cases)
        return "Elasticsearch " + ", ".join(name for name in names if name)

    def alerts(self, since: int, until: int) -> Iterator[Found]:
        """Alerts and what became of them, of this time."""
        return self._found(self._alerts, since=since, until=until)

    def cases(self) -> Iterator[Found] | None:
        """All that was done to cases."""
        return None if self._cases is None else self._found(self._cases)

    def events(self, period: Period, before: Period) -> EventsSeen | None:
        """The events of both. What left its chain is not counted."""
        seen = EventsSeen()
        ends = [*period.day_starts(), period.end]
        days = list(pairwise(ends))
        spans = [(rfc3339(begin), rfc3339(end)) for begin, end in days]
        spans.append((rfc3339(before.start), rfc3339(before.end)))
        for (provider, at), count in counted(
            self._connection, self._events, _PROVIDER, spans
        ).items():
            if at == len(days):
                seen.before[provider] += count
            else:
                seen.now[provider] += count
                seen.days[provider, at] += count
        query = "event.action:(" + " OR ".join(f'"{action}"' for action in TOLD) + ")"
        for found in self._found(self._events, query=query, since=before.start, until=period.end):
            if len(seen.told) >= MOST_TOLD:
                break
            seen.told.append(found)
        return seen

    def _found(
        self,
        index: str,
        *,
        query: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Iterator[Found]:
        source = ElasticsearchSource(self._connection, index, query=query, since=since, until=until)
        for batch in source.batches():
            for number, line in enumerate(batch.lines, batch.first):
                yield Found(line, f"{index}, document {number}")

"""Documents of the past out of Elasticsearch, by the names and ids that they hold."""

import json
from collections.abc import Iterator, Sequence

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_reader import ElasticsearchSource
from evidence.investigation.archive import Found, Wanted

#: Terms of one query: a server refuses more than 1,024 clauses by default.
_MOST_TERMS = 500


class ElasticsearchArchive:
    """What an Elasticsearch sink has written."""

    def __init__(
        self, connection: Connection, *, alerts: str, events: str, cases: str = ""
    ) -> None:
        """`alerts`, `events` and `cases`: names or patterns of data streams; no cases without."""
        self._connection = connection
        self._alerts = alerts
        self._events = events
        self._cases = cases

    @property
    def name(self) -> str:
        """Its data streams."""
        return f"Elasticsearch {self._alerts}, {self._events}"

    def alerts(self, wanted: Wanted) -> Iterator[Found]:
        """Alerts and what became of them. Raises Failure."""
        # An update has the time of what caused it, which may be long after.
        return self._matching(self._alerts, wanted, timed=False)

    def events(self, wanted: Wanted) -> Iterator[Found]:
        """Events. Raises Failure."""
        return self._matching(self._events, wanted, timed=True)

    def cases(self, case: str) -> Iterator[Found]:
        """What was done to the case of this id. Raises Failure."""
        if self._cases:
            yield from self._found(self._cases, f"surveillance.case.id:{_quoted(case)}", None, None)

    def _matching(self, index: str, wanted: Wanted, *, timed: bool) -> Iterator[Found]:
        since, until = (wanted.since, wanted.until) if timed else (None, None)
        for query in _queries("related.user", sorted(wanted.names)):
            # What was known of somebody was known before as well.
            yield from self._found(index, query, None, until)
        for query in _queries("event.action", wanted.actions):
            yield from self._found(index, query, since, until)
        for query in _queries("event.id", sorted(wanted.ids)):
            yield from self._found(index, query, None, None)
        if not timed:
            for query in _queries("surveillance.entities", sorted(wanted.names)):
                yield from self._found(index, query, None, until)
            for query in _queries("surveillance.alert.id", sorted(wanted.ids)):
                yield from self._found(index, query, None, None)

    def _found(
        self, index: str, query: str, since: int | None, until: int | None
    ) -> Iterator[Found]:
        source = ElasticsearchSource(
            self._connection, index, query=query, since=since, until=until, orphaned=True
        )
        for batch in source.batches():
            for number, line in enumerate(batch.lines, batch.first):
                yield Found(line, f"{index}, document {number}")


def _queries(field: str, values: Sequence[str]) -> Iterator[str]:
    for first in range(0, len(values), _MOST_TERMS):
        some = values[first : first + _MOST_TERMS]
        yield f"{field}:({' OR '.join(_quoted(one) for one in some)})"


def _quoted(text: str) -> str:
    """A phrase of Lucene's query syntax: quotes and backslashes are escaped as in JSON."""
    return json.dumps(text, ensure_ascii=False)

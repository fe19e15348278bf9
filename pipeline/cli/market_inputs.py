"""Where `tapewatch market` has its alerts and events from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

from pipeline.cli.chosen_sink import SPLUNK_TOKEN, check_of_splunk
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure
from pipeline.cli.reading_progress import reading_progress
from pipeline.problems import Problem
from pipeline.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from detections.market_replay.scene import Place
    from evidence.investigation.archive import Archive
    from evidence.investigation.splunk_archive import SplunkArchive
    from normalizer.events import Alert, AlertUpdate, Record
    from pipeline.event_sources import EventSource

#: A market's book is made of so much of its past, where a source is asked for a time.
WARM_UP = DAY
#: Of Splunk, out of which the events are sorted here.
SPLUNK_WARM_UP, MOST_OF_SPLUNK = HOUR, 1_000_000


class Wanted(Struct, frozen=True, kw_only=True):
    """What was said on the command line."""

    config: Path
    out: Path | None
    elasticsearch: bool
    sink: str | None
    alerts: Sequence[Path]
    events: Sequence[Path]
    column: str | None
    order_log: Sequence[Path]
    venue: str | None
    trade_sides: str | None
    reference: Sequence[Path]
    splunk: str | None = None
    splunk_token: str = SPLUNK_TOKEN
    splunk_index: list[str] | None = None
    splunk_ca: Path | None = None


class Holdings(Protocol):
    """Alerts, and the events of markets, which may be read again and again."""

    def alerts(self, wanted: str) -> "tuple[list[Alert], list[str]]":
        """The alert of this id, or that begins so, or all alerts of a case, and ids of those that
        are gone. Raises Failure."""
        ...

    def updates(self, ids: "AbstractSet[str]") -> "list[AlertUpdate]":
        """What became of the alerts of these ids, the newest last."""
        ...

    def rested_on(self, ids: "AbstractSet[str]") -> "Iterator[Record]":
        """At least the events of these ids."""
        ...

    def of_markets(self, places: "Sequence[Place]", since: int, until: int) -> "Iterator[Record]":
        """At least all events of these markets to `until`, in their order, from so early on that
        books are known at `since`, as far as that can be had."""
        ...


def holdings(wanted: Wanted) -> Holdings:
    """What was asked for. Raises Failure where the options don't go together."""
    ways = {
        "--out": wanted.out is not None,
        "--elasticsearch": wanted.elasticsearch,
        "--splunk": wanted.splunk is not None,
        "--events": bool(wanted.events),
        "--order-log": bool(wanted.order_log),
    }
    configured = not any(ways.values()) and wanted.config.is_file()
    if sum(ways.values()) != 1 and not configured:
        *first, last = ways
        said = f"say where the events are, by one of {', '.join(first)} and {last}"
        raise Failure(said, CONFIGURATION)
    check_of_splunk(wanted.splunk, wanted.splunk_token, wanted.splunk_index, wanted.splunk_ca)
    offline = ways["--events"] or ways["--order-log"]
    if offline and not wanted.alerts:
        raise Failure(
            "say where the alerts are, by --alerts: a file that `tapewatch detect` printed",
            CONFIGURATION,
        )
    strays = {
        "--alerts": bool(wanted.alerts) and not offline,
        "--column": wanted.column is not None and not wanted.events,
        "--venue": wanted.venue is not None and not wanted.order_log,
        "--trade-sides": wanted.trade_sides is not None and not wanted.order_log,
        "--reference": bool(wanted.reference) and not wanted.order_log,
        "--sink": wanted.sink is not None and not wanted.elasticsearch,
    }
    belongs = {"--alerts": "--events or --order-log", "--column": "--events"}
    for option, stray in strays.items():
        if stray:
            to = belongs.get(option, "--elasticsearch" if option == "--sink" else "--order-log")
            raise Failure(f"{option} belongs to {to}", CONFIGURATION)
    if wanted.events or wanted.order_log:
        return InFiles(wanted)
    from pipeline.cli.timeline import archive_of, splunk_archive

    if wanted.splunk is not None:
        archive = splunk_archive(
            wanted.splunk, wanted.splunk_token, wanted.splunk_index, wanted.splunk_ca
        )
        return holdings_of(archive, None, wanted.config, None)
    out = _configured_folder(wanted.config) if configured else wanted.out
    return holdings_of(archive_of(out, wanted.config, wanted.sink), out, wanted.config, wanted.sink)


def _configured_folder(config: Path) -> Path:
    from pipeline.cli.chosen_sink import file_sink_folder
    from pipeline.config.loading import load_configuration

    return file_sink_folder(load_configuration(config, resolve="later"), config)


def holdings_of(archive: "Archive", out: Path | None, config: Path, sink: str | None) -> Holdings:
    """Of an archive that is Splunk's, or a file sink's folder, or else the Elasticsearch sink's."""
    from evidence.investigation.splunk_archive import SplunkArchive

    if isinstance(archive, SplunkArchive):
        return InSplunk(archive, config)
    if out is None:
        return InElasticsearch(archive, config, sink)
    return InFolder(archive, config, out)


class _InArchive:
    """What a sink has written."""

    def __init__(self, archive: "Archive", config: Path) -> None:
        self._archive = archive
        self._config = config

    def alerts(self, wanted: str) -> "tuple[list[Alert], list[str]]":
        """The alert, or the alerts of a case, and ids of those that are gone. Raises Failure."""
        from evidence.investigation.case_file import is_case
        from evidence.investigation.gather import alerts_of, find_alert
        from pipeline.cli.timeline import case_of

        if not is_case(wanted):
            return [find_alert(self._archive, wanted, [])], []
        found, gone = alerts_of(self._archive, case_of(wanted, self._config, self._archive))
        # An archive has an order of its own; the page has one of time.
        return sorted(found, key=lambda one: (one.timestamp, one.id)), gone

    def updates(self, ids: "AbstractSet[str]") -> "list[AlertUpdate]":
        """What became of the alerts of these ids, the newest last."""
        from evidence.investigation.archive import Wanted as Asked

        told = self._archive.alerts(Asked(ids=frozenset(ids)))
        return _updates((one.document for one in told), ids)

    def rested_on(self, ids: "AbstractSet[str]") -> "Iterator[Record]":
        """Events that hold one of these ids."""
        from evidence.investigation.archive import Wanted as Asked

        for one in self._archive.events(Asked(ids=frozenset(ids))):
            record = _record(one.document)
            if record is not None:
                yield record


class InFolder(_InArchive):
    """The folder that a file sink writes to."""

    def __init__(self, archive: "Archive", config: Path, folder: Path) -> None:
        super().__init__(archive, config)
        self._events = folder / "events"

    def of_markets(self, places: "Sequence[Place]", since: int, until: int) -> "Iterator[Record]":
        """All events that name one of the instruments."""
        return _records(_files([self._events]), _naming(places))


class InElasticsearch(_InArchive):
    """The data streams of a configured sink."""

    def __init__(self, archive: "Archive", config: Path, sink: str | None) -> None:
        super().__init__(archive, config)
        self._sink = sink

    def of_markets(self, places: "Sequence[Place]", since: int, until: int) -> "Iterator[Record]":
        """Those of a day before, and of the stretch of time, in the order of their frames."""
        from itertools import groupby

        from delivery.build import elasticsearch_connection
        from delivery.elasticsearch_reader import ElasticsearchSource
        from delivery.marks import frame_place
        from delivery.templates import StreamNames
        from pipeline.cli.backtest_inputs import elasticsearch_sink
        from pipeline.config.loading import load_configuration
        from pipeline.frames import WHOLE_SOURCE

        sink = elasticsearch_sink(
            load_configuration(self._config, resolve="later"), self._config, self._sink
        )
        names = sorted({WHOLE_SOURCE, *(place.instrument for place in places)})
        source = ElasticsearchSource(
            elasticsearch_connection(sink),
            StreamNames(namespace=sink.namespace).stream("events"),
            # Quotes and backslashes are escaped in Lucene's phrases as they are in JSON.
            query=" OR ".join(
                f"market.instrument:{msgspec.json.encode(name).decode()}" for name in names
            ),
            since=since - WARM_UP,
            until=until,
        )
        records = _records(source)
        # Of equal times the server has an order of its own; a feed has that of its frames.
        for _, same in groupby(records, key=lambda one: one.timestamp):
            yield from sorted(same, key=lambda one: frame_place(one.original))


class InSplunk(_InArchive):
    """The indexes of a search head."""

    def __init__(self, archive: "SplunkArchive", config: Path) -> None:
        super().__init__(archive, config)
        self._splunk = archive

    def of_markets(self, places: "Sequence[Place]", since: int, until: int) -> "Iterator[Record]":
        """Those of an hour before, and of the stretch of time: sorted here, since Splunk gives the
        newest first. Raises Failure where there are more than a computer holds."""
        from delivery.marks import frame_place

        names = frozenset(place.instrument for place in places)
        found: list[Record] = []
        for one in self._splunk.of_instruments(names, since - SPLUNK_WARM_UP, until):
            record = _record(one.document)
            if record is not None:
                found.append(record)
            if len(found) > MOST_OF_SPLUNK:
                said = f"more than {MOST_OF_SPLUNK:,} events: show less time, by --from and --until"
                raise Failure(said, FAILED)
        found.sort(key=lambda one: (one.timestamp, frame_place(one.original)))
        return iter(found)


class InFiles:
    """A file of alerts, and files of events or order logs."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def alerts(self, wanted: str) -> "tuple[list[Alert], list[str]]":
        """The one alert that begins so; none are gone. Raises Failure."""
        found: dict[str, Alert] = {}
        named = ", ".join(str(path) for path in self._wanted.alerts)
        for batch in _files(self._wanted.alerts).batches():
            for line in batch.lines:
                alert = _alert(line)
                if alert is not None and alert.id.startswith((wanted, wanted.lower())):
                    found[alert.id] = alert
        exact = found.get(wanted) or found.get(wanted.lower())
        if exact is not None:
            return [exact], []
        if not found:
            raise Failure(f"no alert in {named} begins with {wanted!r}", FAILED)
        if len(found) > 1:
            some = ", ".join(sorted(found)[:5])
            raise Failure(f"{len(found)} alerts begin with {wanted!r}: {some}", FAILED)
        return list(found.values()), []

    def updates(self, ids: "AbstractSet[str]") -> "list[AlertUpdate]":
        """What became of the alerts of these ids, the newest last."""
        batches = _files(self._wanted.alerts).batches()
        return _updates((line for batch in batches for line in batch.lines), ids)

    def rested_on(self, ids: "AbstractSet[str]") -> "Iterator[Record]":
        """All events, whatever these ids are."""
        return self._events()

    def of_markets(self, places: "Sequence[Place]", since: int, until: int) -> "Iterator[Record]":
        """All events: in files of others `BTC\\/USD` may stand for a name, which is right JSON."""
        return self._events()

    def _events(self) -> "Iterator[Record]":
        wanted = self._wanted
        if wanted.events:
            return _records(_files(wanted.events, wanted.column))
        from pipeline.cli.raw_sources import raw_events

        def report(problem: Problem) -> None:
            """What is wrong in the log, `detect` has said."""

        return _records(
            raw_events(
                wanted.order_log,
                reference=wanted.reference,
                report=report,
                venue=wanted.venue,
                trade_sides=wanted.trade_sides,
            )
        )


def _files(paths: Sequence[Path], column: str | None = None) -> "EventSource":
    from pipeline.event_sources.files import FileSource
    from pipeline.event_sources.selection import select_files

    return FileSource(select_files(paths), column=column)


def _alert(line: bytes) -> "Alert | None":
    from normalizer.events import Alert

    found = _parsed(line)
    return found if isinstance(found, Alert) else None


def _updates(lines: "Iterable[bytes]", ids: "AbstractSet[str]") -> "list[AlertUpdate]":
    from normalizer.events import AlertUpdate

    records = map(_parsed, lines)
    return [one for one in records if isinstance(one, AlertUpdate) and one.alert_id in ids]


def _parsed(line: bytes) -> object:
    from normalizer.events.ecs import UnreadableDocument, parse

    try:
        return parse(msgspec.json.decode(line, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnreadableDocument, UnicodeDecodeError, RecursionError):
        return None


def _records(
    source: "EventSource", is_wanted: Callable[[bytes], bool] = lambda line: True
) -> "Iterator[Record]":
    """Events that can be read: what is wrong with others, was said where they came in."""
    with reading_progress(source, "events") as on_batch:
        for batch in source.batches():
            for line in batch.lines:
                record = _record(line) if is_wanted(line) else None
                if record is not None:
                    yield record
            on_batch(batch)


def _record(line: bytes) -> "Record | None":
    from detections.reading import NotAnEvent, own_record, read_event

    found = own_record(line)
    if found is not None:
        return found
    try:
        return read_event(line).record
    except NotAnEvent:
        return None


def _naming(places: "Sequence[Place]") -> Callable[[bytes], bool]:
    """Whether a line may be of one of the markets, or of a whole source or chain."""
    from ahocorasick_rs import BytesAhoCorasick

    from pipeline.frames import WHOLE_SOURCE

    names = sorted({WHOLE_SOURCE, *(place.instrument for place in places)})
    # A chain that left blocks names no pool of them.
    find = BytesAhoCorasick([msgspec.json.encode(name) for name in (*names, "chain-reorganised")])
    return lambda line: bool(find.find_matches_as_indexes(line))


__all__ = ["Holdings", "Wanted", "holdings"]

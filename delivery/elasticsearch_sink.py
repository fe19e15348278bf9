"""The Elasticsearch sink: documents to data streams, each once, by its event.id.

Events whose block left the chain are marked `blockchain.orphaned: true`; those that are told again
since it came back, `false`. Alerts get `surveillance.alert.status` and `status_reason`. Marks are
set in the order of the stream, behind all that came before. They need the privilege `index`.

`create` with `_id` = event.id: a second copy is a 409, which counts as delivered. Ids are unique
within one backing index only, so after a rollover a second `create` would be a second copy. Where
a copy may be there already (the bus delivers again, or an attempt broke off) and the stream has
rolled over, the older backing indices are searched first. What remains: a server that carries out
a request whose connection broke after that search and after a rollover in between; the two copies
have the same `_id` and `event.id`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import structlog
from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError
from msgspec import Struct

from delivery.bulk import (
    FILTER,
    MOST_BYTES,
    MOST_ID_BYTES,
    BulkAnswer,
    ItemResult,
    chunks,
    fault_field,
    operations,
    outcome,
)
from delivery.elastic_setup.installing import Installed, install, missing
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.retention import Retention
from delivery.elasticsearch_client import (
    Connection,
    ElasticsearchErrors,
    NotPermitted,
    Server,
    connect,
    fitting_server,
    logged_in,
    unavailable,
)
from delivery.elasticsearch_marks import (
    MayNotMark,
    mark_alert,
    mark_cases,
    mark_orphaned,
    mark_returned,
)
from delivery.marks import AlertChange, CaseAdvance, Mark, OrphanedBlocks
from delivery.sink import Content, Delivered, Document, Refused, SinkUnavailable
from delivery.templates import StreamNames
from pipeline.findings import Finding, FindingLevel

_log = structlog.get_logger(__name__)
#: Ids in one search.
_ASKED_AT_ONCE = 1_000


class _Hit(Struct):
    id: str = msgspec.field(name="_id")


class _Hits(Struct):
    hits: list[_Hit] = msgspec.field(default_factory=list[_Hit])


class _SearchAnswer(Struct):
    hits: _Hits = msgspec.field(default_factory=_Hits)


class _StreamInfo(Struct):
    backing_indices: list[str]


class _Resolved(Struct):
    data_streams: list[_StreamInfo]


class ElasticsearchSink:
    """Writes to `names.stream(content)`. `fields`: Elasticsearch type by dotted field name."""

    def __init__(
        self,
        name: str,
        connection: Connection,
        fields: Mapping[str, str],
        *,
        names: StreamNames | None = None,
        contents: Sequence[Content] = ("events", "alerts"),
        retention: Retention | None = None,
        install: bool = True,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.name = name
        self._connection = connection
        self._names = names or StreamNames()
        self._wanted = Wanted(
            names=self._names, fields=fields, retention=retention or Retention(), data=contents
        )
        self._install = install
        self._most_bytes = most_bytes
        self._client: AsyncElasticsearch | None = None
        # Of batches that broke off: their documents may be there or not.
        self._unsure: dict[Content, frozenset[str]] = {}
        self.installed = Installed()

    async def open(self) -> None:
        """Connect, check the version, and install the templates where that is configured."""
        await self._ready()

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Index the documents, one content after the other, and set the marks in their places."""
        by_content: dict[Content, list[Document]] = {}
        for document in batch:
            by_content.setdefault(document.content, []).append(document)
        written = 0
        refused: list[Refused] = []
        for content, documents in by_content.items():
            for run in _up_to_marks(documents):
                part = await self._deliver(content, run)
                written += part.written
                refused.extend(part.refused)
        already = len(batch) - written - len(refused)
        return Delivered(written=written, already=already, refused=tuple(refused))

    async def _deliver(self, content: Content, run: Sequence[Document]) -> Delivered:
        documents = list({document.id: document for document in run}.values())
        unsure = self._unsure.get(content, frozenset())
        # Noted before anything is sent, so that a cancelled delivery is remembered as well.
        self._unsure[content] = unsure.union(d.id for d in documents)
        try:
            client = await self._ready()
            stream = self._names.stream(content)
            suspects = [d.id for d in documents if d.redelivered or d.id in unsure]
            present = await _rolled_over(client, stream, suspects) if suspects else set[str]()
            written, already = 0, len(present)
            refused: list[Refused] = []
            there = list(present)
            for chunk in chunks([d for d in documents if d.id not in present], self._most_bytes):
                part = await self._bulk(client, stream, chunk, there)
                written += part.written
                already += part.already
                refused.extend(part.refused)
            told_again = there if content == "events" else ()
            await self._set_marks(client, stream, told_again, [d.mark for d in run])
        except ElasticsearchErrors as error:
            raise unavailable(error) from None
        except msgspec.ValidationError as error:
            raise SinkUnavailable(f"Elasticsearch's answer can't be read: {error}") from None
        del self._unsure[content]
        return Delivered(written=written, already=already, refused=tuple(refused))

    async def _set_marks(
        self,
        client: AsyncElasticsearch,
        stream: str,
        there: Sequence[str],
        marks: Sequence[Mark | None],
    ) -> None:
        """What was there already and is told again holds; then what the run's documents say."""
        mark = marks[-1]
        newest = {one.case_id: one.number for one in marks if isinstance(one, CaseAdvance)}
        try:
            if there:
                await mark_returned(client, stream, there)
            match mark:
                case OrphanedBlocks():
                    await mark_orphaned(client, stream, mark)
                case AlertChange():
                    await mark_alert(client, stream, mark)
                case CaseAdvance():
                    await mark_cases(client, stream, newest)
                case None:
                    pass
        except (ApiError, MayNotMark) as error:
            if isinstance(error, ApiError) and error.status_code != 403:
                raise
            if mark is not None:
                _log.warning("the user may not mark documents that are there", stream=stream)

    async def _bulk(
        self,
        client: AsyncElasticsearch,
        stream: str,
        documents: Sequence[Document],
        there: list[str],
    ) -> Delivered:
        """Create documents; the ids of those that are there already are added to `there`."""
        fitting: list[Document] = []
        refused: list[Refused] = []
        for document in documents:
            if len(document.id.encode()) <= MOST_ID_BYTES:
                fitting.append(document)
            else:
                reason = f"event.id is longer than {MOST_ID_BYTES} bytes"
                refused.append(Refused(document=document, reason=reason, field="event.id"))
        if not fitting:
            return Delivered(refused=tuple(refused))
        try:
            answer = await client.bulk(
                index=stream,
                operations=cast(Any, [line for d in fitting for line in operations(d)]),
                pipeline="_none",  # the default one is for what others put there
                require_data_stream=True,  # else a plain index of guessed types would come to be
                filter_path=FILTER,
            )
        except ApiError as error:
            if error.status_code != 413:
                raise
            if len(fitting) == 1:
                reason = f"Elasticsearch takes no request of {len(fitting[0].body)} bytes"
                refused.append(Refused(document=fitting[0], reason=reason))
                return Delivered(refused=tuple(refused))
            middle = len(fitting) // 2
            first = await self._bulk(client, stream, fitting[:middle], there)
            second = await self._bulk(client, stream, fitting[middle:], there)
            return Delivered(
                written=first.written + second.written,
                already=first.already + second.already,
                refused=(*refused, *first.refused, *second.refused),
            )
        results = [item.create for item in msgspec.convert(answer.body, BulkAnswer).items]
        return self._sorted(fitting, results, refused, there)

    def _sorted(
        self,
        documents: Sequence[Document],
        results: Sequence[ItemResult],
        refused: list[Refused],
        there: list[str],
    ) -> Delivered:
        written = already = 0
        again: list[ItemResult] = []
        if len(results) != len(documents):
            raise SinkUnavailable("Elasticsearch answered for fewer documents than were sent")
        for document, result in zip(documents, results, strict=True):
            match outcome(result):
                case "written":
                    written += 1
                case "already":
                    already += 1
                    there.append(document.id)
                case "refused":
                    error = result.error
                    reason = f"Elasticsearch: {error.type}: {(error.reason or '')[:1000]}"
                    refused.append(
                        Refused(document=document, reason=reason, field=fault_field(result))
                    )
                case "again":
                    again.append(result)
        if again:
            raise SinkUnavailable(_why_again(again, len(documents)))
        return Delivered(written=written, already=already, refused=tuple(refused))

    async def _ready(self) -> AsyncElasticsearch:
        """The client, logged in; made, and the server checked, at the first need."""
        if self._client is None:
            client = connect(self._connection)
            try:
                await self._prepare(logged_in(client, self._connection))
            except BaseException:
                await client.close()
                raise
            if self._client is None:
                self._client = client
            else:  # another content was faster
                await client.close()
        return logged_in(self._client, self._connection)

    async def _prepare(self, client: AsyncElasticsearch) -> None:
        server = await fitting_server(client)
        if self._install:
            self.installed = await install(client, server, self._wanted)
            self._log_installed(server)

    def _log_installed(self, server: Server) -> None:
        report = self.installed
        if report.written or report.doubts:
            _log.info(
                "templates installed",
                sink=self.name,
                server=server.version,
                written=report.written,
                left_out=report.left_out,
                doubts=report.doubts,
            )

    async def check(self) -> list[Finding]:
        """Whether the server is there, new enough, lets us in, and has the templates."""
        subject = f"sink {self.name}"
        findings: list[Finding] = []
        try:
            client = connect(self._connection)
        except SinkUnavailable as error:
            return [_finding("error", subject, error.reason, "see the sink in the configuration")]
        try:
            user = logged_in(client, self._connection)
            server = await fitting_server(user)
            what = f"Elasticsearch {server.version}, cluster {server.cluster}"
            findings.append(_finding("ok", subject, what if server.version else "Elasticsearch"))
            findings.append(await self._templates(user, server, subject))
        except NotPermitted as error:
            advice = "set `install_templates: false`, and have `tapewatch setup elastic` run"
            return [*findings, _finding("error", subject, error.reason, advice)]
        except SinkUnavailable as error:
            advice = "see `urls`, the log-in and the certificates in the configuration"
            return [*findings, _finding("error", subject, error.reason, advice)]
        finally:
            await client.close()
        if not self._connection.verify_certificates:
            advice = "give `ca_certificate` and remove `verify_certificates: false`"
            said = "the server's certificate isn't verified"
            findings.append(_finding("warning", subject, said, advice))
        return findings

    async def _templates(self, user: AsyncElasticsearch, server: Server, subject: str) -> Finding:
        try:
            lacking = await missing(user, server, self._wanted)
        except NotPermitted:
            if self._install:
                raise
            said = "its log-in may not look at its templates, which is well: it need only write"
            return _finding("ok", subject, said)
        if not lacking:
            return _finding("ok", subject, "its templates are there")
        if self._install:
            said = f"templates to be installed at start: {', '.join(lacking)}"
            return _finding("ok", subject, said)
        said = f"templates are missing or of another version: {', '.join(lacking)}"
        advice = "run `tapewatch setup elastic`, or set `install_templates: true`"
        return _finding("error", subject, said, advice)


def _up_to_marks(documents: Sequence[Document]) -> list[list[Document]]:
    """The documents in runs; one that says something of others ends a run, but for those of cases,
    where the last one of each case says it all.
    """
    runs: list[list[Document]] = [[]]
    for document in documents:
        runs[-1].append(document)
        if document.mark is not None and document.content != "cases":
            runs.append([])
    return [run for run in runs if run]


async def _rolled_over(
    client: AsyncElasticsearch, stream: str, document_ids: Sequence[str]
) -> set[str]:
    """Those of the ids that an older backing index of the stream holds; empty if there is none.

    Needs the privileges `view_index_metadata`, `maintenance` and `read`; a user that may only
    write gets no answer here, and its copies after a rollover are not recognised.
    """
    present: set[str] = set()
    try:
        resolved = await client.indices.resolve_index(name=stream)
        streams = msgspec.convert(resolved.body, _Resolved).data_streams
        if not streams or len(streams[0].backing_indices) < 2:
            return present  # the one index tells a copy by itself
        await client.indices.refresh(index=stream)
        for start in range(0, len(document_ids), _ASKED_AT_ONCE):
            asked = document_ids[start : start + _ASKED_AT_ONCE]
            answer = await client.search(
                index=stream,
                query={"ids": {"values": list(asked)}},
                size=len(asked),
                source=False,
                track_total_hits=False,
                allow_partial_search_results=False,
                filter_path=["hits.hits._id"],
            )
            found = msgspec.convert(answer.body, _SearchAnswer)
            present.update(hit.id for hit in found.hits.hits)
    except NotFoundError:
        return present
    except ApiError as error:
        if error.status_code != 403:
            raise
        _log.warning("the user may not look for copies before a rollover", stream=stream)
    return present


def _why_again(results: Sequence[ItemResult], sent: int) -> str:
    first = results[0]
    reason = f"{first.error.type}: {(first.error.reason or '')[:500]}"
    advice = ""
    if "no matching index template" in reason:
        advice = "; run `tapewatch setup elastic`, or set `install_templates: true`"
    return f"Elasticsearch took {sent - len(results)} of {sent} documents: {reason}{advice}"


def _finding(level: FindingLevel, subject: str, message: str, advice: str = "") -> Finding:
    return Finding(level=level, subject=subject, message=message, advice=advice)

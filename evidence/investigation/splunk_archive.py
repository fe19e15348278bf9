"""Documents of the past out of Splunk, by the REST API of its search head.

`POST /services/search/v2/jobs/export` streams all results of a search while it runs, one JSON
object a line, without the limit of rows that stored results have; nothing is left on the server.
Rows that are only a preview are not asked for. A stream that ends before its last row, and whatever
Splunk says about results that are cut short, is a failure: a timeline with a hole is none.

Source: Splunk's REST API Reference, "Search endpoints" (search/v2/jobs/export) and "Access
requirements and limitations"; "Use Splunk authentication tokens" (Authorization: Bearer).
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
from msgspec import Meta, Struct, field

from delivery.endpoint import Endpoint, EndpointError, tls_context, unreachable
from delivery.sink import SinkUnavailable
from evidence.investigation.archive import Found, Wanted
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretError, SecretText
from pipeline.units import KIB, MIB, SECOND

EXPORT_PATH = "/services/search/v2/jobs/export"
#: Where the app puts alerts and everything else.
INDEXES = ("tapewatch", "tapewatch_alerts")
#: Names in one search: Splunk takes very long ones, but plans them slowly.
_MOST_TERMS = 200
#: A line is a row: an event and what Splunk says of it.
_MOST_LINE = 16 * MIB
_NO_ALERT = "NOT event.kind=alert NOT event.action=alert-update"
_MOST_REFUSAL = 64 * KIB
_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 5
_LONGEST_WAIT = 30.0
#: Of what it warns of: what means that results are missing.
_CUT_SHORT = (
    "incomplete", "truncat", "finalized", "limit", "quota", "timed out", "timeout", "unable to",
    "missing", "skipped", "down",
)  # fmt: skip
#: Splunk's own latest moment, seconds since the epoch.
_END_OF_TIME = 2_147_483_647


class _Row(Struct):
    raw: str = field(name="_raw")


class _Message(Struct):
    type: Annotated[str, Meta(max_length=64)] = ""
    text: str = ""


class _Line(Struct):
    preview: bool = False
    lastrow: bool = False
    result: _Row | None = None
    messages: list[_Message] = field(default_factory=list[_Message])


_decode = msgspec.json.Decoder(_Line).decode


class SplunkConnection(Struct, frozen=True, kw_only=True):
    """A search head. `timeout` in nanoseconds, for each part of an answer."""

    #: Scheme, host and port of its management interface, such as https://splunk.example.com:8089.
    url: SecretText
    #: An authentication token of a user who may search the indexes.
    token: SecretText
    indexes: Sequence[str] = INDEXES
    sourcetype: str = "tapewatch:ecs"
    ca_certificate: Path | None = None
    verify_certificates: bool = True
    timeout: int = 120 * SECOND


class SplunkArchive:
    """What the sink to the HTTP Event Collector has sent."""

    def __init__(self, connection: SplunkConnection) -> None:
        """Raises Failure for a URL or a certificate that can't be used."""
        self._connection = connection
        try:
            self._endpoint = Endpoint(connection.url.reveal())
            verify = tls_context(connection.ca_certificate, connection.verify_certificates)
        except (EndpointError, SecretError, SinkUnavailable) as error:
            raise Failure(f"--splunk: {error}", CONFIGURATION) from None
        self._client = httpx.Client(
            verify=verify,
            timeout=connection.timeout / SECOND,
            follow_redirects=False,
            headers={"User-Agent": "tapewatch"},
        )

    @property
    def name(self) -> str:
        """Its host, and the indexes."""
        return f"Splunk {self._endpoint.shown}, {', '.join(self._connection.indexes)}"

    def alerts(self, wanted: Wanted) -> Iterator[Found]:
        """Alerts and what became of them. Raises Failure."""
        # An update has the time of what caused it, which may be long after.
        kind = "(event.kind=alert OR event.action=alert-update)"
        for terms in (_terms(wanted.names), _terms(wanted.ids), _actions(wanted.actions)):
            yield from self._found(kind, terms, None, None)

    def events(self, wanted: Wanted) -> Iterator[Found]:
        """Events. Raises Failure."""
        # What was known of somebody was known before as well.
        yield from self._found(_NO_ALERT, _terms(wanted.names), None, wanted.until)
        yield from self._found(_NO_ALERT, _terms(wanted.ids), None, None)
        yield from self._found(_NO_ALERT, _actions(wanted.actions), wanted.since, wanted.until)

    def of_instruments(
        self, instruments: frozenset[str], since: int, until: int
    ) -> Iterator[Found]:
        """Events that hold one of these names, what feeds missed, and forks of chains, of a stretch
        of time; in whatever order Splunk has them. Raises Failure."""
        terms = [*_terms(instruments), *_actions(("chain-reorganised", "feed-gap"))]
        yield from self._found(_NO_ALERT, terms, since, until)

    def cases(self, case: str) -> Iterator[Found]:
        """What was done to the case of this id. Raises Failure."""
        yield from self._found("event.action=case-activity", [_quoted(case)], None, None)

    def _found(
        self, kind: str, terms: Sequence[str], since: int | None, until: int | None
    ) -> Iterator[Found]:
        indexes = " OR ".join(f"index={_quoted(one)}" for one in self._connection.indexes)
        where = f"({indexes}) sourcetype={_quoted(self._connection.sourcetype)} {kind}"
        for first in range(0, len(terms), _MOST_TERMS):
            some = " OR ".join(terms[first : first + _MOST_TERMS])
            query = f"search {where} ({some}) | fields _raw"
            for number, row in enumerate(self._rows(query, since, until), 1):
                yield Found(row.encode(), f"{self._endpoint.shown}, row {number}")

    def _rows(self, query: str, since: int | None, until: int | None) -> Iterator[str]:
        # HEC's times are of microseconds: a little more is taken, and left out by who asked.
        earliest = 0 if since is None else max(0, since // SECOND - 1)
        latest = _END_OF_TIME if until is None else until // SECOND + 1
        form = {
            "search": query,
            "output_mode": "json",
            "preview": "false",
            "adhoc_search_level": "fast",
            "earliest_time": str(earliest),
            "latest_time": str(latest),
        }
        try:
            with self._answer(form) as response:
                yield from self._read(response)
        except httpx.HTTPError as error:
            raise Failure(
                f"Splunk {unreachable(self._endpoint.shown, error).reason}", FAILED
            ) from None

    def _answer(self, form: dict[str, str]) -> "_Open":
        """An answer that is one. What is busy is asked again. Raises Failure, httpx.HTTPError."""
        attempt = 0
        while True:
            attempt += 1
            opened = _Open(self._client, self._request(form))
            status = opened.response.status_code
            if status == 200:
                return opened
            with opened:
                said = self._refusal(opened.response)
            asked = retry_after(opened.response.headers.get("Retry-After"))
            if status not in _BUSY or attempt == _TRIES:
                break
            time.sleep(min(asked or 0.2 * 2**attempt, _LONGEST_WAIT))
        advice = ""
        if status in (401, 403):
            advice = "; its token must be one of a user who may search, and not have expired"
        elif 300 <= status < 400:
            advice = "; no redirect is followed: name the search head's management port, 8089"
        elif status == 404:
            advice = "; search/v2 needs Splunk 9.0 or newer, and the management port, 8089"
        raise self._failure(f"HTTP {status}{said}{advice}")

    def _request(self, form: dict[str, str]) -> httpx.Request:
        try:
            token = self._connection.token.reveal()
            return self._client.build_request(
                "POST",
                self._endpoint.url(EXPORT_PATH),
                data=form,
                headers={"Authorization": f"Bearer {token}"},
            )
        except SecretError as error:
            raise Failure(f"the token of Splunk: {error}", CONFIGURATION) from None
        except (UnicodeEncodeError, ValueError):  # what it says may hold the token
            raise Failure("the token of Splunk holds what no header may", CONFIGURATION) from None

    def _refusal(self, response: httpx.Response) -> str:
        content = b""
        for part in response.iter_bytes():
            content += part
            if len(content) > _MOST_REFUSAL:
                return ""
        try:
            said = "; ".join(one.text for one in _decode(content).messages)
        except msgspec.MsgspecError:
            return ""
        return f": {said[:500]}" if said else ""

    def _read(self, response: httpx.Response) -> Iterator[str]:
        rows, last = 0, False
        for line in _lines(response):
            try:
                found = _decode(line)
            except msgspec.MsgspecError as error:
                raise self._failure(f"its answer can't be read: {error}") from None
            for message in found.messages:
                self._judge(message)
            if found.preview:
                continue
            if found.result is not None:
                rows += 1
                yield found.result.raw
            last = found.lastrow
        if rows and not last:
            raise self._failure(f"the results end after {rows:,} rows, before the last one")

    def _judge(self, message: _Message) -> None:
        """Raises Failure where it means that results are missing."""
        grave = message.type.upper() in ("FATAL", "ERROR")
        if grave or any(word in message.text.lower() for word in _CUT_SHORT):
            raise self._failure(f"{message.type}: {message.text[:500]}")

    def _failure(self, what: str) -> Failure:
        return Failure(f"Splunk {self._endpoint.shown}: {what}", FAILED)


class _Open:
    """An answer whose content is read as it comes. Use as a context manager."""

    def __init__(self, client: httpx.Client, request: httpx.Request) -> None:
        self.response = client.send(request, stream=True)

    def __enter__(self) -> httpx.Response:
        return self.response

    def __exit__(self, *_: Any) -> None:
        self.response.close()


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Lines that end by a line feed only: a text may hold other ends of lines."""
    held = bytearray()
    for part in response.iter_bytes():
        held += part
        *whole, rest = held.split(b"\n")
        held = bytearray(rest)
        if len(held) > _MOST_LINE:
            raise Failure(f"Splunk sent a row of more than {_MOST_LINE // MIB} MiB", FAILED)
        yield from (bytes(line) for line in whole if line.strip())
    if held.strip():
        yield bytes(held)


def _terms(texts: frozenset[str]) -> list[str]:
    """Phrases that stand in the event's text; a star in them finds more, which does no harm."""
    return [_quoted(one) for one in sorted(texts)]


def _actions(actions: Sequence[str]) -> list[str]:
    return [f"event.action={_quoted(one)}" for one in actions]


def _quoted(text: str) -> str:
    """A quoted string of SPL: quotes and backslashes are escaped as in JSON."""
    return json.dumps(text, ensure_ascii=False)

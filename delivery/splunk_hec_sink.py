"""The Splunk sink: batches to the HTTP Event Collector, with indexer acknowledgement.

HEC has no ids and can't drop a second copy. What this sink was told to be taken it does not send
again while it runs, but for events whose block left the chain and came back; after a crash, or when
an answer was lost, events may be there twice. What a fork did are events of their own. Each event
carries `event.id`, so searches that must count exactly begin with `| dedup event.id`. With
`acknowledgement` a batch is delivered when the indexers have written it; without, when Splunk has
answered 200, which a crash of that Splunk may still lose.
"""

import asyncio
import gzip
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import get_args

import httpx
import msgspec

from delivery.endpoint import (
    Endpoint,
    HttpOptions,
    endpoint_of,
    http_client,
    revealed,
    unreachable,
)
from delivery.hec_answers import HEALTHY, NO_DATA, HecAnswer, HecBody, read_acks, read_answer
from delivery.hec_envelope import Envelope, HecPart, parts
from delivery.seen_documents import SeenDocuments
from delivery.seen_documents import parts as runs
from delivery.sink import Content, Delivered, Document, Refused, SinkUnavailable
from delivery.splunk_notable import NotableEnvelope
from pipeline.findings import Finding
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretText
from pipeline.units import MINUTE, SECOND

EVENT_PATH = "/services/collector/event"
ACK_PATH = "/services/collector/ack"
HEALTH_PATH = "/services/collector/health"
CHANNEL = "X-Splunk-Request-Channel"
REMEMBERED = 100_000
_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 2.0
_GZIP_LEVEL = 3  # level 6 halves the throughput and saves a tenth of the bytes


class SplunkHecSink:
    """Sends to `url`, to which HEC's paths are added. `acknowledgement_timeout` is nanoseconds.

    `notables`: only cases are sent, as notable events of Enterprise Security.
    """

    def __init__(
        self,
        name: str,
        url: SecretText,
        token: SecretText,
        http: HttpOptions,
        *,
        sourcetype: str = "tapewatch:ecs",
        index: str | None = None,
        acknowledgement: bool = False,
        acknowledgement_timeout: int = MINUTE,
        compress: bool = True,
        max_body: int = 800 * 1024,
        notables: NotableEnvelope | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._token = token
        self._http = http
        self._notables = notables
        self._envelope = notables or Envelope(sourcetype, index)
        self._acknowledgement = acknowledgement
        self._timeout = acknowledgement_timeout / SECOND
        self._compress = compress
        self._max_body = max_body
        # Acknowledgement ids count within a channel, and a Splunk that crashed counts anew. So each
        # content has one of its own: what one waits for can't be told of the other.
        self._channels: dict[Content, str] = {
            content: str(uuid.uuid4()) for content in get_args(Content)
        }
        self._client: httpx.AsyncClient | None = None
        self._endpoint: Endpoint | None = None
        self._seen = SeenDocuments(REMEMBERED)

    async def open(self) -> None:
        """Make the client. Splunk itself may be down: `deliver` says so."""
        if self._client is None:
            self._endpoint = endpoint_of(self._url)
            self._client = http_client(self._http)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Send what was not taken before; with acknowledgement, wait until it is indexed."""
        total = Delivered()
        if self._notables is not None:
            meant = [document for document in batch if self._notables.is_meant(document)]
            total = Delivered(skipped=len(batch) - len(meant))
            batch = meant
        for run in runs(batch):
            one = await self._deliver(run)
            total = Delivered(
                written=total.written + one.written,
                already=total.already + one.already,
                refused=(*total.refused, *one.refused),
                skipped=total.skipped,
            )
        return total

    async def _deliver(self, batch: Sequence[Document]) -> Delivered:
        new = self._seen.unseen(batch)
        refused: list[Refused] = []
        waiting: dict[int, HecPart] = {}
        todo = list(parts(new, self._envelope, self._max_body))[::-1]
        try:
            while todo:
                part = todo.pop()
                answer = await self._send(part)
                if answer.meaning == "taken":
                    self._taken(part, answer, waiting)
                else:
                    # Splunk indexes a batch up to the invalid event, some versions nothing of it.
                    # The rest is sent again whole: a copy can be told by its event.id, a loss not.
                    todo.extend(_remaining(part, answer, refused))
        except SinkUnavailable:
            if waiting:  # what went before may be indexed all the same, and need not be sent again
                with suppress(SinkUnavailable):
                    await self._acknowledged(waiting)
            raise
        if waiting:
            await self._acknowledged(waiting)
        written = len(new) - len(refused)
        return Delivered(written=written, already=len(batch) - len(new), refused=tuple(refused))

    async def check(self) -> list[Finding]:
        """Whether HEC is there and healthy, and takes the token; no event is sent."""
        was_open = self._client is not None
        try:
            return await self._examine(f"sink {self.name}")
        finally:
            if not was_open:
                await self.close()

    async def _examine(self, subject: str) -> list[Finding]:
        try:
            health = await self._exchange("GET", HEALTH_PATH)
            if _code(health) != HEALTHY:
                reason = read_answer(health.status_code, health.content).reason
                return [_error(subject, f"{self._shown} is not healthy: {reason}")]
            # An empty batch: a good token is answered with "no data".
            headers = {CHANNEL: self._channels["events"]} if self._acknowledgement else {}
            answer = await self._exchange("POST", EVENT_PATH, content=b"", headers=headers)
        except SinkUnavailable as unavailable:
            return [_error(subject, unavailable.reason)]
        if _code(answer) != NO_DATA:
            reason = read_answer(answer.status_code, answer.content).reason
            return [_error(subject, f"{self._shown} refuses the token: {reason}")]
        return [
            Finding(level="ok", subject=subject, message=f"{self._shown} takes events"),
            *self._doubts(subject),
        ]

    def _doubts(self, subject: str) -> list[Finding]:
        doubts: list[Finding] = []
        if not self._http.verify_certificates:
            doubts.append(
                Finding(
                    level="warning",
                    subject=subject,
                    message="the server's certificate isn't verified",
                    advice="give `ca_certificate` and remove `verify_certificates: false`",
                )
            )
        if not self._acknowledgement:
            doubts.append(
                Finding(
                    level="warning",
                    subject=subject,
                    message="without acknowledgement a crash of Splunk may lose events",
                    advice="enable acknowledgement for the token and set `acknowledgement: true`",
                )
            )
        return doubts

    @property
    def _shown(self) -> str:
        return self._endpoint.shown if self._endpoint is not None else "Splunk"

    def _taken(self, part: HecPart, answer: HecAnswer, waiting: dict[int, HecPart]) -> None:
        if not self._acknowledgement:
            self._seen.add(part.documents)
        elif answer.ack_id in waiting:
            waiting.clear()  # nobody can tell any more which request an id is of
            raise SinkUnavailable(
                f"{self._shown} gave an acknowledgement id twice: it was started again"
            )
        elif answer.ack_id is not None:
            waiting[answer.ack_id] = part
        else:
            raise SinkUnavailable(
                f"{self._shown} gave no acknowledgement id: enable acknowledgement for the token, "
                "or set `acknowledgement: false`"
            )

    async def _send(self, part: HecPart) -> HecAnswer:
        """Raises SinkUnavailable for every answer that the data is not to blame for."""
        body = part.body()
        headers: dict[str, str] = {}
        if self._compress:
            body = await asyncio.to_thread(gzip.compress, body, _GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        headers |= self._channel(part)
        response = await self._exchange("POST", EVENT_PATH, content=body, headers=headers)
        answer = read_answer(response.status_code, response.content)
        if answer.meaning == "wait":
            raise SinkUnavailable(
                f"{self._shown}: {answer.reason}", retry_after(response.headers.get("Retry-After"))
            )
        return answer

    async def _acknowledged(self, waiting: dict[int, HecPart]) -> None:
        """Ask until all are indexed. Each part that is, is remembered, whatever comes of others."""
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_POLL_SECONDS
        while True:
            for ack in await self._indexed(waiting):
                part = waiting.pop(ack, None)
                if part is not None:
                    self._seen.add(part.documents)
            if not waiting:
                return
            if time.monotonic() + pause > deadline:
                raise SinkUnavailable(
                    f"{self._shown} did not acknowledge {len(waiting)} requests within "
                    f"{self._timeout:g} s; behind a load balancer, sessions must stick to one "
                    "server"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)

    def _channel(self, part: HecPart) -> dict[str, str]:
        """The header that names the channel, where there is need of one."""
        if not self._acknowledgement:
            return {}
        return {CHANNEL: self._channels[part.documents[0].content]}

    async def _indexed(self, waiting: Mapping[int, HecPart]) -> set[int]:
        try:
            response = await self._exchange(
                "POST",
                ACK_PATH,
                content=msgspec.json.encode({"acks": list(waiting)}),
                headers=self._channel(next(iter(waiting.values()))),
            )
        except SinkUnavailable:
            return set()  # what is indexed stays so; the deadline ends the waiting
        try:
            return read_acks(response.content)
        except (msgspec.MsgspecError, ValueError):
            return set()

    async def _exchange(
        self, method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        if self._client is None or self._endpoint is None:
            await self.open()
        assert self._client is not None
        assert self._endpoint is not None
        sent = {"Authorization": f"Splunk {revealed(self._token, 'the token')}", **(headers or {})}
        try:
            return await self._client.request(
                method, self._endpoint.url(path), content=content, headers=sent
            )
        except httpx.HTTPError as error:
            raise unreachable(self._shown, error) from None
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise SinkUnavailable(
                f"{self._shown}: the URL or the token holds characters that HTTP doesn't allow"
            ) from None


def _remaining(part: HecPart, answer: HecAnswer, refused: list[Refused]) -> tuple[HecPart, ...]:
    """What of a part that was not taken has to be sent again, the first to go last."""
    count = len(part.documents)
    bad = answer.invalid_event if answer.meaning == "data" else None
    if count == 1:
        bad = 0
    if bad is None or not 0 <= bad < count:
        return part.halves()[::-1]
    refused.append(Refused(document=part.documents[bad], reason=f"Splunk: {answer.reason}"))
    return (part.without(bad),) if count > 1 else ()


def _code(response: httpx.Response) -> int | None:
    try:
        return msgspec.json.decode(response.content, type=HecBody).code
    except msgspec.MsgspecError:
        return None


def _error(subject: str, message: str) -> Finding:
    return Finding(
        level="error",
        subject=subject,
        message=message,
        advice="compare `url` and `token` with Splunk's Settings, Data inputs",
    )

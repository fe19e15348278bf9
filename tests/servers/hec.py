"""A strict Splunk HTTP Event Collector receiver, for tests.

This is test code written from Splunk's documentation, not Splunk: no Splunk server can be had from
a package registry. `hec_protocol.py` names the sources and says where it is stricter.
"""

import asyncio
import base64
import binascii
import json
import ssl
import uuid
import zlib
from typing import Any, cast

import msgspec

from tests.servers import hec_protocol as protocol
from tests.servers.arrivals import Arrivals
from tests.servers.hec_protocol import HecAnswer, HecRefusal, IndexedEvent
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

EVENT_PATHS = frozenset(f"/services/collector{rest}" for rest in ("", "/event", "/event/1.0"))
RAW_PATHS = frozenset(("/services/collector/raw", "/services/collector/raw/1.0"))
ACK_PATHS = frozenset(("/services/collector/ack", "/services/collector/ack/1.0"))
HEALTH_PATHS = frozenset(("/services/collector/health", "/services/collector/health/1.0"))
DEFAULT_TOKEN = "5c1d2a7e-90f4-4a0b-8f33-6f1f0f1b7a10"
GENERIC_PAGES = {413: "Content-Length is too large", 415: "Unsupported Media Type"}


class HecToken(msgspec.Struct, kw_only=True):
    """A token's settings, as in inputs.conf. Empty `indexes` allows every index."""

    value: str = DEFAULT_TOKEN
    acknowledge: bool = False
    disabled: bool = False
    default_index: str = "main"
    indexes: frozenset[str] = frozenset()


class HecRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was answered (or dropped: `status` 0). `events` is how many it indexed."""

    path: str
    status: int
    code: int | None
    events: int
    gzip: bool
    channel: str | None
    body_bytes: int


class HecReceiver:
    """Receives events at `url`. Use as a context manager.

    `events` holds what was indexed and `requests` every request, both in order. Switches:
    - `busy(times)`: 503 code 9; `throttle(times)`: 429 code 26; `fail(times)`: 500 code 8;
    - `drop(times)`: index, then close the connection without an answer;
    - `drop_unread(times)`: close the connection and index nothing;
    - `delay_seconds`: how long each answer is held back;
    - `acknowledging`: False keeps every acknowledgement pending (back to True releases them);
    - `healthy`: False answers health checks with 503 code 18;
    - `index_before_error`: True, as Splunk does, indexes a batch's events before an invalid one;
    - `go_down()` and `come_back()`: refuse connections;
    - `crash()`: what was not acknowledged yet is lost, and channels count from 0 again.
    """

    def __init__(
        self,
        *tokens: HecToken,
        max_content_length: int = 1_000_000,
        max_pending_acks: int = 1000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tokens = {token.value: token for token in tokens or (HecToken(),)}
        self.max_content_length = max_content_length
        self.max_pending_acks = max_pending_acks
        self.events: Arrivals[IndexedEvent] = Arrivals()
        self.requests: Arrivals[HecRequest] = Arrivals()
        self.delay_seconds = 0.0
        self.acknowledging = True
        self.healthy = True
        self.index_before_error = True
        self._faults: list[HecAnswer | str] = []
        self._next_ack: dict[str, int] = {}
        self._pending_acks: dict[str, set[int]] = {}
        self._server = LoopbackHttpServer(self._handle, tls)
        self.go_down = self._server.go_down
        self.come_back = self._server.come_back

    @property
    def url(self) -> str:
        """Scheme, host and port, to which a sender adds /services/collector/…"""
        return self._server.url

    @property
    def token(self) -> str:
        """The first token's value."""
        return next(iter(self.tokens))

    def busy(self, times: int = 1) -> None:
        self._faults.extend([protocol.SERVER_IS_BUSY] * times)

    def throttle(self, times: int = 1) -> None:
        self._faults.extend([protocol.QUEUE_AT_CAPACITY] * times)

    def fail(self, times: int = 1) -> None:
        self._faults.extend([protocol.INTERNAL_ERROR] * times)

    def drop(self, times: int = 1) -> None:
        self._faults.extend(["drop"] * times)

    def drop_unread(self, times: int = 1) -> None:
        self._faults.extend(["drop unread"] * times)

    def crash(self) -> None:
        pending = self._pending_acks
        kept = [e for e in self.events if e.ack_id not in pending.get(e.channel or "", ())]
        self.events.clear()
        for event in kept:
            self.events.append(event)
        self._next_ack, self._pending_acks = {}, {}

    def __enter__(self) -> "HecReceiver":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        indexed: list[IndexedEvent] = []
        fault = None
        if request.path in EVENT_PATHS | RAW_PATHS and self._faults:
            fault = self._faults.pop(0)
        try:
            if fault == "drop unread":
                raise DropConnection
            response = self._respond(request, fault, indexed)
            dropped = fault == "drop"
        except DropConnection:
            response, dropped = HttpResponse(status=500), True
        for event in indexed:
            self.events.append(event)
        code = None if dropped else _code(response)
        self.requests.append(
            HecRequest(
                path=request.path,
                status=0 if dropped else response.status,
                code=code,
                events=len(indexed),
                gzip=request.headers.get("content-encoding") == "gzip",
                channel=_channel(request),
                body_bytes=len(request.body),
            )
        )
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if dropped:
            raise DropConnection
        return response

    def _respond(
        self, request: HttpRequest, fault: HecAnswer | str | None, indexed: list[IndexedEvent]
    ) -> HttpResponse:
        try:
            if request.path in HEALTH_PATHS and request.method == "GET":
                return _json(protocol.HEALTHY if self.healthy else protocol.QUEUES_FULL)
            receiving = request.path in EVENT_PATHS | RAW_PATHS
            if request.method != "POST" or not (receiving or request.path in ACK_PATHS):
                known = receiving or request.path in ACK_PATHS | HEALTH_PATHS
                text = "The requested URL was not found on this server."
                return _json(HecAnswer(405 if known else 404, 404, text))
            token = self._authorize(request)
            if isinstance(fault, HecAnswer):
                return _json(fault)
            body = self._body(request)
            if isinstance(body, HttpResponse):
                return body
            if request.path in ACK_PATHS:
                return self._acknowledge(request, token, body)
            return self._receive(request, token, body, indexed)
        except HecRefusal as refusal:
            if not self.index_before_error:
                indexed.clear()
            if refusal.event_number is None:
                return _json(refusal.answer)
            return _json(refusal.answer, {"invalid-event-number": refusal.event_number})

    def _authorize(self, request: HttpRequest) -> HecToken:
        if "token" in request.query:
            raise HecRefusal(protocol.QUERY_AUTHORIZATION_DISABLED)
        header = request.headers.get("authorization", "").strip()
        if not header:
            raise HecRefusal(protocol.TOKEN_REQUIRED)
        scheme, _, credentials = header.partition(" ")
        credentials = credentials.strip()
        if scheme.lower() == "basic":
            try:
                decoded = base64.b64decode(credentials, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise HecRefusal(protocol.INVALID_AUTHORIZATION) from None
            credentials = decoded.partition(":")[2]
        elif scheme.lower() != "splunk":
            raise HecRefusal(protocol.INVALID_AUTHORIZATION)
        if not credentials:
            raise HecRefusal(protocol.INVALID_AUTHORIZATION)
        token = self.tokens.get(credentials)
        if token is None:
            raise HecRefusal(protocol.INVALID_TOKEN)
        if token.disabled:
            raise HecRefusal(protocol.TOKEN_DISABLED)
        return token

    def _body(self, request: HttpRequest) -> bytes | HttpResponse:
        """The decoded body, or Splunk's generic page: these two errors have no HEC code."""
        if len(request.body) > self.max_content_length:
            return _generic_page(413)
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding == "identity":
            return request.body
        if encoding != "gzip":
            return _generic_page(415)
        unzip = zlib.decompressobj(wbits=31)
        try:
            body = unzip.decompress(request.body, self.max_content_length + 1)
        except zlib.error:
            raise HecRefusal(protocol.INVALID_DATA_FORMAT) from None
        if len(body) > self.max_content_length:
            return _generic_page(413)
        if not unzip.eof or unzip.unused_data:
            raise HecRefusal(protocol.INVALID_DATA_FORMAT)
        return body

    def _receive(
        self, request: HttpRequest, token: HecToken, body: bytes, indexed: list[IndexedEvent]
    ) -> HttpResponse:
        raw = request.path in RAW_PATHS
        channel = _channel(request)
        if channel is None and (raw or token.acknowledge):
            raise HecRefusal(protocol.CHANNEL_MISSING)
        if channel is not None and not _is_guid(channel):
            raise HecRefusal(protocol.INVALID_CHANNEL)
        ack_id = None
        if token.acknowledge:
            assert channel is not None
            if len(self._pending_acks.get(channel, ())) >= self.max_pending_acks:
                raise HecRefusal(protocol.ACK_AT_CAPACITY)
            ack_id = self._next_ack.get(channel, 0)
        for number, sent in enumerate(_raw_lines(body) if raw else protocol.event_objects(body)):
            protocol.check_event(sent, number)
            named: dict[str, Any] = {
                key: request.query[key]
                for key in ("host", "source", "sourcetype", "index")
                if request.query.get(key)
            }
            named.update((key, value) for key, value in sent.items() if key != "time")
            index = named.setdefault("index", token.default_index)
            if token.indexes and index not in token.indexes | {token.default_index}:
                raise HecRefusal(protocol.INCORRECT_INDEX, number)
            time = float(sent["time"]) if "time" in sent else None
            indexed.append(
                IndexedEvent(**named, time=time, channel=channel, token=token.value, ack_id=ack_id)
            )
        if channel is None or ack_id is None:
            return _json(protocol.SUCCESS)
        self._next_ack[channel] = ack_id + 1
        self._pending_acks.setdefault(channel, set()).add(ack_id)
        return _json(protocol.SUCCESS, {"ackId": ack_id})

    def _acknowledge(self, request: HttpRequest, token: HecToken, body: bytes) -> HttpResponse:
        """Tell which of the asked acknowledgements are there; each is told once, then forgotten."""
        if not token.acknowledge:
            raise HecRefusal(protocol.ACK_DISABLED)
        channel = _channel(request)
        if channel is None:
            raise HecRefusal(protocol.CHANNEL_MISSING)
        if not _is_guid(channel):
            raise HecRefusal(protocol.INVALID_CHANNEL)
        try:
            asked = msgspec.json.decode(body, type=dict[str, list[int]])["acks"]
        except (msgspec.DecodeError, KeyError):
            raise HecRefusal(protocol.INVALID_DATA_FORMAT) from None
        pending = self._pending_acks.setdefault(channel, set())
        done = pending & set(asked) if self.acknowledging else set[int]()
        pending -= done
        told = {str(ack_id): ack_id in done for ack_id in asked}
        return HttpResponse(
            status=200,
            body=json.dumps({"acks": told}).encode(),
            headers={"Content-Type": "application/json"},
        )


def _raw_lines(body: bytes) -> list[dict[str, Any]]:
    """A raw body as events: one a line, blank lines left out."""
    lines = body.decode("utf-8", errors="replace").splitlines()
    events: list[dict[str, Any]] = [{"event": line} for line in lines if line.strip()]
    if not events:
        raise HecRefusal(protocol.NO_DATA)
    return events


def _channel(request: HttpRequest) -> str | None:
    return request.headers.get("x-splunk-request-channel") or request.query.get("channel") or None


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _json(answer: HecAnswer, more: dict[str, Any] | None = None) -> HttpResponse:
    return HttpResponse(
        status=answer.status,
        body=json.dumps({"text": answer.text, "code": answer.code, **(more or {})}).encode(),
        headers={"Content-Type": "application/json; charset=UTF-8"},
    )


def _generic_page(status: int) -> HttpResponse:
    page = f"<!doctype html><html><body><h1>{GENERIC_PAGES[status]}</h1></body></html>"
    return HttpResponse(
        status=status, body=page.encode(), headers={"Content-Type": "text/html; charset=UTF-8"}
    )


def _code(response: HttpResponse) -> int | None:
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        return None
    answer = cast(dict[str, Any], json.loads(response.body))
    return answer.get("code")

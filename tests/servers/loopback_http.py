"""A small HTTP/1.1 server on a loopback port, for the receivers that the tests deliver to.

h11 parses (keep-alive, chunked bodies, Expect); one handler answers. It runs in its own thread.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
import msgspec

from tests.servers.loop_thread import LoopThread

HARD_BODY_LIMIT = 64 * 2**20


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`headers` are by lower-case name; `body` is as sent, not decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class DropConnection(Exception):
    """Raised by a handler to close the connection without an answer."""


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


class LoopbackHttpServer:
    """Serves `handler` at `url` until closed. Use as a context manager."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._tls = tls
        self._thread = LoopThread()
        self._connections: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> "LoopbackHttpServer":
        self._thread.__enter__()
        try:
            self._server = self._thread.run(self._listen(0))
        except BaseException:
            self._thread.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.run(self._close())
        self._thread.__exit__()

    def go_down(self) -> None:
        """Close every connection and refuse new ones, as a server that has stopped."""
        self._thread.run(self._close())

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._server = self._thread.run(self._listen(self.port))

    async def _listen(self, port: int) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        for writer in tuple(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request = await _read_request(connection, reader, writer)
                if request is None:
                    break
                response = await self._handler(request)
                await _answer(connection, writer, response)
                if connection.our_state is h11.MUST_CLOSE:
                    break
                connection.start_next_cycle()
        except (DropConnection, OSError, asyncio.CancelledError):
            writer.transport.abort()
        except h11.RemoteProtocolError as error:
            if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                refusal = HttpResponse(status=error.error_status_hint, body=str(error).encode())
                await _answer(connection, writer, refusal)
        finally:
            self._connections.discard(writer)
            writer.close()


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpRequest | None:
    """The next request of the connection; None when the client has closed it."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(connection.send(go_on) or b"")
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > HARD_BODY_LIMIT:
                raise DropConnection
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _request(head, bytes(body))
        else:
            return None


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    target = urlsplit(head.target.decode("latin-1"))
    return HttpRequest(
        method=head.method.decode("latin-1"),
        path=unquote(target.path),
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in head.headers},
        body=body,
    )


async def _answer(
    connection: h11.Connection, writer: asyncio.StreamWriter, response: HttpResponse
) -> None:
    headers = {"Content-Length": str(len(response.body)), **response.headers}
    head = h11.Response(status_code=response.status, headers=list(headers.items()))
    for event in (head, h11.Data(data=response.body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()

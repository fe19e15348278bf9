"""Small, strict servers of venues whose feeds a token of a REST interface opens: INX, Archax.

Written from https://apidoc.inx.co and https://ace.archax.com/docs/api, as far as those tell; what
they leave open is in docs/limits.md. They share no code with the collectors.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.servers.loopback_http import HttpRequest, HttpResponse, LoopbackHttpServer


class _Venue:
    """A WebSocket server in the test's loop, and a REST one beside it."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.received: list[dict[str, Any]] = []
        self.refused = 0
        self._rest = LoopbackHttpServer(self._answer)

    @property
    def rest_url(self) -> str:
        return self._rest.url

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/"

    async def __aenter__(self) -> Self:
        self._rest.__enter__()
        self._server: Server = await serve(self._serve, "127.0.0.1", 0, process_request=self._open)
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await asyncio.to_thread(self._rest.__exit__)

    async def push(self, message: Mapping[str, Any] | str) -> None:
        """Send a message on the newest connection."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self.connections[-1].send(text)

    async def cut(self) -> None:
        """Break the newest connection."""
        self.connections[-1].transport.abort()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        raise NotImplementedError

    async def _take(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        """What the venue says to a message of the client."""

    def _open(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._allowed({name.lower(): value for name, value in request.headers.raw_items()}):
            return None
        self.refused += 1
        return connection.respond(HTTPStatus.UNAUTHORIZED, "token or api key invalid")

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        try:
            async for text in connection:
                try:
                    message = json.loads(text)
                except ValueError:
                    message = {"text": text}
                self.received.append(message)
                await self._take(connection, message)
        except ConnectionClosed:
            pass


class InxVenue(_Venue):
    """INX: signed requests make tokens, each good for one connection, one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "d6540c3b-0f78-4a70-8af6-3b3ed77476c9"
        self._tokens: set[str] = set()
        self._made = 0
        self._nonce = 0

    @property
    def private_key(self) -> str:
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        headers = request.headers
        try:
            nonce, timestamp = int(headers["nonce"]), int(headers["timestamp"])
            context = json.dumps(
                {"nonce": nonce, "timestamp": timestamp, "apiKeyId": headers["apikeyid"]},
                separators=(",", ":"),
            )
            self._key.public_key().verify(
                base64.b64decode(headers["signedcontext"]),
                context.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
            assert nonce > self._nonce
            assert "user-agent" in headers
        except Exception:
            return HttpResponse(status=401, body=b'{"status":401,"error":"Unauthorized"}')
        self._nonce = nonce
        match request.method, request.path:
            case "POST", "/api/createToken" if not self._tokens:
                self._made += 1
                token = f"token-{self._made}"
                self._tokens.add(token)
                return HttpResponse(status=200, body=json.dumps({"token": token}).encode())
            case "POST", "/api/revokeToken":
                self._tokens.clear()
                return HttpResponse(status=200, body=b"{}")
            case _:
                return HttpResponse(status=400, body=b'{"status":400,"error":"Bad Request"}')

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") in self._tokens and headers["apikey"] == self.key_id


class ArchaxVenue(_Venue):
    """Archax: a login gives a token, which is the first message."""

    EMAIL, PASSWORD = "watch@example.com", "correct horse"

    def __init__(self, instruments: Mapping[str, Any]) -> None:
        super().__init__()
        self._instruments = instruments
        self._tokens: set[str] = set()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        body = json.loads(request.body or b"null")
        if request.path != "/login" or body != {"email": self.EMAIL, "password": self.PASSWORD}:
            error = {"status": "ERROR", "error": [{"msg": "Email and password are incorrect"}]}
            return HttpResponse(status=401, body=json.dumps(error).encode())
        token = f"jwt-{len(self._tokens)}"
        self._tokens.add(token)
        answer = {"status": "OK", "data": {"status": "OK", "jwt": token, "mfa": False}}
        return HttpResponse(status=200, body=json.dumps(answer).encode())

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        return True

    async def _take(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message:
            case {"action": "login", "service": "core", "token": token}:
                good = token in self._tokens
                answer: dict[str, Any] = {
                    "action": "user-login-success" if good else "user-login-failed",
                    "data": [],
                    "status": "OK" if good else "ERROR",
                    "type": "user-login",
                }
                await connection.send(json.dumps(answer))
            case {"action": "subscribe-instruments"}:
                answer = {
                    "status": "OK",
                    "action": "set-instruments",
                    "data": dict(self._instruments),
                    "type": "instruments",
                    "timestamp": "2023-11-14T22:13:20.000Z",
                }
                await connection.send(json.dumps(answer))
            case _:
                pass

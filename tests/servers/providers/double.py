"""What the doubles have in common: HTTP on a loopback port, faults on demand, tokens."""

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs

from msgspec import Struct

from tests.servers.arrivals import Arrivals
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

#: Personal data that the doubles put into their answers: never to be seen anywhere else.
PLANTED = (
    *("Dagmar", "Feldkamp-Oriol", "1967-08-16", "X9K77120Q", "Wiener Strasse 10", "dagmar@mail"),
    *("+4915799912345", "Krems an der Donau", "selfie-8842.jpg"),
)


class Fault(Struct, frozen=True):
    """An answer that is wrong on purpose."""

    status: int = 503
    retry_after: str | None = None
    body: bytes = b""
    #: Seconds that it is held back.
    delay: float = 0.0
    drop: bool = False


class Refusal(Exception):
    """Raised by a double whose rules were broken."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


class ProviderDouble:
    """Answers at `url`. Use as a context manager.

    `fail(...)` queues faults, which the next requests get in this order. `requests` are those that
    came, with the status of their answers; `tokens` counts the access tokens given out.
    """

    #: Which way tokens are asked for here; None: a key of its own does it.
    grant: Literal["basic", "form", "json"] | None = None
    token_path = "/oauth/token"
    token_life = 3600

    def __init__(self) -> None:
        self.client_id = "client-" + secrets.token_hex(4)
        self.client_secret = "secret-" + secrets.token_hex(8)
        self.requests: Arrivals[tuple[str, str, int]] = Arrivals()
        self.tokens = 0
        self._valid: set[str] = set()
        self._faults: list[Fault] = []
        self._server = LoopbackHttpServer(self._handle)
        self.go_down = self._server.go_down
        self.come_back = self._server.come_back

    @property
    def url(self) -> str:
        return self._server.url

    def fail(self, *faults: Fault) -> None:
        self._faults.extend(faults)

    def revoke_tokens(self) -> None:
        """Whatever token was given out is refused from now on."""
        self._valid.clear()

    def answer(self, request: HttpRequest) -> Any:
        """The JSON of an answer. Raises Refusal."""
        raise NotImplementedError

    def scope_wanted(self) -> Mapping[str, str]:
        """What besides the grant a token's request must hold."""
        return {}

    def bearer(self, request: HttpRequest) -> None:
        """Raises Refusal unless a valid token came along."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._valid:
            raise Refusal(401, "Unauthorized")

    def __enter__(self) -> "Any":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        if self._faults:
            fault = self._faults.pop(0)
            await asyncio.sleep(fault.delay)
            if fault.drop:
                self.requests.append((request.method, request.path, 0))
                raise DropConnection
            if fault.status:
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                self.requests.append((request.method, request.path, fault.status))
                return HttpResponse(status=fault.status, body=fault.body, headers=headers)
        try:
            is_token = self.grant is not None and request.path == self.token_path
            answer = self._token(request) if is_token else self.answer(request)
            response = _json(200, answer)
        except Refusal as refusal:
            response = _json(refusal.status, {"error": refusal.message, "about": PLANTED})
        self.requests.append((request.method, request.path, response.status))
        return response

    def _token(self, request: HttpRequest) -> dict[str, Any]:
        if request.method != "POST":
            raise Refusal(405, "method not allowed")
        kind = request.headers.get("content-type", "").partition(";")[0]
        if self.grant == "json":
            if kind != "application/json":
                raise Refusal(400, "a JSON body is wanted")
            form: dict[str, Any] = json.loads(request.body)
        else:
            if kind != "application/x-www-form-urlencoded":
                raise Refusal(400, "a form is wanted")
            form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        login = (form.pop("client_id", None), form.pop("client_secret", None))
        if self.grant == "basic":
            scheme, _, text = request.headers.get("authorization", "").partition(" ")
            if scheme != "Basic" or login != (None, None):
                raise Refusal(400, "id and secret belong into the header")
            user, _, password = base64.b64decode(text).decode().partition(":")
            login = (user, password)
        if login != (self.client_id, self.client_secret):
            raise Refusal(401 if self.grant == "json" else 400, "invalid_client")
        if form != {"grant_type": "client_credentials", **self.scope_wanted()}:
            raise Refusal(400, f"invalid_request: {sorted(form)}")
        token = secrets.token_urlsafe(24)
        self._valid.add(token)
        self.tokens += 1
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life}


def json_body(request: HttpRequest) -> Any:
    """The JSON that came. Raises Refusal."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refusal(415, "Unsupported Media Type")
    try:
        return json.loads(request.body)
    except ValueError:
        raise Refusal(400, "Bad Request") from None


def wants(request: HttpRequest, method: str) -> None:
    """Raises Refusal for another method, or where JSON isn't taken."""
    if request.method != method:
        raise Refusal(405, "Method Not Allowed")
    accepted = request.headers.get("accept", "*/*")
    if "application/json" not in accepted and "*/*" not in accepted:
        raise Refusal(406, "Not Acceptable")


def _json(status: int, answer: Any) -> HttpResponse:
    headers = {"Content-Type": "application/json"}
    return HttpResponse(status=status, body=json.dumps(answer).encode(), headers=headers)

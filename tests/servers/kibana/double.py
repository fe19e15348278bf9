"""A strict double of Kibana's HTTP API: spaces, keys, CSRF headers, faults, and areas of routes.

This is test code, written from Kibana's published OpenAPI description (elastic/kibana,
`oas_docs/output/kibana.yaml`, and its routes where that is silent). No Kibana can be had from a
package registry, so nothing here was held against one. It is stricter than Kibana in one thing:
what Kibana ignores in silence (an unknown key of a body or of a query) is refused.

**To add an API** write a module beside this one with a class that has `routes()`:

    class Cases:
        def __init__(self) -> None:
            self.by_space: dict[str, dict[str, Case]] = {}     # state of a space, by its id

        def routes(self) -> list[Route]:
            return [
                Route("POST", "/api/cases", self.create),
                Route("GET", "/api/cases/{case_id}", self.get),
            ]

        def create(self, call: Call) -> Answer:
            asked = call.json(CaseRequest)      # a Struct, forbid_unknown_fields=True: else 400
            ...
            return Answer(200, {"id": ...})

        def get(self, call: Call) -> Answer:
            found = self.by_space.get(call.space, {}).get(call.parameters["case_id"])
            if found is None:
                raise Refusal(404, f"Saved object [cases/{call.parameters['case_id']}] not found")
            return Answer(200, ...)

and list it in `KibanaDouble(areas=[Cases()])` or, for all tests, in `areas.py`. An area finds
others by `call.kibana.area(Other)`. `call.json(TYPE)` and `call.query(TYPE)` validate,
`call.file()` takes the `file` of a multipart form, `call.user` is who the API key is of,
`call.kibana.now()` the double's clock (ISO 8601), `call.kibana.new_id()` and `.new_version()` give
ids and versions as Kibana's.
"""

import asyncio
import base64
import itertools
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from tests.servers.arrivals import Arrivals
from tests.servers.kibana.multipart import FormError, form_file
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

T = TypeVar("T")
_SPACE = re.compile(r"/s/([^/]+)(/.*)")
_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Fault(Struct, frozen=True, kw_only=True):
    """An answer that is wrong on purpose, for the next request whose path has `path` in it.

    `delay` holds any answer back, in seconds; with `status` 0 the true answer follows then.
    `drop` closes the connection, `applied` does so after the request was carried out.
    """

    status: int = 0
    path: str = ""
    method: str = ""
    retry_after: str | None = None
    body: bytes | None = None
    delay: float = 0.0
    drop: bool = False
    applied: bool = False


class Refusal(Exception):
    """Raised by a route to answer with an error in Kibana's form."""

    def __init__(self, status: int, message: str, attributes: Any = None) -> None:
        self.status = status
        self.message = message
        self.attributes = attributes
        super().__init__(message)


class Answer(Struct, frozen=True):
    """What a route gives. `content` is JSON unless it is bytes."""

    status: int
    content: Any = None
    media_type: str = "application/json; charset=utf-8"


class Request(Struct, frozen=True, kw_only=True):
    """A request that came, with the status of its answer (0: the connection was closed)."""

    method: str
    path: str
    space: str
    status: int
    body: bytes


class Call(Struct, frozen=True, kw_only=True):
    """A request to a route, authorised and with its CSRF header."""

    kibana: "KibanaDouble"
    space: str
    user: str
    parameters: dict[str, str]
    request: HttpRequest

    def json(self, kind: type[T]) -> T:
        """The body as `kind`. Raises Refusal 415 or 400, as Kibana words it."""
        media = self.request.headers.get("content-type", "").partition(";")[0].strip()
        if media != "application/json":
            raise Refusal(415, "Unsupported Media Type")
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except msgspec.ValidationError as error:
            raise Refusal(400, f"[request body]: {error}") from None
        except msgspec.DecodeError as error:
            raise Refusal(400, f"Invalid request payload JSON format: {error}") from None

    def query(self, kind: type[T]) -> T:
        """The query as `kind`. Raises Refusal 400."""
        try:
            return msgspec.convert(dict(self.request.query), kind, strict=False)
        except msgspec.ValidationError as error:
            raise Refusal(400, f"[request query]: {error}") from None

    def file(self) -> bytes:
        """The form's `file`, which must be named `*.ndjson`. Raises Refusal 400 or 415."""
        try:
            name, content = form_file(self.request)
        except FormError as error:
            raise Refusal(error.status, str(error)) from None
        if not name.endswith(".ndjson"):
            raise Refusal(400, f"Invalid file extension .{name.rpartition('.')[2]}")
        return content


Handler = Callable[[Call], Answer]


class Route(Struct, frozen=True):
    """A method and a path; `{name}` in it is a parameter. `internal` ones are refused outside."""

    method: str
    path: str
    handler: Handler
    #: From which version of Kibana on.
    since: tuple[int, int] = (8, 0)

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters, or None where the path is another."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


class Area(Protocol):
    """Routes that share a state."""

    def routes(self) -> list[Route]:
        """All of them."""
        ...


A = TypeVar("A")


class KibanaDouble:
    """Answers at `url`. Use as a context manager.

    - `api_key` is a key of `user` that may do everything; `key_of(user, …)` makes others, and
      `revoke(key)` makes one invalid (401).
    - `fail(Fault(...), …)` queues faults; each meets the first request that fits it.
    - `requests` are those that came.
    - `version` is what `/api/status` tells and what routes that came later are refused by.
    """

    def __init__(
        self,
        *,
        version: str = "9.5.1",
        areas: Sequence[Area] | None = None,
        base_path: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        from tests.servers.kibana.areas import all_areas

        self.version = version
        self.base_path = base_path
        self.areas = list(areas) if areas is not None else all_areas()
        self.requests: Arrivals[Request] = Arrivals()
        self._keys: dict[str, str] = {}
        self._readers: set[str] = set()
        self.api_key = self.key_of("tapewatch")
        self._faults: list[Fault] = []
        self._clock = clock
        self._ticks = itertools.count()
        self._versions = itertools.count(1)
        self._routes = [route for area in self.areas for route in area.routes()]
        self._server = LoopbackHttpServer(self._handle)
        self.go_down = self._server.go_down
        self.come_back = self._server.come_back

    def __enter__(self) -> "KibanaDouble":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    @property
    def url(self) -> str:
        return self._server.url + self.base_path

    def key_of(self, user: str, *, read_only: bool = False) -> str:
        """A new API key, in the encoded form. A read-only one gets 403 for what changes things."""
        plain = f"{secrets.token_urlsafe(15)}:{secrets.token_urlsafe(16)}"
        key = base64.b64encode(plain.encode()).decode()
        self._keys[key] = user
        if read_only:
            self._readers.add(key)
        return key

    def revoke(self, key: str) -> None:
        """The key is invalid from now on."""
        self._keys.pop(key, None)

    def fail(self, *faults: Fault) -> None:
        """Queue faults."""
        self._faults.extend(faults)

    def area(self, kind: type[A]) -> A:
        """The area of this class."""
        return next(one for one in self.areas if isinstance(one, kind))

    def now(self) -> str:
        """A later time with each call, in Kibana's form."""
        if self._clock is not None:
            moment = self._clock()
        else:
            begin = datetime(2026, 11, 26, 9, tzinfo=UTC)
            moment = begin + timedelta(milliseconds=next(self._ticks))
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

    def new_id(self) -> str:
        """An id as Kibana makes them (a UUID)."""
        raw = secrets.token_hex(16)
        return "-".join((raw[:8], raw[8:12], "4" + raw[13:16], "a" + raw[17:20], raw[20:]))

    def new_version(self) -> str:
        """A version of a saved object: base64 of `[sequence, term]`, another with each call."""
        return base64.b64encode(f"[{next(self._versions)},1]".encode()).decode()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        fault = self._fault(request)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.drop and not fault.applied:
                self._note(request, 0)
                raise DropConnection
            if fault.status:
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                self._note(request, fault.status)
                error = _error(fault.status, _REASONS.get(fault.status, "Error"))
                body = fault.body if fault.body is not None else msgspec.json.encode(error)
                return HttpResponse(status=fault.status, body=body, headers=headers)
        answer = self._answer(request)
        if fault is not None and fault.applied:
            self._note(request, 0)
            raise DropConnection
        self._note(request, answer.status)
        if answer.status == 204:
            return HttpResponse(status=204)
        content = answer.content
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        return HttpResponse(
            status=answer.status,
            body=body,
            headers={"Content-Type": answer.media_type, "kbn-name": "double"},
        )

    def _fault(self, request: HttpRequest) -> Fault | None:
        for fault in self._faults:
            if fault.path in request.path and fault.method in ("", request.method):
                self._faults.remove(fault)
                return fault
        return None

    def _note(self, request: HttpRequest, status: int) -> None:
        space, path = self._space_of(request.path)
        noted = Request(
            method=request.method, path=path, space=space, status=status, body=request.body
        )
        self.requests.append(noted)

    def _space_of(self, path: str) -> tuple[str, str]:
        found = _SPACE.fullmatch(path.removeprefix(self.base_path))
        return (found[1], found[2]) if found else ("default", path.removeprefix(self.base_path))

    def _answer(self, request: HttpRequest) -> Answer:
        try:
            return self._routed(request)
        except Refusal as refusal:
            error = _error(refusal.status, refusal.message)
            if refusal.attributes is not None:
                error["attributes"] = refusal.attributes
            return Answer(refusal.status, error)

    def _routed(self, request: HttpRequest) -> Answer:
        if not request.path.startswith(self.base_path + "/"):
            raise Refusal(404, "Not Found")
        if request.method not in ("GET", "HEAD") and not request.headers.get("kbn-xsrf"):
            raise Refusal(400, "Request must contain a kbn-xsrf header.")
        user = self._user(request)
        space, path = self._space_of(request.path)
        known = [(route, route.match(path)) for route in self._routes if self._has(route)]
        for route, parameters in known:
            if parameters is None or route.method != request.method:
                continue
            if request.headers["authorization"][7:] in self._readers and not _reads(request, path):
                raise Refusal(403, "Forbidden")
            call = Call(kibana=self, space=space, user=user, parameters=parameters, request=request)
            return route.handler(call)
        raise Refusal(404, "Not Found")

    def _has(self, route: Route) -> bool:
        major, minor = self.version.split(".")[:2]
        return (int(major), int(minor)) >= route.since

    def _user(self, request: HttpRequest) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "ApiKey" or key not in self._keys:
            raise Refusal(401, "[security_exception]: missing authentication credentials")
        return self._keys[key]


def _reads(request: HttpRequest, path: str) -> bool:
    """Whether it changes nothing: exports are asked for by POST."""
    return request.method in ("GET", "HEAD") or path.endswith("_export")


def _error(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "error": _REASONS.get(status, "Error"), "message": message}

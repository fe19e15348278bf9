"""OFAC's list service: a redirect to a store of files, with ETag and Last-Modified."""

from typing import Any

from tests.servers.arrivals import Arrivals
from tests.servers.loopback_http import HttpRequest, HttpResponse, LoopbackHttpServer


class OfacDouble:
    """Publishes `content` at `url`. Use as a context manager."""

    def __init__(self) -> None:
        self.content = b""
        self.status = 200
        #: Bytes of the content that are sent, while its whole length is announced.
        self.cut_at: int | None = None
        self.requests: Arrivals[tuple[str, int]] = Arrivals()
        self._server = LoopbackHttpServer(self._handle)

    @property
    def url(self) -> str:
        return f"{self._server.url}/api/PublicationPreview/exports/SDN_ADVANCED.XML"

    def __enter__(self) -> "OfacDouble":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        self.requests.append((request.path, response.status))
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            to = f"{self._server.url}/files/SDN_ADVANCED.XML"
            return HttpResponse(status=302, headers={"Location": to})
        if self.status != 200:
            return HttpResponse(status=self.status, body=b"<html>later</html>")
        mark = f'"{hash(self.content) & 0xFFFFFFFF:08x}"'
        headers: dict[str, Any] = {"ETag": mark, "Content-Type": "application/xml"}
        if request.headers.get("if-none-match") == mark:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(status=200, body=self.content[: self.cut_at], headers=headers)

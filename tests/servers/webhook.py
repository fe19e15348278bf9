"""A webhook receiver on a loopback port: it keeps every request and misbehaves on demand."""

import asyncio

from tests.servers.arrivals import Arrivals
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)


class WebhookReceiver:
    """Answers 204 to any request. Use as a context manager; post to `url`.

    The switches may be changed at any time:
    - `answer(status, times)`: the next `times` requests get `status`; they are kept nevertheless;
    - `drop(times)`: the next ones are kept and their connection closed without an answer;
    - `delay_seconds`: how long each answer is held back;
    - `go_down()` and `come_back()`: refuse connections.
    """

    def __init__(self) -> None:
        self.requests: Arrivals[HttpRequest] = Arrivals()
        self.delay_seconds = 0.0
        self._answers: list[HttpResponse | None] = []
        self._server = LoopbackHttpServer(self._handle)
        self.go_down = self._server.go_down
        self.come_back = self._server.come_back

    @property
    def url(self) -> str:
        return f"{self._server.url}/hook"

    def answer(self, status: int, times: int = 1, headers: dict[str, str] | None = None) -> None:
        self._answers.extend([HttpResponse(status=status, headers=headers or {})] * times)

    def drop(self, times: int = 1) -> None:
        self._answers.extend([None] * times)

    def __enter__(self) -> "WebhookReceiver":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        answer = self._answers.pop(0) if self._answers else HttpResponse(status=204)
        self.requests.append(request)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if answer is None:
            raise DropConnection
        return answer

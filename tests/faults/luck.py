"""Which request has bad luck, and which kind: drawn from a seed."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

#: `reset`: the connection breaks, and nothing was taken. `lost answer`: it was taken, and the
#: connection breaks before the answer. `slow`: it is taken, and the answer comes late.
HTTP_FAULTS = ("429", "503", "reset", "lost answer", "slow")
SLOW_SECONDS = 0.2


class Luck:
    """Draws faults, a share of all requests, and counts them."""

    def __init__(self, seed: int, share: float) -> None:
        self.chance = random.Random(seed)
        self.share = share
        self.requests = 0
        self.injected: Counter[str] = Counter()

    def draw(self, kinds: tuple[str, ...]) -> str | None:
        """The fault of the next request; None for good luck."""
        self.requests += 1
        if self.chance.random() >= self.share:
            return None
        kind = self.chance.choice(kinds)
        self.injected[kind] += 1
        return kind


class UnluckyReceiver:
    """Takes any request and gives its body to `take`; some have bad luck. A context manager."""

    def __init__(self, luck: Luck, take: Callable[[HttpRequest], None]) -> None:
        self._luck = luck
        self._take = take
        self._server = LoopbackHttpServer(self._handle)

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"{self._server.url}/hook"

    def __enter__(self) -> "UnluckyReceiver":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        fault = self._luck.draw(HTTP_FAULTS)
        if fault in ("429", "503"):
            return HttpResponse(status=int(fault))
        if fault == "reset":
            raise DropConnection
        self._take(request)
        if fault == "lost answer":
            raise DropConnection
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS * self._luck.chance.random())
        return HttpResponse(status=202)

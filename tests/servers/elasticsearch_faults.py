"""An HTTP proxy before a real Elasticsearch that answers as an overloaded one does."""

import asyncio
import gzip
import json
import random
from collections import Counter
from typing import Any

import httpx

from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)

#: `429` and `503`: the whole request is refused. `partial`: some documents are, the others are
#: taken. `lost answer`: it is carried out, but the connection breaks before the answer. `slow`.
#: Also, where it is asked for, `reset`: the connection breaks, and nothing was carried out.
FAULTS = ("429", "503", "partial", "lost answer", "slow")
_HOP = frozenset(("connection", "content-length", "content-encoding", "transfer-encoding", "host"))
_REFUSED = {"type": "es_rejected_execution_exception", "reason": "rejected execution of a test"}


class ElasticsearchFaults:
    """Forwards to `target`; use it as a context manager.

    `share` is how many of the bulk requests have bad luck, from 0 to 1; `chance` chooses which and
    how. `injected` counts the faults by name.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._server = LoopbackHttpServer(self._handle)
        self._client = httpx.AsyncClient(trust_env=False, timeout=60)
        self.chance = random.Random(0)
        self.share = 0.0
        self.faults: tuple[str, ...] = FAULTS
        self.slow_seconds = 1.0
        self.injected: Counter[str] = Counter()
        self.bulk_requests = 0

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._server.url

    def __enter__(self) -> "ElasticsearchFaults":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        bulk = request.path.endswith("/_bulk")
        self.bulk_requests += bulk
        if not bulk or self.chance.random() >= self.share:
            return await self._forward(request, request.body)
        fault = self.chance.choice(self.faults)
        self.injected[fault] += 1
        if fault in ("429", "503"):
            status = int(fault)
            body = {"error": {"root_cause": [_REFUSED], **_REFUSED}, "status": status}
            return _json(status, body)
        if fault == "reset":
            raise DropConnection
        if fault == "partial":
            return await self._partly(request)
        if fault == "slow":
            await asyncio.sleep(self.slow_seconds * self.chance.random())
        answer = await self._forward(request, request.body)
        if fault == "lost answer":
            raise DropConnection
        return answer

    async def _partly(self, request: HttpRequest) -> HttpResponse:
        packed = request.headers.get("content-encoding") == "gzip"
        lines = (gzip.decompress(request.body) if packed else request.body).splitlines()
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        refused = [self.chance.random() < 0.4 for _ in pairs]
        taken = [pair for pair, bad in zip(pairs, refused, strict=True) if not bad]
        items: list[Any] = []
        if taken:
            body = b"".join(action + b"\n" + source + b"\n" for action, source in taken)
            answer = await self._forward(request, body, packed=False)
            if answer.status != 200:
                return answer
            items = json.loads(answer.body)["items"]
        each = iter(items)
        merged = [
            _refusal(action) if bad else next(each)
            for (action, _), bad in zip(pairs, refused, strict=True)
        ]
        return _json(200, {"took": 1, "errors": any(refused), "items": merged})

    async def _forward(
        self, request: HttpRequest, body: bytes, *, packed: bool = True
    ) -> HttpResponse:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in _HOP or (packed and name == "content-encoding")
        }
        try:
            answer = await self._client.request(
                request.method,
                self._target + request.path,
                params=dict(request.query),
                content=body,
                headers=headers,
            )
        except httpx.HTTPError:
            raise DropConnection from None
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return HttpResponse(status=answer.status_code, body=answer.content, headers=kept)


def _refusal(action: bytes) -> dict[str, Any]:
    [(name, where)] = json.loads(action).items()
    return {name: {**where, "status": 429, "error": _REFUSED}}


def _json(status: int, body: object) -> HttpResponse:
    headers = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
    return HttpResponse(status=status, body=json.dumps(body).encode(), headers=headers)


__all__ = ["FAULTS", "ElasticsearchFaults"]

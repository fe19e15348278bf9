"""A hosted node's limits in front of a real node: methods it lacks, ranges it refuses."""

import asyncio
import json
from collections import Counter
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve

from demo.chain.anvil import Anvil


class Provider:
    """Relays JSON-RPC to `node`, and answers with errors what a provider would not serve.

    - `lacks`: methods answered with -32601;
    - `most_blocks`, `most_logs`: limits of `eth_getLogs`, refused in a provider's words;
    - `rate_limited`: so many requests are answered with 429 first;
    - `behind`: for so many first requests by height it doesn't know the newest block yet;
    - `mute`: drops the notifications of subscriptions;
    - `hashes_only`: refuses whole transactions in `newPendingTransactions`;
    - `lacks_subscriptions`: what can't be subscribed to;
    - `largest_batch`: a larger one is refused as a whole, without an id;
    - `cut_batches`: of a batch only so many parts are answered;
    - `state_since`: it has pruned the state behind older blocks, and says so in geth's words;
    - `by_number_only`: it knows no block by its hash in `eth_call`;
    - `lacks_overrides`: `eth_call` with a fourth parameter is refused, in Nethermind's words;
    - `ignores_calls`: it never answers an `eth_call`;
    - `throttled_calls`: so many `eth_call`s are answered with 429 first;
    - `breaks_on_calls`: it breaks the connection at so many `eth_call`s.
    """

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self.lacks: set[str] = set()
        self.most_blocks: int | None = None
        self.most_logs: int | None = None
        self.rate_limited = 0
        self.behind = 0
        self.mute = False
        self.hashes_only = False
        self.lacks_subscriptions: set[str] = set()
        self._clients: set[ServerConnection] = set()
        self.largest_batch: int | None = None
        self.cut_batches: int | None = None
        self.state_since: int | None = None
        self.by_number_only = False
        self.lacks_overrides = False
        self.ignores_calls = False
        self.throttled_calls = 0
        self.breaks_on_calls = 0
        #: Sizes of the batches that came.
        self.batches: list[int] = []
        self._heights: dict[str, int] = {}
        self._refusals: dict[int, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.paths: list[str] = []
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", 0, max_size=None)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def drop_clients(self) -> None:
        """Break all connections."""
        for client in list(self._clients):
            client.transport.abort()

    async def _serve(self, client: ServerConnection) -> None:
        assert client.request is not None
        self.paths.append(client.request.path)
        self._clients.add(client)
        async with connect(self.node.ws_url, max_size=None, proxy=None) as node:

            async def back() -> None:
                async for message in node:
                    answer = json.loads(message)
                    if isinstance(answer, list):
                        refused = [self._refusals.pop(one, None) for one in self._ids(answer)]
                        answers = [r or a for a, r in zip(answer, refused, strict=True)]
                        await client.send(json.dumps(answers[: self.cut_batches]))
                        continue
                    if self.mute and "method" in answer:
                        continue
                    await client.send(self._limited(answer, message))

            relaying = asyncio.create_task(back())
            try:
                async for message in client:
                    request = json.loads(message)
                    parts = request if isinstance(request, list) else [request]
                    if any(one["method"] == "eth_call" for one in parts):
                        if self.breaks_on_calls > 0:
                            self.breaks_on_calls -= 1
                            client.transport.abort()
                            return
                        if self.ignores_calls:
                            self.asked["eth_call"] += len(parts)
                            continue
                    if isinstance(request, list):
                        self.batches.append(len(request))
                        if self.largest_batch is not None and len(request) > self.largest_batch:
                            refusal = _error(-32600, "batch too large")
                            await client.send(json.dumps({"id": None, **refusal}))
                            continue
                    for one in parts:
                        self.asked[one["method"]] += 1
                        refusal = self._refusal(one)
                        if refusal is not None:
                            self.refused[one["method"]] += 1
                            answer = {"id": one["id"], **refusal}
                            if isinstance(request, list):
                                # The node answers all of a batch; this one is put in its place.
                                self._refusals[one["id"]] = answer
                            else:
                                await client.send(json.dumps(answer))
                    if isinstance(request, list) or refusal is None:
                        await node.send(message)
            finally:
                relaying.cancel()

    @staticmethod
    def _ids(answers: list[dict[str, Any]]) -> list[int]:
        return [int(one["id"]) for one in answers]

    def _refusal(self, request: dict[str, Any]) -> dict[str, Any] | None:
        method, params = request["method"], request["params"]
        if method in self.lacks:
            return _error(-32601, f"the method {method} does not exist/is not available")
        if method == "eth_subscribe" and params[0] in self.lacks_subscriptions:
            return _error(-32601, f"no {params[0]!r} subscription in eth namespace")
        if method == "eth_subscribe" and self.hashes_only and params[1:] == [True]:
            return _error(-32602, "too many arguments, want at most 1")
        if self.rate_limited > 0:
            self.rate_limited -= 1
            return _error(429, "Too Many Requests: slow down")
        if method == "eth_call" and self.throttled_calls > 0:
            self.throttled_calls -= 1
            return _error(429, "Too Many Requests: slow down")
        if method == "eth_call" and self.lacks_overrides and len(params) > 3:
            count = "Incorrect parameters count, expected: 3, actual: 4"
            return {"error": {"code": -32602, "message": "Invalid params", "data": count}}
        if method == "eth_call" and (refusal := self._no_state(params[1])) is not None:
            return refusal
        if method == "eth_getBlockByNumber" and params[1] is True and self.behind > 0:
            self.behind -= 1
            return {"result": None}
        if method == "eth_getLogs" and "fromBlock" in params[0] and self.most_blocks is not None:
            asked = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            if asked > self.most_blocks:
                return _error(-32602, f"range {asked} exceeds limit of {self.most_blocks}")
        return None

    def _no_state(self, place: Any) -> dict[str, Any] | None:
        if self.by_number_only and isinstance(place, dict):
            return _error(-32602, "invalid argument 1: hex string has an unexpected type")
        if self.state_since is None:
            return None
        if isinstance(place, dict):
            block_hash = place["blockHash"]
            if block_hash not in self._heights:
                block = self.node.rpc("eth_getBlockByHash", block_hash, False)
                self._heights[block_hash] = int(block["number"], 16)
            height = self._heights[block_hash]
        else:
            height = int(place, 16)
        if height < self.state_since:
            return _error(-32000, "missing trie node 6d17 (path ) state 0x6d17 is not available")
        return None

    def _limited(self, answer: dict[str, Any], message: str | bytes) -> str | bytes:
        result = answer.get("result")
        logs = isinstance(result, list) and bool(result) and "logIndex" in result[0]
        many = logs and len({log["blockNumber"] for log in result}) > 1
        if self.most_logs is not None and many and len(result) > self.most_logs:
            self.refused["eth_getLogs"] += 1
            words = f"query returned more than {self.most_logs} results"
            return json.dumps({"id": answer["id"], **_error(-32005, words)})
        return message


def _error(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}}

"""A Solana node before a ledger: JSON-RPC by HTTP and PubSub by WebSocket, as they are documented.

Sources: https://solana.com/docs/rpc/http and https://solana.com/docs/rpc/websocket; the codes and
messages of errors are Agave's (``rpc_custom_error.rs``). It shares no code with the collector.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.servers.loop_thread import LoopThread
from tests.servers.loopback_http import (
    DropConnection,
    HttpRequest,
    HttpResponse,
    LoopbackHttpServer,
)
from tests.servers.solana_ledger import SlotBlock, SolanaLedger

Params = list[Any]
MOST_SIGNATURES = 1_000
MOST_ACCOUNTS = 100


class NodeError(Exception):
    """An error as JSON-RPC tells it."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class SolanaNode:
    """Serves at `rpc` and `websocket`. Use as a context manager. What goes wrong is asked for:

    - `block_subscribe`: False is as a validator without the flag answers;
    - `history_from`: earlier blocks were cleaned up;
    - `hidden`: slots whose blocks this node doesn't have;
    - `late`: by slot, how often its block is "not available" before it is there;
    - `throttle(times)`: so many requests are answered with HTTP 429;
    - `break_links()`: all WebSockets are cut off;
    - `silent`: nothing is announced; `frozen`: slots stand still;
    - `go_down()` and `come_back()`: refuse connections.
    """

    def __init__(self, ledger: SolanaLedger, *, block_subscribe: bool = False) -> None:
        self.ledger = ledger
        self.block_subscribe = block_subscribe
        self.history_from = 0
        self.hidden: set[int] = set()
        self.late: Counter[int] = Counter()
        self.silent = False
        self.requests: list[tuple[str, Params]] = []
        self._throttled = 0
        self._http = LoopbackHttpServer(self._answer)
        self._thread = LoopThread()
        self._clients: set[_Client] = set()
        self._port = 0

    @property
    def rpc(self) -> str:
        return self._http.url

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def __enter__(self) -> "SolanaNode":
        self._http.__enter__()
        self._thread.__enter__()
        self._server = self._thread.run(self._listen(0))
        self.ledger.watchers.append(self._tell)
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.watchers.remove(self._tell)
        self._thread.run(self._close())
        self._thread.__exit__()
        self._http.__exit__()

    def throttle(self, times: int) -> None:
        self._throttled = times

    def break_links(self) -> None:
        """Cut all WebSockets off."""
        self._thread.run(self._abort())

    def go_down(self) -> None:
        self._thread.run(self._close())
        self._http.go_down()

    def come_back(self) -> None:
        self._http.come_back()
        self._server = self._thread.run(self._listen(self._port))

    def asked(self, method: str) -> int:
        """How often a method was called."""
        return sum(one == method for one, _ in list(self.requests))

    async def _listen(self, port: int) -> Server:
        server = await serve(self._serve, "127.0.0.1", port, max_size=2**20)
        self._port = next(iter(server.sockets)).getsockname()[1]
        return server

    async def _abort(self) -> None:
        for client in tuple(self._clients):
            client.connection.transport.abort()

    async def _close(self) -> None:
        self._server.close(close_connections=False)
        await self._abort()

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        if self._throttled:
            self._throttled -= 1
            return HttpResponse(status=429, body=b"Too many requests")
        if request.method != "POST":
            raise DropConnection
        asked = msgspec.json.decode(request.body)
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        method, params = asked["method"], asked.get("params", [])
        self.requests.append((method, params))
        try:
            handler = _METHODS.get(method)
            if handler is None:
                raise NodeError(-32601, "Method not found")
            with self.ledger.lock:
                answer["result"] = handler(self, params)
        except NodeError as error:
            answer["error"] = {"code": error.code, "message": error.message}
        return HttpResponse(
            status=200,
            body=msgspec.json.encode(answer),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )

    def get_genesis_hash(self, params: Params) -> str:
        return self.ledger.genesis

    def get_slot(self, params: Params) -> int:
        return self._at(_commitment(_options([None, *params])))

    def get_first_available_block(self, params: Params) -> int:
        return max(self.history_from, min(self.ledger.blocks))

    def get_blocks(self, params: Params) -> list[int]:
        first = params[0]
        end = params[1] if len(params) > 1 and isinstance(params[1], int) else None
        top = self._at(_commitment(_options(params[-2:])))
        last = top if end is None else min(end, top)
        if last - first > 500_000:
            raise NodeError(-32602, "Slot range too large; max 500000")
        there = [slot for slot in sorted(self.ledger.blocks) if first <= slot <= last]
        # What was cleaned up is left out without a word, as Agave does.
        return [slot for slot in there if slot >= self.history_from and slot not in self.hidden]

    def get_block(self, params: Params) -> dict[str, Any] | None:
        slot, options = params[0], _options(params)
        commitment = _commitment(options)
        if slot < self.history_from:
            raise NodeError(
                -32001,
                f"Block {slot} cleaned up, does not exist on node. "
                f"First available block: {self.history_from}",
            )
        if self.late[slot] > 0:
            self.late[slot] -= 1
            raise NodeError(-32004, f"Block not available for slot {slot}")
        if slot > self._at(commitment):
            raise NodeError(-32004, f"Block not available for slot {slot}")
        block = self.ledger.blocks.get(slot)
        if block is None or slot in self.hidden:
            raise NodeError(
                -32007,
                f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot",
            )
        if options.get("encoding", "json") != "json":
            raise NodeError(-32602, "this node of a test knows the encoding json only")
        if block.transactions and options.get("maxSupportedTransactionVersion") is None:
            versions = {one["version"] for one in block.transactions}
            if versions != {"legacy"}:
                raise NodeError(-32015, "Transaction version (0) is not supported")
        return _shown(block, options)

    def get_signatures(self, params: Params) -> list[dict[str, Any]]:
        address, options = params[0], _options(params)
        top = self._context(options)
        limit = options.get("limit", MOST_SIGNATURES)
        if not 1 <= limit <= MOST_SIGNATURES:
            raise NodeError(-32602, f"Invalid limit; max {MOST_SIGNATURES}")
        found: list[dict[str, Any]] = []
        started = options.get("before") is None
        for slot in sorted(self.ledger.blocks, reverse=True):
            if slot > top or slot < self.history_from:
                continue
            block = self.ledger.blocks[slot]
            for one in reversed(block.transactions):
                signature = one["transaction"]["signatures"][0]
                if started and address in one["transaction"]["message"]["accountKeys"]:
                    found.append(
                        {
                            "signature": signature,
                            "slot": slot,
                            "err": one["meta"]["err"],
                            "memo": None,
                            "blockTime": block.time,
                            "confirmationStatus": "confirmed",
                        }
                    )
                started = started or signature == options.get("before")
        return found[:limit]

    def get_multiple_accounts(self, params: Params) -> dict[str, Any]:
        keys, options = params[0], _options(params)
        if len(keys) > MOST_ACCOUNTS:
            raise NodeError(-32602, f"Too many inputs provided; max {MOST_ACCOUNTS}")
        top = self._context(options)
        return {
            "context": {"apiVersion": "3.0.0", "slot": top},
            "value": [self.ledger.accounts.get(key) for key in keys],
        }

    def _context(self, options: dict[str, Any]) -> int:
        top = self._at(_commitment(options))
        least = options.get("minContextSlot")
        if least is not None and least > top:
            raise NodeError(-32016, "Minimum context slot has not been reached")
        return top

    def _at(self, commitment: str) -> int:
        ledger = self.ledger
        levels = {
            "processed": ledger.processed,
            "confirmed": ledger.confirmed,
            "finalized": ledger.finalized,
        }
        if commitment not in levels:
            raise NodeError(-32602, f"Invalid params: unknown variant `{commitment}`")
        return levels[commitment]

    async def _serve(self, connection: ServerConnection) -> None:
        client = _Client(self, connection)
        self._clients.add(client)
        writer = asyncio.create_task(client.write())
        try:
            async for message in connection:
                client.take(msgspec.json.decode(message))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
            writer.cancel()

    def _tell(self) -> None:
        if self.silent:
            return

        async def tell() -> None:
            with self.ledger.lock:
                for client in tuple(self._clients):
                    client.announce()

        self._thread.run(tell())


class _Client:
    """One WebSocket and its subscriptions, each with what it was told last."""

    def __init__(self, node: SolanaNode, connection: ServerConnection) -> None:
        self.connection = connection
        self._node = node
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._subscriptions: dict[int, tuple[str, Params, set[str]]] = {}
        self._next = 0

    async def write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.connection.send(await self._queue.get(), text=True)

    def take(self, asked: dict[str, Any]) -> None:
        method, params = asked["method"], asked.get("params", [])
        self._node.requests.append((method, params))
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        known = {"slotSubscribe", "rootSubscribe", "logsSubscribe"}
        if self._node.block_subscribe:
            known.add("blockSubscribe")
        if method in known:
            told = {block.hash for block in self._reached(method)}
            self._subscriptions[self._next] = (method, params, told)
            answer["result"] = self._next
            self._next += 1
        else:
            answer["error"] = {"code": -32601, "message": "Method not found"}
        self._queue.put_nowait(msgspec.json.encode(answer))

    def announce(self) -> None:
        """Tell every subscription of the blocks that are new to it."""
        for number, (method, params, told) in self._subscriptions.items():
            new = [block for block in self._reached(method) if block.hash not in told]
            told.update(block.hash for block in new)
            for result in _results(method, params, new, self._node.ledger):
                kind = method.replace("Subscribe", "Notification")
                note = {"result": result, "subscription": number}
                body = {"jsonrpc": "2.0", "method": kind, "params": note}
                self._queue.put_nowait(msgspec.json.encode(body))

    def _reached(self, method: str) -> list[SlotBlock]:
        """The blocks that have the commitment of a subscription."""
        ledger = self._node.ledger
        levels = {"slotSubscribe": ledger.processed, "rootSubscribe": ledger.finalized}
        top = levels.get(method, ledger.confirmed)
        return [ledger.blocks[slot] for slot in sorted(ledger.blocks) if slot <= top]


def _results(
    method: str, params: Params, blocks: list[SlotBlock], ledger: SolanaLedger
) -> list[Any]:
    if method == "slotSubscribe":
        return [
            {"parent": block.parent, "root": ledger.finalized, "slot": block.slot}
            for block in blocks
        ]
    if method == "rootSubscribe":
        return [block.slot for block in blocks]
    if method == "blockSubscribe":
        return [
            {
                "context": {"slot": block.slot},
                "value": {"slot": block.slot, "err": None, "block": _shown(block, params[1])},
            }
            for block in blocks
        ]
    (mentioned,) = params[0]["mentions"]
    return [
        {
            "context": {"slot": block.slot},
            "value": {
                "signature": one["transaction"]["signatures"][0],
                "err": one["meta"]["err"],
                "logs": one["meta"]["logMessages"],
            },
        }
        for block in blocks
        for one in block.transactions
        if mentioned in one["transaction"]["message"]["accountKeys"]
    ]


def _shown(block: SlotBlock, options: dict[str, Any]) -> dict[str, Any]:
    details = options.get("transactionDetails", "full")
    if details not in ("full", "none"):
        raise NodeError(-32602, "this node of a test knows full and none only")
    return block.answer(details)


def _options(params: Params) -> dict[str, Any]:
    """The last of the parameters, where it is an object."""
    if len(params) < 2 or not isinstance(params[-1], dict):
        return {}
    return cast("dict[str, Any]", params[-1])


def _commitment(options: dict[str, Any]) -> str:
    return options.get("commitment", "finalized")


_METHODS: dict[str, Callable[[SolanaNode, Params], Any]] = {
    "getGenesisHash": SolanaNode.get_genesis_hash,
    "getSlot": SolanaNode.get_slot,
    "getFirstAvailableBlock": SolanaNode.get_first_available_block,
    "getBlocks": SolanaNode.get_blocks,
    "getBlock": SolanaNode.get_block,
    "getSignaturesForAddress": SolanaNode.get_signatures,
    "getMultipleAccounts": SolanaNode.get_multiple_accounts,
}

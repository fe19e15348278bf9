"""``eth_call`` on the state of one block: many at once, each once, and never for too long.

The block is named by its hash (EIP-1898), so that no reorganisation can put another block's state
in its place. A node that takes no hash is asked by number, and asked afterwards whether that is
still the block. The state before a block is asked for with the block's own number and time (geth's
block overrides, the fourth parameter), or a lock-up that ends there would not have ended. A node
that takes none answers with those of the parent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
import structlog
from msgspec import Struct

from collectors.evm.blocks import BlockHash, is_null, read_header
from collectors.evm.rpc import RequestTimeout, RpcClient, RpcError
from pipeline.evm_payload import CallFailure

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Characters of an answer beyond which it is none that a check could have.
_LONGEST_OUTPUT = 4 * 1024
_MOST_KEPT = 20_000
#: A node may be behind the one that announced the block, or be asked too often.
_ATTEMPTS = 3
_FIRST_WAIT = 0.05
# geth, Nethermind, Erigon, Besu and anvil, of a block whose state they have pruned.
_NO_STATE = (
    "missing trie node",
    "missingtrienode",
    "historical state",
    "state not available",
    "state is not available",
    "state unavailable",
    "no state available",
    "pruned",
    "worldstate",
    "world state",
    "blockoutofrange",
    "proof window",
    "archive",
)
# Nethermind, and what Go's RPC says.
_TOO_MANY = ("parameters count", "too many arguments", "too many params", "expected: 3")
_NO_BLOCK = ("unknown block", "not found", "header for hash", "block not available")


class Call(Struct, frozen=True):
    """What is called; ``sender`` is ``msg.sender``, where that matters."""

    to: str
    data: str
    sender: str | None = None


class Answer(Struct, frozen=True):
    """Return data as hexadecimal, or why there is none."""

    output: str | None = None
    failure: CallFailure | None = None


class Moment(Struct, frozen=True):
    """What contracts are told of the present block; the time in seconds since the epoch."""

    number: int
    timestamp: int


class Place(Struct, frozen=True):
    """The block whose state is asked, that is, the state behind it, and when it is there."""

    number: int
    hash: BlockHash
    #: None: as in the block itself.
    moment: Moment | None = None


class AnswerCache:
    """What nodes have answered for good, by block, moment and call. It outlives connections.

    A block that comes again after a lost connection has it still.
    """

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[BlockHash, Moment | None, Call], Answer] = OrderedDict()

    def get(self, place: Place, call: Call) -> Answer | None:
        """What was answered."""
        return self._kept.get((place.hash, place.moment, call))

    def put(self, place: Place, call: Call, answer: Answer) -> None:
        """Keep an answer that will not change; the oldest give way."""
        self._kept[place.hash, place.moment, call] = answer
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class _CallWire(Struct, omit_defaults=True):
    to: str
    data: str
    sender: str | None = msgspec.field(name="from", default=None)


_text = msgspec.json.Decoder(str)
_UNAVAILABLE = Answer(failure="unavailable")
_FAILED = Answer(failure="failed")
_REVERTED = Answer(failure="reverted")


class StateReader:
    """Asks one node. Answers that it doesn't give are failures; only LinkLost is raised."""

    def __init__(self, rpc: RpcClient, cache: AnswerCache, *, batch: int) -> None:
        self._rpc = rpc
        self._cache = cache
        self._batch = max(1, batch)
        #: Whether the node takes a block's hash; None while that isn't known.
        self._by_hash: bool | None = None
        #: Whether it takes another moment than the block's own; None while that isn't known.
        self._overrides: bool | None = None
        #: The last block's state wasn't to be had: ask for one answer before asking for all.
        self._pruned = False

    @property
    def takes_moments(self) -> bool:
        """Whether the node answers for another moment than the block's own, as far as is known."""
        return self._overrides is not False

    async def ask(self, place: Place, calls: Sequence[Call], into: dict[Call, Answer]) -> None:
        """Put the answers into ``into`` as they come, so that who gives up has those that came."""
        left: list[Call] = []
        for call in dict.fromkeys(calls):
            known = self._cache.get(place, call)
            if known is None:
                left.append(call)
            else:
                into[call] = known
        if self._pruned and len(left) > 1:
            await self._round(place, left[:1], into)
            if into[left[0]].failure == "unavailable":
                into.update(dict.fromkeys(left, _UNAVAILABLE))
                return
            left = left[1:]
        if left:
            await self._round(place, left, into)
            self._pruned = all(into[call].failure == "unavailable" for call in left)

    async def _round(self, place: Place, calls: list[Call], into: dict[Call, Answer]) -> None:
        """Ask, and ask again what may be answered a little later."""
        attempt = 0
        while calls and attempt < _ATTEMPTS:
            if attempt:
                await asyncio.sleep(_FIRST_WAIT * 2**attempt)
            size, by_hash, overrides = self._batch, self._by_hash, self._overrides
            again = await asyncio.gather(
                *(
                    self._part(place, calls[at : at + size], into)
                    for at in range(0, len(calls), size)
                )
            )
            calls = [call for part in again for call in part]
            # Asked in another way, it is asked for the first time.
            learned = (
                self._batch < size
                or (by_hash is not False and self._by_hash is False)
                or (overrides is not False and self._overrides is False)
            )
            attempt += 0 if learned else 1

    async def _part(self, place: Place, calls: list[Call], into: dict[Call, Answer]) -> list[Call]:
        """Ask in one message. Returns those to ask again; each has an answer all the same."""
        by_hash = self._by_hash is not False
        block: object = {"blockHash": place.hash} if by_hash else hex(place.number)
        overridden = place.moment is not None and self._overrides is not False
        no_state: dict[str, object] = {}
        rest: tuple[object, ...] = (block,)
        if overridden:
            rest = (block, no_state, _moment(place.moment))
        asked = [(_CallWire(call.to, call.data, call.sender), *rest) for call in calls]
        try:
            results = await self._send(asked)
        except RequestTimeout:
            into.update(dict.fromkeys(calls, _FAILED))
            return []
        if not by_hash and not await self._still(place):
            into.update(dict.fromkeys(calls, _FAILED))
            return []
        again: list[Call] = []
        for call, result in zip(calls, results, strict=True):
            answer, later = self._read(result, by_hash, overridden)
            if answer.output is not None or answer.failure == "reverted":
                self._cache.put(place, call, answer)
                if by_hash:
                    self._by_hash = True
                if overridden:
                    self._overrides = True
            into[call] = answer
            if later:
                again.append(call)
        return again

    async def _send(
        self, asked: Sequence[tuple[object, ...]]
    ) -> list[msgspec.Raw | RpcError | None]:
        if len(asked) == 1:
            try:
                return [await self._rpc.call("eth_call", *asked[0])]
            except RpcError as error:
                return [error]
        results: list[msgspec.Raw | RpcError | None]
        try:
            results = await self._rpc.batch("eth_call", asked)
        except RpcError as error:
            results = [None] * len(asked)
            _log.info("a batch was refused", endpoint=self._rpc.endpoint, reason=str(error))
        if None in results and self._batch > 1:
            self._batch = max(1, min(self._batch, len(asked) // 2))
            _log.info("smaller batches", endpoint=self._rpc.endpoint, calls=self._batch)
        return results

    def _read(
        self, result: msgspec.Raw | RpcError | None, by_hash: bool, overridden: bool
    ) -> tuple[Answer, bool]:
        """The answer, and whether to ask again."""
        if result is None:
            return _FAILED, True
        if isinstance(result, RpcError):
            return self._read_error(result, by_hash, overridden)
        try:
            output = _text.decode(result)
        except msgspec.MsgspecError:
            return _FAILED, False
        if len(output) > _LONGEST_OUTPUT or not output.startswith("0x"):
            return _FAILED, False
        # No code at the address, or none of this name that says so: there is nothing to read.
        return (Answer(output.lower()) if len(output) > 2 else _REVERTED), False

    def _read_error(self, error: RpcError, by_hash: bool, overridden: bool) -> tuple[Answer, bool]:
        words = error.message.lower()
        if error.code == 3 or "revert" in words or "invalid opcode" in words:
            return _REVERTED, False
        if error.rate_limited:
            return _FAILED, True
        said = words + bytes(error.data).decode(errors="replace").lower()
        if any(one in said for one in _NO_STATE):
            return _UNAVAILABLE, False
        if any(one in words for one in _NO_BLOCK):
            return _UNAVAILABLE, True
        if error.unsupported:
            return _FAILED, False
        if overridden and self._overrides is not True and any(one in said for one in _TOO_MANY):
            self._overrides = False
            return _FAILED, True
        if by_hash and self._by_hash is not True:
            # Not every node takes a block's hash here (EIP-1898).
            self._by_hash = False
            return _FAILED, True
        if overridden and self._overrides is not True:
            self._overrides = False
            return _FAILED, True
        return _FAILED, False

    async def _still(self, place: Place) -> bool:
        """Whether the block at the height is still this one."""
        try:
            answer = await self._rpc.call("eth_getBlockByNumber", hex(place.number), False)
        except (RpcError, RequestTimeout):
            return False
        return not is_null(answer) and read_header(answer).hash == place.hash


def _moment(moment: Moment | None) -> dict[str, str]:
    if moment is None:
        return {}
    return {"number": hex(moment.number), "time": hex(moment.timestamp)}

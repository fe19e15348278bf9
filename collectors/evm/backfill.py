"""Logs of past blocks by ranges, as large as the node allows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog
from msgspec import Struct

from collectors.connection import LinkLost
from collectors.evm.assembly import LogReader
from collectors.evm.blocks import BlockHash, Header, Log, is_null, read_header
from collectors.evm.rpc import RequestTimeout, RpcClient, RpcError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LARGEST_RANGE = 10_000
#: After so many successes at the known limit, a larger range is tried again.
_SUCCESSES_BEFORE_TRYING_MORE = 50


class AdaptiveRange:
    """How many blocks one request may ask for: halved on failure, grown by a tenth on success.

    It outlives connections, since a range that was too large may have cost the connection.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._limit = max(size, LARGEST_RANGE)
        self._successes = 0
        #: Even a single block was too much: ask by the block's hash.
        self.exhausted = False

    def succeeded(self) -> None:
        """The node answered for the present size."""
        self._successes += 1
        if self._successes >= _SUCCESSES_BEFORE_TRYING_MORE:
            self._successes = 0
            self._limit = min(self._limit * 2, LARGEST_RANGE)
        self.size = max(self.size, min(self.size + max(1, self.size // 10), self._limit))

    def failed(self, asked: int) -> None:
        """The node refused a range of ``asked`` blocks, or failed under it."""
        self._successes = 0
        self._limit = max(1, asked - 1)
        self.exhausted = asked <= 1
        self.size = max(1, asked // 2)


class RangeLogs(Struct, frozen=True):
    """Logs of the blocks up to ``last``, by block number."""

    last: int
    by_block: Mapping[int, Sequence[Log]]


async def read_range(
    logs: LogReader, size: AdaptiveRange, first: int, last: int
) -> RangeLogs | None:
    """Logs from ``first`` on, at most to ``last``, of as many blocks as the node answers for.

    None when it doesn't even for one. Providers word their limits in many ways and with the same
    codes as other errors, so each error means that the range was too large. Raises LinkLost.
    """
    while not size.exhausted:
        end = min(last, first + size.size - 1)
        asked = end - first + 1
        try:
            found = await logs.of_range(first, end)
        except (RpcError, RequestTimeout) as error:
            size.failed(asked)
            _log.info("a smaller range of logs", blocks=size.size, reason=str(error))
        except LinkLost:
            # The answer exceeded what fits a frame, or came so slowly that it seemed to stall.
            size.failed(asked)
            raise
        else:
            if asked == size.size:
                size.succeeded()
            by_block: defaultdict[int, list[Log]] = defaultdict(list)
            for log in found:
                by_block[log.block_number].append(log)
            return RangeLogs(end, by_block)
    size.exhausted = False
    return None


class FinalityTags(Struct, frozen=True):
    """The newest blocks that the node calls safe and finalized; -1 where it has no such tag."""

    safe: int = -1
    finalized: int = -1
    safe_hash: BlockHash | None = None
    finalized_hash: BlockHash | None = None

    def of(self, number: int) -> str:
        """``finalized``, ``safe`` or ``latest``."""
        if number <= self.finalized:
            return "finalized"
        return "safe" if number <= self.safe else "latest"

    def moved_from(self, before: "FinalityTags") -> bool:
        """Whether more blocks are safe or finalized than before. The first block always is."""
        return self.safe > max(0, before.safe) or self.finalized > max(0, before.finalized)


async def read_finality(rpc: RpcClient) -> FinalityTags:
    """Ask for both tags. Raises LinkLost or RequestTimeout."""
    safe, finalized = await _tagged(rpc, "safe"), await _tagged(rpc, "finalized")
    return FinalityTags(
        -1 if safe is None else safe.number,
        -1 if finalized is None else finalized.number,
        None if safe is None else safe.hash,
        None if finalized is None else finalized.hash,
    )


async def _tagged(rpc: RpcClient, tag: str) -> Header | None:
    try:
        answer = await rpc.call("eth_getBlockByNumber", tag, False)
    except RpcError:
        return None
    return None if is_null(answer) else read_header(answer)

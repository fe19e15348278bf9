"""Finding where the chain parted from what was sent."""

from msgspec import Struct

from collectors.evm.blocks import BlockHash, Header, is_null, read_header
from collectors.evm.branch import BEFORE_GENESIS, Branch
from collectors.evm.rpc import RpcClient, RpcError


class Fork(Struct, frozen=True):
    """The last block that both branches share. ``known`` is false where it lies deeper than could
    be seen: then it is the canonical block at the bound. ``timestamp`` in seconds; None for what is
    before the first block.
    """

    number: int
    hash: BlockHash
    known: bool
    timestamp: int | None


async def find_fork(rpc: RpcClient, branch: Branch, *, depth: int, floor: int) -> Fork | None:
    """Walk back from the newest block that was sent, at most ``depth`` blocks, not below ``floor``.

    None when the node has a gap there and must be asked again. Raises EndpointFault.
    """
    assert branch.last is not None
    top = branch.last[0]
    lowest = max(top - depth, floor - 1)
    for number in range(top, lowest, -1):
        sent = await _sent_at(rpc, branch, number)
        if sent is None:
            break
        canonical = await header_at(rpc, number)
        if canonical is not None and canonical.hash == sent:
            return Fork(number, sent, True, canonical.timestamp)
    if lowest < 0:
        return Fork(*BEFORE_GENESIS, known=False, timestamp=None)
    bound = await header_at(rpc, lowest)
    return None if bound is None else Fork(lowest, bound.hash, False, bound.timestamp)


async def header_at(rpc: RpcClient, number: int) -> Header | None:
    """The canonical header at a height; None where the node has none."""
    answer = await rpc.call("eth_getBlockByNumber", hex(number), False)
    return None if is_null(answer) else read_header(answer)


async def _sent_at(rpc: RpcClient, branch: Branch, number: int) -> BlockHash | None:
    """The hash that was sent for this height. Where the stream doesn't have it any more, many nodes
    still tell an orphaned block's parent.
    """
    known = branch.hash_at(number)
    oldest = branch.oldest
    if known is not None or oldest is None or oldest[0] != number + 1:
        return known
    try:
        answer = await rpc.call("eth_getBlockByHash", oldest[1], False)
    except RpcError:
        return None
    if is_null(answer):
        return None
    branch.add_older(read_header(answer).parent)
    return branch.hash_at(number)

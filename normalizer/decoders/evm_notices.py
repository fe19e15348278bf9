"""What a collector found out about its chain: frames between those of the blocks."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from normalizer.decoders.evm_wire import hash32
from normalizer.decoders.times import plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.events.chain_state import ChainFinality, ChainReorganised
from pipeline.chain_notices import (
    MOST_ORPHANED,
    BlockPlace,
    FinalityNotice,
    ReorganisationNotice,
)
from pipeline.frames import Frame

_reorganisation = msgspec.json.Decoder(ReorganisationNotice)
_finality = msgspec.json.Decoder(FinalityNotice)
_LARGEST = (1 << 63) - 1


class Notices(Struct, frozen=True):
    """How the notices of a kind of chain are read."""

    dataset: str
    #: Checks a block's hash, given with its field's name. Raises :class:`Unreadable`.
    hash: Callable[[str, str], str]
    #: Heights may be left out, so how deep a fork was is told by the blocks, where all are known.
    counts_blocks: bool = False


EVM_NOTICES = Notices("tapewatch.evm", hash32)


def reorganised(
    frame: Frame, original: str, source: str, reading: Notices = EVM_NOTICES
) -> ChainReorganised:
    """The event of a ``reorganisation`` frame. Raises :class:`Unreadable`."""
    try:
        notice = _reorganisation.decode(frame.payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    common, old, new = notice.common, notice.old, notice.new
    for name, place in (("old", old), ("new", new)):
        _bounded(place, name)
    if not -1 <= common.number < old.number:
        raise Unreadable("the last common block isn't below the old head", "common.number")
    read_hash = reading.hash
    common_hash = read_hash(common.hash, "common.hash")
    old_hash, new_hash = read_hash(old.hash, "old.hash"), read_hash(new.hash, "new.hash")
    depth = old.number - common.number
    if len(notice.orphaned) > min(depth, MOST_ORPHANED):
        raise Unreadable("are more blocks than can have been orphaned", "orphaned")
    orphaned = tuple(read_hash(one, "orphaned") for one in notice.orphaned)
    if len(set(orphaned)) < len(orphaned):
        raise Unreadable("has a block twice", "orphaned")
    if reading.counts_blocks and notice.depth_known:
        depth = len(orphaned)
    where = f"after block {common.number} ({common_hash})"
    if not notice.depth_known:
        where = f"deeper than could be seen; taken is {where}"
    return ChainReorganised(
        **_common(frame, original, source, notice, reading),
        reason=(
            f"the chain left its branch {where}: "
            f"{'1 block was' if depth == 1 else f'{depth} blocks were'} orphaned; "
            f"from block {old.number} ({old_hash}) to block {new.number} ({new_hash})"
        ),
        related_hash=tuple(dict.fromkeys((common_hash, *orphaned, old_hash, new_hash))),
        common_number=common.number,
        common_hash=common_hash,
        depth=depth,
        depth_known=notice.depth_known,
        orphaned=orphaned,
        old_number=old.number,
        old_hash=old_hash,
        new_number=new.number,
        new_hash=new_hash,
    )


def finality(
    frame: Frame, original: str, source: str, reading: Notices = EVM_NOTICES
) -> ChainFinality:
    """The event of a ``finality`` frame. Raises :class:`Unreadable`."""
    try:
        notice = _finality.decode(frame.payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    safe_number, safe_hash = _place(notice.safe, "safe", reading)
    finalized_number, finalized_hash = _place(notice.finalized, "finalized", reading)
    return ChainFinality(
        **_common(frame, original, source, notice, reading),
        related_hash=tuple(dict.fromkeys(one for one in (safe_hash, finalized_hash) if one)),
        safe_number=safe_number,
        safe_hash=safe_hash,
        finalized_number=finalized_number,
        finalized_hash=finalized_hash,
    )


def _common(
    frame: Frame,
    original: str,
    source: str,
    notice: ReorganisationNotice | FinalityNotice,
    reading: Notices,
) -> dict[str, Any]:
    if not 0 <= notice.chain_id <= _LARGEST:
        raise Unreadable("is out of bounds", "chain_id")
    # A chain's first block may have no time of its own.
    time = notice.timestamp * 10**9 or frame.received
    plausible(time, frame.received, "timestamp")
    return {
        "id": f"{source}:{frame.position}",
        "timestamp": time,
        "ingested": frame.received,
        "original": original,
        "provider": source,
        "dataset": reading.dataset,
        "chain_id": notice.chain_id,
        "network": notice.network,
    }


def _place(place: BlockPlace | None, name: str, reading: Notices) -> tuple[int | None, str | None]:
    if place is None:
        return None, None
    _bounded(place, name)
    return place.number, reading.hash(place.hash, f"{name}.hash")


def _bounded(place: BlockPlace, name: str) -> None:
    if not 0 <= place.number <= _LARGEST:
        raise Unreadable("is out of bounds", f"{name}.number")

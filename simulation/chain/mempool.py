"""What a node announces of transactions before a block has them, in the form of
``pipeline/pending_payload.py``.

Nine of ten wait for less than a block. Searchers send most of theirs to builders, in private. Who
pays more stands ahead in a block, so fees fall along it.
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from pipeline.frames import Frame
from pipeline.pending_payload import PendingBlock, PendingNotice, encode_pending
from pipeline.units import SECOND

_GWEI = 10**9
_encode = msgspec.json.Encoder().encode


class Waiting(msgspec.Struct, frozen=True):
    """A transaction of a block that was closed, as it was announced."""

    transaction: dict[str, Any]
    before: float | None
    """Seconds before its block; None: as it comes."""
    private: bool
    """Whether it is of one who mostly tells nobody."""


class Mempool:
    """Keeps the frames of a source of pending transactions."""

    def __init__(self, rng: random.Random, chain_id: int, network: str) -> None:
        self._rng = rng
        self._chain_id = chain_id
        self._network = network
        self._told: list[tuple[int, str, str, PendingNotice]] = []

    def fees(self, count: int) -> list[int]:
        """Priority fees of a block's transactions, in their order."""
        drawn = [round(_GWEI * self._rng.lognormvariate(0.3, 0.9)) for _ in range(count)]
        return sorted(drawn, reverse=True)

    def closed(self, block: PendingBlock, waiting: Sequence[Waiting]) -> None:
        """A block was closed; its time is whole seconds, and it is received a second later."""
        rng, time = self._rng, block.timestamp * SECOND
        received = time + SECOND
        for index, one in enumerate(waiting):
            hidden = rng.random() < (0.8 if one.private else 0.1)
            drawn = rng.uniform(0.5, 11.5) if rng.random() < 0.9 else rng.uniform(12, 40)
            if one.before is None and hidden:
                continue
            seen = time - round((drawn if one.before is None else one.before) * SECOND)
            name = str(one.transaction["hash"])
            notice = PendingNotice(
                what="seen",
                chain_id=self._chain_id,
                network=self._network,
                first_seen=seen,
                transaction=msgspec.Raw(_encode(one.transaction)),
            )
            self._told.append((seen, name, "seen", notice))
            at = received + 1_000_000 * (index + 1)
            included = replace(
                notice, what="included", block=block, index=index, transactions=len(waiting)
            )
            self._told.append((at, name, "included", included))

    def frames(self) -> list[Frame]:
        """All of them, in the order of their times."""
        made: list[Frame] = []
        last = 0
        for time, name, what, notice in sorted(self._told, key=lambda one: one[:3]):
            last = max(last + 1, time)
            made.append(Frame(f"{last}:{name}:{what}", last, encode_pending(notice)))
        return made

"""What a collector read of a subgraph: one frame for a stretch of blocks, as JSON::

    {"chain_id": 1, "network": "ethereum", "schema": "uniswap-v3", "deployment": "Qm...",
     "after": 19000000, "block": {"number": 19000010, "hash": "0x...", "timestamp": 1708000000},
     "entities": {"swaps": [{entity as the subgraph gave it}], "mints": [], "burns": []}}

The entities are those that changed behind block ``after``, up to ``block``, as the subgraph had
them at that block. Its hash and time are null where the stretch lies so deep that it was asked for
by number: then graph-node tells neither.
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

#: ``uniswap-v3``: github.com/Uniswap/v3-subgraph. ``messari-dex``: the standardised schema of
#: github.com/messari/subgraphs for exchanges, which has Curve and many others.
Schema = Literal["uniswap-v3", "messari-dex"]

PROTOCOL = "subgraph"


class SubgraphBlock(Struct, frozen=True):
    """A block as ``_meta`` has it. ``timestamp`` in seconds."""

    number: int
    hash: str | None = None
    timestamp: int | None = None


class SubgraphPayload(Struct):
    """See the module."""

    chain_id: int
    network: str
    schema: Schema
    deployment: str
    after: int
    block: SubgraphBlock
    entities: dict[str, list[Raw]]


_encoder = msgspec.json.Encoder()


def encode_subgraph(payload: SubgraphPayload) -> bytes:
    """The payload as JSON."""
    return _encoder.encode(payload)

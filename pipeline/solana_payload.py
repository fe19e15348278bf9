"""The payload of a Solana frame: one block, with what of it concerns the watched mints.

The collector writes it from the node's own JSON, kept as it came (``Raw``); the decoder reads it.
As JSON::

    {"chain": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "network": "solana", "finality": "safe",
     "slot": 391264000,
     "block":        {answer of getBlock, without "transactions" and "rewards"},
     "transactions": [{"index": 17, "content": {transaction of getBlock, encoding "json"}}],
     "mints":        [{"address": "...", "slot": 391264002,
                       "account": {value of getMultipleAccounts, encoding "base64"}}]}

``transactions`` are those that mention a watched mint, by an account or by a token balance, with
their places in the block; failed ones too. ``mints`` are the watched mints that they mention, each
with its account as it was when the block had been read: at ``slot``, which is that of the block or
a later one, since a node keeps no state of the past. ``account`` is null where there was none.

Finality is the commitment that the block had when it was read: ``safe`` for confirmed, which two
thirds of the stake have voted for, and ``finalized``.
"""

import msgspec
from msgspec import Raw, Struct


class PlacedTransaction(Struct):
    """A transaction and its place in the block."""

    index: int
    content: Raw


class MintAccount(Struct):
    """A mint's account at a slot."""

    address: str
    slot: int
    account: Raw


class SlotPayload(Struct):
    """What the collector writes; see the module."""

    chain: str
    network: str
    finality: str
    slot: int
    block: Raw
    transactions: list[PlacedTransaction]
    mints: list[MintAccount]


_encoder = msgspec.json.Encoder()


def encode_slot(payload: SlotPayload) -> bytes:
    """The payload as JSON."""
    return _encoder.encode(payload)

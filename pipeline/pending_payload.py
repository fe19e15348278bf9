"""What an EVM collector saw of transactions that no block has yet: one frame for each fact, JSON::

    {"what": "seen", "chain_id": 1, "network": "ethereum", "first_seen": 1700000000123456789,
     "transaction": {transaction object as the node gave it}}

``seen``: a node announced it. With ``again`` it had been in a block which left the chain.
``replaced``: another of the same sender and nonce takes its place (``by``); a ``block`` is there
where the other one was known from that block only. ``included``: the ``block`` has it at
``index``, among ``transactions`` of them. ``dropped``: no block had it for long, and the node knows
it no more.

The time of each fact is that of its receipt: nobody else has one. What the node doesn't announce,
and what happens while there is no connection, is not seen; frames of kind ``gap`` say so.
"""

from typing import Literal

import msgspec
from msgspec import Raw, Struct

What = Literal["seen", "replaced", "included", "dropped"]

#: The source of these frames is called as the chain's, with this behind it.
SUFFIX = "-pending"
PROTOCOL = "evm-pending"


NOTHING = Raw(b"null")


class PendingBlock(Struct):
    """The block that a transaction is in. ``timestamp`` in seconds."""

    number: int
    hash: str
    timestamp: int


class PendingNotice(Struct, omit_defaults=True, kw_only=True):
    """One fact; see the module. ``first_seen`` in nanoseconds, by the collector's clock."""

    what: What
    chain_id: int
    network: str
    first_seen: int
    transaction: Raw
    #: ``null`` but for ``replaced``.
    by: Raw = NOTHING
    block: PendingBlock | None = None
    index: int | None = None
    transactions: int | None = None
    again: bool = False


_encoder = msgspec.json.Encoder()


def encode_pending(notice: PendingNotice) -> bytes:
    """The notice as JSON."""
    return _encoder.encode(notice)

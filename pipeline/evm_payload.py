"""The payload of an EVM frame: one block, with what of it concerns the watched contracts.

The collector writes it from the node's own JSON, kept as it came (``Raw``); the decoder reads it.
As JSON::

    {"chain_id": 1, "network": "ethereum", "finality": "latest",
     "block":        {header as of eth_getBlockByHash, without "transactions"},
     "transactions": [{transaction objects that touch a watched contract, by call or by log}],
     "logs":         [{log objects of watched contracts, as of eth_getLogs}],
     "refusals":     [{"transaction_hash": "0x...", "reason": "Transfer not possible",
                       "receiver_verified": false, "compliance_allows": true}],
     "receipts":     [{receipts of the transactions that failed}]}

Finality is what the node said of the block when it was read.
"""

import msgspec
from msgspec import Raw, Struct


class Refusal(Struct, omit_defaults=True):
    """Why a call of a watched token failed, asked at its own block. None: not to be had."""

    transaction_hash: str
    reason: str | None = None
    receiver_verified: bool | None = None
    compliance_allows: bool | None = None


class BlockPayload(Struct):
    """What the collector writes; see the module."""

    chain_id: int
    network: str
    finality: str
    block: Raw
    transactions: list[Raw]
    logs: list[Raw]
    refusals: list[Refusal]
    receipts: list[Raw]


_encoder = msgspec.json.Encoder()


def encode_block(payload: BlockPayload) -> bytes:
    """The payload as JSON."""
    return _encoder.encode(payload)

"""The payload of an EVM frame: one block, with what of it concerns the watched contracts.

The collector writes it from the node's own JSON, kept as it came (``Raw``); the decoder reads it.
As JSON::

    {"chain_id": 1, "network": "ethereum", "finality": "latest",
     "block":        {header as of eth_getBlockByHash, without "transactions"},
     "transactions": [{transaction objects that touch a watched contract, by call or by log}],
     "logs":         [{log objects of watched contracts, as of eth_getLogs}],
     "refusals":     [{"transaction_hash": "0x...", "reason": "Transfer not possible",
                       "receiver_verified": false, "compliance_allows": true}],
     "receipts":     [{receipts of the transactions that failed}],
     "native_transfers": ["0x...": transactions that gave the chain's own currency, and succeeded],
     "feeds":        [{"proxy": "0x...", "aggregator": "0x...", "phase": 2}: of aggregators that
                      have logs here, as their proxies said when they were asked last],
     "calls":        [{"state": "before", "to": "0x...", "data": "0x...", "output": "0x..."},
                      {"state": "after", "to": "0x...", "data": "0x...", "failure": "limit"}],
     "checks":       [{"transaction_hash": "0x...", "log_index": 3,
                       "asked": [["verified-destination", 0], ["balance-source", 1]]}]}

Finality is what the node said of the block when it was read.

Calls are ``eth_call`` on a state: that before the block, which its parent left (``before``), and
that after it (``after``); the former with the block's own number and time, as geth's block
overrides have it, where the node takes these. Checks are what was asked about each transfer of a
watched token, done or refused, with the place in ``calls`` of the answer: one call may answer for
many transfers. So what a check says can be read, and asked again of any archive node, from the
frame alone.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

#: What is asked about a transfer. Each with the function that is called.
Check = Literal[
    "verified-source",  # isVerified(source) of the identity registry, EIP-3643
    "verified-destination",  # isVerified(destination)
    "compliance",  # canTransfer(source, destination, amount) of the compliance contract
    "frozen-source",  # isFrozen(source) of the token, EIP-3643
    "frozen-destination",  # isFrozen(destination)
    "paused",  # paused() of the token
    "restriction",  # detectTransferRestriction(source, destination, amount), ERC-1404
    "restriction-message",  # messageForTransferRestriction(code)
    "status",  # canTransfer or canTransferFrom, ERC-1594
    "partition",  # canTransferByPartition, ERC-1410
    "balance-source",  # balanceOf(source)
    "balance-destination",  # balanceOf(destination)
    "supply",  # totalSupply()
    "frozen-tokens",  # getFrozenTokens(source), EIP-3643
    "country-source",  # investorCountry(source) of the identity registry, EIP-3643
    "country-destination",  # investorCountry(destination)
]
#: Why a call has no output: the contract reverted, the node has no such state (any more), there
#: were more calls than the limit allows, the node failed or took too long.
CallFailure = Literal["reverted", "unavailable", "limit", "failed"]
BlockState = Literal["before", "after"]


class Refusal(Struct, omit_defaults=True):
    """Why a call of a watched token failed, asked at its own block. None: not to be had."""

    transaction_hash: str
    reason: str | None = None
    receiver_verified: bool | None = None
    compliance_allows: bool | None = None


class StateCall(Struct, omit_defaults=True):
    """One ``eth_call``: addresses in lower case, data and output hexadecimal with 0x."""

    state: BlockState
    to: str
    data: str
    sender: str | None = field(name="from", default=None)
    output: str | None = None
    failure: CallFailure | None = None
    #: The state before, asked for with the parent's number and time: the node takes no other.
    at_parent: bool = False


class TransferChecks(Struct, omit_defaults=True):
    """What was asked about one transfer."""

    transaction_hash: str
    #: Of the transfer's log; None: the transfer was refused, and left none.
    log_index: int | None = None
    #: Which of the transfers that a refused call asked for.
    place: Annotated[int, Meta(ge=0)] = 0
    #: Whether something before it in the block may have changed what it was judged by.
    preceded: bool = False
    #: Check, and place of the call in the block's.
    asked: list[tuple[Check, Annotated[int, Meta(ge=0)]]] = field(
        default_factory=list[tuple[Check, int]]
    )


class FeedPlace(Struct, frozen=True):
    """Where an aggregator of Chainlink stands: the proxy that contracts read it through, and its
    phase, which is which one of the proxy's aggregators it is. Addresses in lower case.
    """

    proxy: str
    aggregator: str
    phase: Annotated[int, Meta(ge=0, le=0xFFFF)]


class BlockPayload(Struct, omit_defaults=True):
    """What the collector writes; see the module."""

    chain_id: int
    network: str
    finality: str
    block: Raw
    transactions: list[Raw]
    logs: list[Raw]
    refusals: list[Refusal]
    receipts: list[Raw]
    native_transfers: list[str] = field(default_factory=list[str])
    feeds: list[FeedPlace] = field(default_factory=list[FeedPlace])
    # An empty list as it stands: msgspec leaves that out of the frame.
    calls: list[StateCall] = []
    checks: list[TransferChecks] = []


_encoder = msgspec.json.Encoder()


def encode_block(payload: BlockPayload) -> bytes:
    """The payload as JSON."""
    return _encoder.encode(payload)

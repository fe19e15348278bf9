"""What moved in one transaction: the common form of token transfers and native ones."""

from msgspec import Struct

from detections.clusters.links import Proof
from normalizer.events.chain import ZERO_ADDRESS, NativeTransfer, TokenTransfer

#: The EntryPoint contracts of ERC-4337, versions 0.6, 0.7 and 0.8 (github.com/eth-infinitism/
#: account-abstraction, releases).
ENTRY_POINTS = frozenset(
    (
        "0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789",
        "0x0000000071727de22e5e9d8baf0edac6f37da032",
        "0x4337084d9e255ff0702461cf8895ce9e3b5ff108",
    )
)
#: ``handleOps`` and ``handleAggregatedOps`` of 0.6 and of 0.7 and later: by name, or by selector.
_HANDLES = frozenset(
    ("handleOps", "handleAggregatedOps", "0x1fad948c", "0x4b1d7cf5", "0x765e827f", "0xdbed18e0")
)


class Movement(Struct, array_like=True, gc=False):
    """Something of value went from one address to another."""

    source: str
    destination: str
    asset: str
    """The token's contract on its chain, with the item of one that has items, or the chain's own
    currency."""
    amount: str
    """In the smallest unit, exact: above 0."""
    proof: Proof
    source_hub: bool
    destination_hub: bool
    destination_takes_deposits: bool
    """By its labels it is where deposit addresses pass on to."""
    money: bool
    """Whether it may be what a wallet is funded with."""


class Transaction(Struct, array_like=True):
    """The movements of one transaction, in order."""

    name: str
    """Its chain and hash; empty where none is at hand."""
    frame: str
    """Where its block lies in RAW: what is from elsewhere is not of it."""
    signer: str | None
    nonce: int | None
    """Its number among those of its signer."""
    bundled: bool
    """Whether a bundler sent it for several accounts (ERC-4337)."""
    movements: list[Movement]


def is_bundle(receiver: str | None, method: str | None) -> bool:
    """Whether a transaction carries user operations to an EntryPoint."""
    return receiver in ENTRY_POINTS or method in _HANDLES


def movement(
    event: TokenTransfer | NativeTransfer,
    hubs: frozenset[str],
    deposits: frozenset[str],
    *,
    security_tokens: bool,
) -> Movement | None:
    """What an event moved; None if nothing, or not by its owner's will: mints, burns, refusals,
    forced transfers and recoveries.
    """
    source, destination = event.source_address, event.destination_address
    if isinstance(event, TokenTransfer):
        if event.transfer_type != "transfer":
            return None
        amount = event.amount_raw
        asset = f"{event.chain_id}:{event.token_address or event.contract}"
        if event.item_id is None:
            money = event.token_id is None or security_tokens
            money = money and not (event.tags and "pool-share" in event.tags)
        else:  # each is a thing of its own, and pays for nothing
            asset, money = f"{asset}:{event.item_id}", False
    else:
        amount = event.value_raw
        asset = f"{event.chain_id}:"
        money = True
    if amount == "0" or source == destination:
        return None
    if source == ZERO_ADDRESS or destination == ZERO_ADDRESS:
        return None
    source_labels, labels = event.source_labels, event.destination_labels
    return Movement(
        source,
        destination,
        asset,
        amount,
        Proof(event.timestamp, event.id, event.transaction_hash or ""),
        bool(source_labels) and not hubs.isdisjoint(source_labels),
        bool(labels) and not hubs.isdisjoint(labels),
        bool(labels) and not deposits.isdisjoint(labels),
        money,
    )

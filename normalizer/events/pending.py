"""Transactions that no block has yet, and what becomes of them.

They are of a source of their own, called as the chain's with ``-pending`` behind it: its clock is
the collector's, and blocks have another. A transaction that a node announces is one
``transaction-pending``; what becomes of it is another event that names it by its hash. An event is
about the transaction that was seen, also where another one took its place.
"""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords, PartyEvent
from normalizer.events.fields import Address, Hash, Nanoseconds, Side, Uint256, described


class PendingEvent(PartyEvent, kw_only=True):
    """Fields of every event of a transaction that was seen before a block had it.

    The party is who signed it. Source, destination and amount are there where the call asks for one
    transfer of a token, or for a swap of one, and that can be read from it.
    """

    dataset: str = field(name="event.dataset", default="tapewatch.mempool")
    category: Keywords = field(name="event.category", default=("network",))
    type: Keywords = field(name="event.type", default=("info",))
    chain_id: Annotated[int, described("EIP-155 chain id")] = field(name="blockchain.chain.id")
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    finality: Annotated[str | None, described("pending, latest, safe or finalized")] = field(
        name="blockchain.finality", default="pending"
    )
    transaction_hash: Annotated[Hash, described("Hash of the transaction")] = field(
        name="blockchain.transaction.hash"
    )
    transaction_from: Annotated[Address | None, described("Who signed the transaction")] = field(
        name="blockchain.transaction.from", default=None
    )
    transaction_to: Annotated[Address | None, described("Contract that it called")] = field(
        name="blockchain.transaction.to", default=None
    )
    transaction_method: Annotated[
        str | None, described("Function called: its name where known, else the selector")
    ] = field(name="blockchain.transaction.method", default=None)
    transaction_type: Annotated[
        int | None, described("EIP-2718 type: 0 legacy, 1, 2 (EIP-1559), 3 (blobs), 4 (EIP-7702)")
    ] = field(name="blockchain.transaction.type", default=None)
    transaction_nonce: Annotated[int, described("Its number among those of its sender")] = field(
        name="blockchain.transaction.nonce"
    )
    value_raw: Annotated[
        Uint256, described("The chain's own currency that the transaction gives, in wei, exact")
    ] = field(name="blockchain.transaction.value_raw")
    value: Annotated[
        float, described("The same in whole units (10**18 wei), such as ether; not exact")
    ] = field(name="blockchain.transaction.value")
    max_fee_raw: Annotated[
        Uint256 | None, described("The most that it pays for a unit of gas, in wei, exact")
    ] = field(name="blockchain.transaction.max_fee_raw", default=None)
    priority_fee_raw: Annotated[
        Uint256 | None, described("The most of it that whoever makes the block gets, in wei, exact")
    ] = field(name="blockchain.transaction.priority_fee_raw", default=None)
    first_seen: Annotated[Nanoseconds, described("When the collector first saw it")] = field(
        name="blockchain.transaction.first_seen"
    )
    contract: Annotated[
        Address | None,
        described("The watched contract that it calls, or that its call names", personal="no"),
    ] = field(name="blockchain.contract.address", default=None)
    source_address: Annotated[
        Address | None, described("Wallet that tokens would leave, where the call says so")
    ] = field(name="source.address", default=None)
    source_investor: Annotated[str | None, described("Investor behind the source")] = field(
        name="investor.source.id", default=None
    )
    source_labels: Annotated[Keywords, described("Labels of the source")] = field(
        name="investor.source.labels", default=()
    )
    destination_address: Annotated[
        Address | None, described("Wallet that would receive, where the call says so")
    ] = field(name="destination.address", default=None)
    destination_investor: Annotated[str | None, described("Investor behind the destination")] = (
        field(name="investor.destination.id", default=None)
    )
    destination_labels: Annotated[Keywords, described("Labels of the destination")] = field(
        name="investor.destination.labels", default=()
    )
    amount_raw: Annotated[
        Uint256 | None, described("Amount of the token that the call names, exact")
    ] = field(name="token.amount_raw", default=None)
    amount: Annotated[
        float | None, described("Amount in whole tokens; for reading and thresholds, not exact")
    ] = field(name="token.amount", default=None)
    side: Annotated[
        Side | None, described("Whether a swap would buy or sell the watched token")
    ] = field(name="market.trade.aggressor_side", default=None)


class TransactionPending(PendingEvent, tag="transaction-pending", kw_only=True):
    """A node announced a transaction that no block has yet.

    `event.reason` is there where a block had it and left the chain.
    """


class _Outcome(PendingEvent, kw_only=True):
    pending_seconds: Annotated[
        float, described("How long after it was first seen this happened, by the collector's clock")
    ] = field(name="blockchain.transaction.pending_seconds")


class _Superseded(_Outcome, kw_only=True):
    by_hash: Annotated[Hash, described("Hash of the one that takes its place")] = field(
        name="blockchain.transaction.replaced_by.hash"
    )
    by_max_fee_raw: Annotated[
        Uint256 | None, described("The most that the other one pays for a unit of gas, exact")
    ] = field(name="blockchain.transaction.replaced_by.max_fee_raw", default=None)
    by_block_number: Annotated[
        int | None, described("Block that has the other one, where it was never seen pending")
    ] = field(name="blockchain.transaction.replaced_by.block_number", default=None)


class TransactionReplaced(_Superseded, tag="transaction-replaced", kw_only=True):
    """Another transaction of the same sender and nonce takes its place, at a higher fee."""

    changes: Annotated[
        Keywords,
        described("What is other in it: fee, to, value, method, input, destination, amount, gas"),
    ] = field(name="blockchain.transaction.replaced_by.changes", default=())
    by_to: Annotated[Address | None, described("Contract that the other one calls")] = field(
        name="blockchain.transaction.replaced_by.to", default=None
    )
    by_method: Annotated[str | None, described("Function that the other one calls")] = field(
        name="blockchain.transaction.replaced_by.method", default=None
    )
    by_destination: Annotated[
        Address | None, described("Wallet that would receive by the other one")
    ] = field(name="blockchain.transaction.replaced_by.destination", default=None)
    by_amount_raw: Annotated[
        Uint256 | None, described("Amount of the token that the other one names, exact")
    ] = field(name="blockchain.transaction.replaced_by.amount_raw", default=None)


class TransactionCancelled(_Superseded, tag="transaction-cancelled", kw_only=True):
    """Its sender put an empty one in its place: same nonce, to itself, with nothing in it."""


class TransactionIncluded(_Outcome, tag="transaction-included", kw_only=True):
    """A block has the transaction. Whether it succeeded is told by the chain's own source."""

    finality: str | None = field(name="blockchain.finality", default="latest")
    block_number: Annotated[int, described("Number of the block")] = field(
        name="blockchain.block.number"
    )
    block_hash: Annotated[Hash, described("Hash of the block")] = field(
        name="blockchain.block.hash"
    )
    transaction_index: Annotated[int | None, described("Place of the transaction in the block")] = (
        field(name="blockchain.transaction.index", default=None)
    )
    block_transactions: Annotated[int | None, described("How many transactions the block has")] = (
        field(name="blockchain.block.transactions", default=None)
    )


class TransactionDropped(_Outcome, tag="transaction-dropped", kw_only=True):
    """No block had the transaction for long, and the node knows it no more."""


PendingRecord = (
    TransactionPending
    | TransactionReplaced
    | TransactionCancelled
    | TransactionIncluded
    | TransactionDropped
)

"""What every event of a chain carries; blocks; logs without a record of their own."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords, PartyEvent
from normalizer.events.fields import Address, Hash, described

#: Nobody, on every chain: where minted tokens come from and burned ones go to.
ZERO_ADDRESS = "0x" + "0" * 40


class ChainEvent(PartyEvent, kw_only=True):
    """Fields of every event from an EVM chain or from Solana.

    A slot of Solana is its block's number, and the mint the token's contract.
    """

    dataset: str = field(name="event.dataset", default="tapewatch.evm")
    chain_id: Annotated[
        int, described("EIP-155 chain id; of other chains a number made from blockchain.chain.name")
    ] = field(name="blockchain.chain.id")
    chain_name: Annotated[
        str | None, described("CAIP-2 name of a chain that has no EIP-155 id")
    ] = field(name="blockchain.chain.name", default=None)
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    block_number: Annotated[int, described("Number of the block; on Solana its slot")] = field(
        name="blockchain.block.number"
    )
    block_hash: Annotated[
        Hash | None, described("Hash of the block; a subgraph tells it of its newest block only")
    ] = field(name="blockchain.block.hash", default=None)
    finality: Annotated[str | None, described("pending, latest, safe or finalized")] = field(
        name="blockchain.finality", default=None
    )
    orphaned: Annotated[
        bool | None, described("True where a sink was told that the block left the chain")
    ] = field(name="blockchain.orphaned", default=None)
    transaction_hash: Annotated[
        Hash | None, described("Hash of the transaction; on Solana its first signature")
    ] = field(name="blockchain.transaction.hash", default=None)
    transaction_index: Annotated[int | None, described("Place of the transaction in the block")] = (
        field(name="blockchain.transaction.index", default=None)
    )
    transaction_from: Annotated[Address | None, described("Who signed the transaction")] = field(
        name="blockchain.transaction.from", default=None
    )
    transaction_nonce: Annotated[int | None, described("Its number among those of its sender")] = (
        field(name="blockchain.transaction.nonce", default=None)
    )
    transaction_to: Annotated[Address | None, described("Contract that it called")] = field(
        name="blockchain.transaction.to", default=None
    )
    transaction_method: Annotated[
        str | None, described("Function called: its name where known, else the selector")
    ] = field(name="blockchain.transaction.method", default=None)
    log_index: Annotated[int | None, described("Place of the log in the block")] = field(
        name="blockchain.log.index", default=None
    )
    contract: Annotated[
        Address | None,
        described("Contract that emitted the log; on Solana the mint", personal="no"),
    ] = field(name="blockchain.contract.address", default=None)
    program: Annotated[
        Address | None, described("Program of Solana that ran the instruction", personal="no")
    ] = field(name="blockchain.program.id", default=None)
    instruction: Annotated[
        str | None,
        described("Place of the instruction in the transaction: 2, or 2.0 for what it called"),
    ] = field(name="blockchain.instruction.place", default=None)
    memo: Annotated[
        str | None, described("Memos of the transaction, one a line", personal="text")
    ] = field(name="blockchain.transaction.memo", default=None)
    token_account: Annotated[
        Address | None, described("The account of Solana that holds the party's tokens")
    ] = field(name="token.account.address", default=None)


class Block(ChainEvent, tag="block", kw_only=True):
    """A block was added to the chain."""

    parent_hash: Annotated[Hash | None, described("Hash of the parent block")] = field(
        name="blockchain.block.parent_hash", default=None
    )


class ContractEvent(ChainEvent, tag="contract-event", kw_only=True):
    """A log of a watched contract that has no record of its own: kept whole.

    Decoded where its signature is known.
    """

    log_name: Annotated[
        str | None, described("Name of the event, where its signature is known")
    ] = field(name="blockchain.log.name", default=None)
    log_arguments: Annotated[
        str | None,
        described("Arguments as JSON, integers as text, where decoded", personal="encoded"),
    ] = field(name="blockchain.log.arguments", default=None)
    decoded: Annotated[bool, described("Whether the log matched a known signature")] = field(
        name="blockchain.log.decoded", default=False
    )
    topics: Annotated[Keywords, described("Topics as they came", personal="encoded")] = field(
        name="blockchain.log.topics", default=()
    )
    data: Annotated[
        str | None, described("Data as it came, hexadecimal", personal="encoded", es="binary_text")
    ] = field(name="blockchain.log.data", default=None)

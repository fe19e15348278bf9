"""Events of EVM chains: blocks, security-token contracts, registries, pools, oracles."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords, PartyEvent
from normalizer.events.fields import (
    Address,
    Hash,
    Int256,
    Nanoseconds,
    Side,
    Uint256,
    described,
)

ZERO_ADDRESS = "0x" + "0" * 40


class ChainEvent(PartyEvent, kw_only=True):
    """Fields of every event from an EVM chain."""

    dataset: str = field(name="event.dataset", default="tapewatch.evm")
    chain_id: Annotated[int, described("EIP-155 chain id")] = field(name="blockchain.chain.id")
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    block_number: Annotated[int, described("Number of the block")] = field(
        name="blockchain.block.number"
    )
    block_hash: Annotated[Hash, described("Hash of the block")] = field(
        name="blockchain.block.hash"
    )
    finality: Annotated[str | None, described("pending, latest, safe or finalized")] = field(
        name="blockchain.finality", default=None
    )
    orphaned: Annotated[
        bool | None, described("True where a sink was told that the block left the chain")
    ] = field(name="blockchain.orphaned", default=None)
    transaction_hash: Annotated[Hash | None, described("Hash of the transaction")] = field(
        name="blockchain.transaction.hash", default=None
    )
    transaction_index: Annotated[int | None, described("Place of the transaction in the block")] = (
        field(name="blockchain.transaction.index", default=None)
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
    log_index: Annotated[int | None, described("Place of the log in the block")] = field(
        name="blockchain.log.index", default=None
    )
    contract: Annotated[Address | None, described("Contract that emitted the log")] = field(
        name="blockchain.contract.address", default=None
    )


class Block(ChainEvent, tag="block", kw_only=True):
    """A block was added to the chain."""

    parent_hash: Annotated[Hash | None, described("Hash of the parent block")] = field(
        name="blockchain.block.parent_hash", default=None
    )


class _TransferParties(ChainEvent, kw_only=True):
    source_address: Annotated[Address, described("Wallet that the tokens leave")] = field(
        name="source.address"
    )
    source_investor: Annotated[str | None, described("Investor behind the source")] = field(
        name="investor.source.id", default=None
    )
    source_jurisdiction: Annotated[str | None, described("Jurisdiction of the source")] = field(
        name="investor.source.jurisdiction", default=None
    )
    source_accreditation: Annotated[str | None, described("Accreditation of the source")] = field(
        name="investor.source.accreditation", default=None
    )
    source_cluster: Annotated[str | None, described("Cluster of the source")] = field(
        name="investor.source.cluster", default=None
    )
    source_labels: Annotated[Keywords, described("Labels of the source")] = field(
        name="investor.source.labels", default=()
    )
    destination_address: Annotated[Address, described("Wallet that receives")] = field(
        name="destination.address"
    )
    destination_investor: Annotated[str | None, described("Investor behind the destination")] = (
        field(name="investor.destination.id", default=None)
    )
    destination_jurisdiction: Annotated[
        str | None, described("Jurisdiction of the destination")
    ] = field(name="investor.destination.jurisdiction", default=None)
    destination_accreditation: Annotated[
        str | None, described("Accreditation of the destination")
    ] = field(name="investor.destination.accreditation", default=None)
    destination_cluster: Annotated[str | None, described("Cluster of the destination")] = field(
        name="investor.destination.cluster", default=None
    )
    destination_labels: Annotated[Keywords, described("Labels of the destination")] = field(
        name="investor.destination.labels", default=()
    )
    amount_raw: Annotated[Uint256, described("Amount in the token's smallest unit, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[
        float | None, described("Amount in whole tokens; for reading and thresholds, not exact")
    ] = field(name="token.amount", default=None)


class TokenTransfer(_TransferParties, tag="token-transfer", kw_only=True):
    """Tokens moved, were minted or burned (ERC-20 ``Transfer``)."""

    transfer_type: Annotated[str, described("transfer, mint, burn, forced or recovery")] = field(
        name="token.transfer.type", default="transfer"
    )


class TokenTransferRefused(_TransferParties, tag="token-transfer-refused", kw_only=True):
    """A transfer that the token's contract refused: a transaction of status 0, without logs."""

    category: Keywords = field(name="event.category", default=("network",))
    type: Keywords = field(name="event.type", default=("denied",))
    outcome: str | None = field(name="event.outcome", default="failure")
    receiver_verified: Annotated[
        bool | None, described("isVerified(receiver) of the identity registry at that block")
    ] = field(name="token.transfer.receiver_verified", default=None)
    compliance_allows: Annotated[
        bool | None, described("canTransfer of the compliance contract at that block")
    ] = field(name="token.transfer.compliance_allows", default=None)


class TokenApproval(ChainEvent, tag="token-approval", kw_only=True):
    """An owner allowed a spender an amount (ERC-20 ``Approval``). The owner is the party."""

    spender: Annotated[Address, described("Who may spend")] = field(name="token.spender.address")
    spender_labels: Annotated[Keywords, described("Labels of the spender")] = field(
        name="token.spender.labels", default=()
    )
    amount_raw: Annotated[Uint256, described("Allowed amount, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("Allowed amount in whole tokens")] = field(
        name="token.amount", default=None
    )


class _IdentityChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("user", "change"))
    agent: Annotated[Address | None, described("Agent that did it")] = field(
        name="token.agent.address", default=None
    )


class WalletFrozen(_IdentityChange, tag="wallet-frozen", kw_only=True):
    """An agent froze a wallet whole (ERC-3643 ``AddressFrozen`` with true)."""


class WalletUnfrozen(_IdentityChange, tag="wallet-unfrozen", kw_only=True):
    """An agent lifted the freeze of a wallet (ERC-3643 ``AddressFrozen`` with false)."""


class _PartialFreeze(_IdentityChange, kw_only=True):
    amount_raw: Annotated[Uint256, described("Amount, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Amount in whole tokens")] = field(
        name="token.amount", default=None
    )


class TokensFrozen(_PartialFreeze, tag="tokens-frozen", kw_only=True):
    """An agent froze a part of a wallet's tokens (ERC-3643 ``TokensFrozen``)."""


class TokensUnfrozen(_PartialFreeze, tag="tokens-unfrozen", kw_only=True):
    """Frozen tokens were released (ERC-3643 ``TokensUnfrozen``)."""


class WalletRecovered(_IdentityChange, tag="wallet-recovered", kw_only=True):
    """A lost wallet's tokens went to a new one (ERC-3643 ``RecoverySuccess``).

    The party is the lost wallet.
    """

    new_wallet: Annotated[Address, described("Wallet that replaces the lost one")] = field(
        name="token.recovery.new_wallet"
    )
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class IdentityRegistered(_IdentityChange, tag="identity-registered", kw_only=True):
    """A wallet was tied to an OnchainID (ERC-3643 ``IdentityRegistered``)."""

    type: Keywords = field(name="event.type", default=("user", "creation"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )
    country: Annotated[
        int | None, described("ISO 3166-1 numeric code, where the call itself tells it")
    ] = field(name="investor.identity.country", default=None)


class IdentityRemoved(_IdentityChange, tag="identity-removed", kw_only=True):
    """A wallet lost its OnchainID (ERC-3643 ``IdentityRemoved``)."""

    type: Keywords = field(name="event.type", default=("user", "deletion"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class IdentityUpdated(_IdentityChange, tag="identity-updated", kw_only=True):
    """An OnchainID replaced another (ERC-3643 ``IdentityUpdated``)."""

    identity: Annotated[Address, described("The new OnchainID")] = field(
        name="investor.identity.address"
    )
    previous_identity: Annotated[Address, described("The OnchainID before")] = field(
        name="investor.identity.previous_address"
    )


class InvestorCountryUpdated(_IdentityChange, tag="investor-country-updated", kw_only=True):
    """A wallet's country changed (ERC-3643 ``CountryUpdated``)."""

    country: Annotated[int, described("ISO 3166-1 numeric code")] = field(
        name="investor.identity.country"
    )


class _AdministrativeChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class TokenPaused(_AdministrativeChange, tag="token-paused", kw_only=True):
    """All transfers of the token were halted (``Paused``); the party is who did it."""


class TokenUnpaused(_AdministrativeChange, tag="token-unpaused", kw_only=True):
    """Transfers of the token go on (``Unpaused``); the party is who did it."""


class TokenInformationUpdated(_AdministrativeChange, tag="token-information-updated", kw_only=True):
    """Name, symbol, decimals, version or OnchainID changed (``UpdatedTokenInformation``)."""

    new_name: Annotated[
        str | None, described("New name; its keccak256 hash where the contract indexes it")
    ] = field(name="token.information.name", default=None)
    new_symbol: Annotated[
        str | None, described("New symbol; its keccak256 hash where the contract indexes it")
    ] = field(name="token.information.symbol", default=None)
    new_decimals: Annotated[int, described("New number of decimals")] = field(
        name="token.information.decimals"
    )
    new_version: Annotated[str, described("New version")] = field(name="token.information.version")
    new_identity: Annotated[Address, described("New OnchainID of the token")] = field(
        name="token.information.identity"
    )


class ContractWired(_AdministrativeChange, tag="contract-wired", kw_only=True):
    """A contract of the token's suite was set: identity registry, compliance, storage, ..."""

    component: Annotated[str, described("Which part was set, such as identity-registry")] = field(
        name="token.component.type"
    )
    component_address: Annotated[Address, described("Address that was set")] = field(
        name="token.component.address"
    )


class AgentAdded(_AdministrativeChange, tag="agent-added", kw_only=True):
    """The party may now act as agent of the contract (ERC-3643 ``AgentAdded``)."""


class AgentRemoved(_AdministrativeChange, tag="agent-removed", kw_only=True):
    """An address may no longer act as agent (ERC-3643 ``AgentRemoved``); it is the party."""


class OwnershipTransferred(_AdministrativeChange, tag="ownership-transferred", kw_only=True):
    """A contract has a new owner (``OwnershipTransferred``); the party is the new owner."""

    previous_owner: Annotated[Address, described("Owner before")] = field(
        name="token.owner.previous_address"
    )


class _PoolEvent(ChainEvent, kw_only=True):
    venue: Annotated[str, described("Name of the venue or of the pool's protocol")] = field(
        name="market.venue"
    )
    instrument: Annotated[str, described("What is traded: pair, or the pool's address")] = field(
        name="market.instrument"
    )
    pool: Annotated[Address, described("The pool's contract")] = field(name="market.pool.address")
    amount0_raw: Annotated[Int256, described("token0, exact; positive is into the pool")] = field(
        name="market.pool.amount0_raw"
    )
    amount1_raw: Annotated[Int256, described("token1, exact; positive is into the pool")] = field(
        name="market.pool.amount1_raw"
    )
    liquidity: Annotated[Uint256 | None, described("In-range liquidity or its change, exact")] = (
        field(name="market.pool.liquidity", default=None)
    )


class PoolSwap(_PoolEvent, tag="pool-swap", kw_only=True):
    """A swap in a pool (Uniswap v3 ``Swap``). The trader is who signed the transaction."""

    side: Annotated[Side | None, described("The trader bought or sold the watched token")] = field(
        name="market.trade.aggressor_side", default=None
    )
    price: Annotated[float | None, described("Effective price, quote per token")] = field(
        name="market.trade.price", default=None
    )
    quantity: Annotated[float | None, described("Whole tokens swapped")] = field(
        name="market.trade.quantity", default=None
    )
    notional: Annotated[float | None, described("Value in the quote asset")] = field(
        name="market.trade.notional", default=None
    )
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )
    pool_price: Annotated[float | None, described("Pool price after the swap, quote per token")] = (
        field(name="market.pool.price", default=None)
    )
    sqrt_price_x96: Annotated[Uint256, described("Square root of the price in Q64.96, exact")] = (
        field(name="market.pool.sqrt_price_x96")
    )
    tick: Annotated[int, described("Tick after the swap")] = field(name="market.pool.tick")
    recipient: Annotated[Address, described("Who received the output")] = field(
        name="market.pool.recipient"
    )
    sender: Annotated[Address, described("Who called the pool, mostly a router")] = field(
        name="market.pool.sender"
    )


class _LiquidityChange(_PoolEvent, kw_only=True):
    tick_lower: Annotated[int, described("Lower tick of the position")] = field(
        name="market.pool.tick_lower"
    )
    tick_upper: Annotated[int, described("Upper tick of the position")] = field(
        name="market.pool.tick_upper"
    )
    owner: Annotated[Address, described("Owner of the position")] = field(
        name="market.pool.position_owner"
    )
    token_quantity: Annotated[
        float | None, described("Whole tokens that went in or out; not exact")
    ] = field(name="market.pool.token_quantity", default=None)
    quote_quantity: Annotated[
        float | None, described("What went in or out of the quote asset, whole units; not exact")
    ] = field(name="market.pool.quote_quantity", default=None)
    currency: Annotated[str | None, described("Quote asset")] = field(
        name="market.currency", default=None
    )


class LiquidityAdded(_LiquidityChange, tag="liquidity-added", kw_only=True):
    """Liquidity went into a pool (Uniswap v3 ``Mint``)."""


class LiquidityRemoved(_LiquidityChange, tag="liquidity-removed", kw_only=True):
    """Liquidity left a pool's range (Uniswap v3 ``Burn``)."""


class OracleUpdate(ChainEvent, tag="oracle-update", kw_only=True):
    """An oracle published a price (Chainlink aggregators' ``AnswerUpdated``).

    Token, price and currency are there where the reference data has the feed.
    """

    feed: Annotated[str, described("Name of the feed; its address where it has none")] = field(
        name="market.oracle.feed"
    )
    answer_raw: Annotated[Int256, described("Answer as the oracle gave it, exact")] = field(
        name="market.oracle.answer_raw"
    )
    round: Annotated[Uint256, described("Number of the aggregator's round, exact")] = field(
        name="market.oracle.round"
    )
    updated: Annotated[
        Nanoseconds, described("When the oracle's nodes agreed on the answer, as it says")
    ] = field(name="market.oracle.updated")
    price: Annotated[float | None, described("Price of one whole token; not exact")] = field(
        name="market.oracle.price", default=None
    )
    currency: Annotated[str | None, described("Currency of the price")] = field(
        name="market.currency", default=None
    )


class ContractEvent(ChainEvent, tag="contract-event", kw_only=True):
    """A log of a watched contract that has no record of its own: kept whole.

    Decoded where its signature is known.
    """

    log_name: Annotated[
        str | None, described("Name of the event, where its signature is known")
    ] = field(name="blockchain.log.name", default=None)
    log_arguments: Annotated[
        str | None, described("Arguments as JSON, integers as text, where decoded")
    ] = field(name="blockchain.log.arguments", default=None)
    decoded: Annotated[bool, described("Whether the log matched a known signature")] = field(
        name="blockchain.log.decoded", default=False
    )
    topics: Annotated[Keywords, described("Topics as they came")] = field(
        name="blockchain.log.topics", default=()
    )
    data: Annotated[str | None, described("Data as it came, hexadecimal", es="binary_text")] = (
        field(name="blockchain.log.data", default=None)
    )


ChainRecord = (
    Block
    | TokenTransfer
    | TokenTransferRefused
    | TokenApproval
    | WalletFrozen
    | WalletUnfrozen
    | TokensFrozen
    | TokensUnfrozen
    | WalletRecovered
    | IdentityRegistered
    | IdentityRemoved
    | IdentityUpdated
    | InvestorCountryUpdated
    | TokenPaused
    | TokenUnpaused
    | TokenInformationUpdated
    | ContractWired
    | AgentAdded
    | AgentRemoved
    | OwnershipTransferred
    | PoolSwap
    | LiquidityAdded
    | LiquidityRemoved
    | OracleUpdate
    | ContractEvent
)

"""The records of EVM chains. Each family lies in a module of its own; here they are together."""

from normalizer.events.chain_administration import (
    AgentAdded,
    AgentRemoved,
    ContractWired,
    OwnershipTransferred,
    TokenInformationUpdated,
    TokenPaused,
    TokenUnpaused,
)
from normalizer.events.chain_event import ZERO_ADDRESS, Block, ChainEvent, ContractEvent
from normalizer.events.chain_identity import (
    IdentityRegistered,
    IdentityRemoved,
    IdentityUpdated,
    InvestorCountryUpdated,
    TokensFrozen,
    TokensUnfrozen,
    WalletFrozen,
    WalletRecovered,
    WalletUnfrozen,
)
from normalizer.events.chain_native import NativeTransfer
from normalizer.events.chain_oracles import OracleUpdate
from normalizer.events.chain_pools import LiquidityAdded, LiquidityRemoved, PoolSwap
from normalizer.events.chain_transfers import TokenApproval, TokenTransfer, TokenTransferRefused

ChainRecord = (
    Block
    | TokenTransfer
    | TokenTransferRefused
    | TokenApproval
    | NativeTransfer
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

__all__ = [
    "ZERO_ADDRESS",
    "AgentAdded",
    "AgentRemoved",
    "Block",
    "ChainEvent",
    "ChainRecord",
    "ContractEvent",
    "ContractWired",
    "IdentityRegistered",
    "IdentityRemoved",
    "IdentityUpdated",
    "InvestorCountryUpdated",
    "LiquidityAdded",
    "LiquidityRemoved",
    "NativeTransfer",
    "OracleUpdate",
    "OwnershipTransferred",
    "PoolSwap",
    "TokenApproval",
    "TokenInformationUpdated",
    "TokenPaused",
    "TokenTransfer",
    "TokenTransferRefused",
    "TokenUnpaused",
    "TokensFrozen",
    "TokensUnfrozen",
    "WalletFrozen",
    "WalletRecovered",
    "WalletUnfrozen",
]

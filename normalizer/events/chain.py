"""The records of EVM chains. Each family lies in a module of its own; here they are together."""

from normalizer.events.chain_administration import (
    AgentAdded,
    AgentRemoved,
    ContractWired,
    OwnershipOffered,
    OwnershipTransferred,
    TokenInformationUpdated,
    TokenPaused,
    TokenUnpaused,
)
from normalizer.events.chain_compliance import (
    ComplianceBalancePreset,
    ComplianceCalled,
    ComplianceCountryAllowed,
    ComplianceCountryRestricted,
    ComplianceExchangeAdded,
    ComplianceExchangeRemoved,
    ComplianceLimitRemoved,
    ComplianceLimitSet,
    ComplianceModuleAdded,
    ComplianceModuleRemoved,
    CompliancePresetCompleted,
    ComplianceUserAllowed,
    ComplianceUserDisallowed,
    TokenListed,
    TokenListingConfigured,
    TokenUnlisted,
    TransferFeeSet,
)
from normalizer.events.chain_documents import DocumentRemoved, DocumentUpdated
from normalizer.events.chain_event import ZERO_ADDRESS, Block, ChainEvent, ContractEvent
from normalizer.events.chain_holds import HoldCreated, HoldExecuted, HoldReleased, HoldRenewed
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
from normalizer.events.chain_onchainid import (
    ClaimAdded,
    ClaimChanged,
    ClaimRemoved,
    ClaimRevoked,
    IdentityCallApproved,
    IdentityCallExecuted,
    IdentityCallFailed,
    IdentityCallRejected,
    IdentityCallRequested,
    IdentityKeyAdded,
    IdentityKeyRemoved,
    IdentitySignatureApproved,
    IdentitySignatureRevoked,
    IdentitySignerApproved,
    IdentitySignerRevoked,
    TokenIdentityLinked,
    WalletLinked,
    WalletUnlinked,
)
from normalizer.events.chain_oracles import (
    OracleAggregatorChanged,
    OracleRoundStarted,
    OracleTransmission,
    OracleUpdate,
)
from normalizer.events.chain_partitions import (
    ControllerRedemption,
    ControllerTransfer,
    OperatorAuthorized,
    OperatorRevoked,
    PartitionApproval,
    PartitionChanged,
    PartitionTransfer,
    TokensIssued,
    TokensRedeemed,
)
from normalizer.events.chain_pools import (
    FlashLoan,
    LiquidityAdded,
    LiquidityCollected,
    LiquidityRemoved,
    PoolDonation,
    PoolInitialized,
    PoolReserves,
    PoolSwap,
)
from normalizer.events.chain_registries import (
    ClaimTopicAdded,
    ClaimTopicRemoved,
    ContractBound,
    ContractUnbound,
    IdentityStored,
    IdentityUnstored,
    StoredCountryModified,
    StoredIdentityModified,
    TokenSuiteDeployed,
    TrustedIssuerAdded,
    TrustedIssuerRemoved,
    TrustedIssuerTopicsUpdated,
)
from normalizer.events.chain_requests import (
    ApprovalCriteriaSet,
    DealCancelled,
    DealExecuted,
    DealFeeSet,
    DealInitiated,
    TransferApprovalRemoved,
    TransferApproved,
    TransferRequestApproved,
    TransferRequestCancelled,
    TransferRequestCompleted,
    TransferRequested,
    TransferRequestRejected,
    TransferRequestReset,
)
from normalizer.events.chain_roles import (
    ContractUpgraded,
    ImplementationVersionSet,
    ProxyAdminChanged,
    RoleAdminChanged,
    RoleGranted,
    RoleRevoked,
)
from normalizer.events.chain_src20 import (
    AssetDescriptionUpdated,
    AssetRegistered,
    AssetValueUpdated,
    ManagementTransferred,
    StakedSupplyChanged,
    StakePriceUpdated,
    TokenRegistered,
    TokenUnregistered,
    TransferRulesUpdated,
)
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
    | OwnershipOffered
    | ComplianceModuleAdded
    | ComplianceModuleRemoved
    | ComplianceCalled
    | ComplianceCountryAllowed
    | ComplianceCountryRestricted
    | ComplianceLimitSet
    | ComplianceLimitRemoved
    | ComplianceExchangeAdded
    | ComplianceExchangeRemoved
    | ComplianceUserAllowed
    | ComplianceUserDisallowed
    | ComplianceBalancePreset
    | CompliancePresetCompleted
    | TransferFeeSet
    | TokenListingConfigured
    | TokenListed
    | TokenUnlisted
    | DocumentUpdated
    | DocumentRemoved
    | HoldCreated
    | HoldReleased
    | HoldRenewed
    | HoldExecuted
    | ClaimAdded
    | ClaimChanged
    | ClaimRemoved
    | ClaimRevoked
    | IdentityKeyAdded
    | IdentityKeyRemoved
    | IdentityCallRequested
    | IdentityCallApproved
    | IdentityCallRejected
    | IdentityCallExecuted
    | IdentityCallFailed
    | WalletLinked
    | WalletUnlinked
    | TokenIdentityLinked
    | IdentitySignerApproved
    | IdentitySignerRevoked
    | IdentitySignatureApproved
    | IdentitySignatureRevoked
    | PartitionTransfer
    | ControllerTransfer
    | PartitionChanged
    | OperatorAuthorized
    | OperatorRevoked
    | PartitionApproval
    | TokensIssued
    | TokensRedeemed
    | ControllerRedemption
    | IdentityStored
    | IdentityUnstored
    | StoredIdentityModified
    | StoredCountryModified
    | ClaimTopicAdded
    | ClaimTopicRemoved
    | TrustedIssuerAdded
    | TrustedIssuerTopicsUpdated
    | TrustedIssuerRemoved
    | ContractBound
    | ContractUnbound
    | TokenSuiteDeployed
    | TransferRequested
    | TransferApproved
    | TransferApprovalRemoved
    | TransferRequestCompleted
    | TransferRequestApproved
    | TransferRequestRejected
    | TransferRequestCancelled
    | TransferRequestReset
    | ApprovalCriteriaSet
    | DealInitiated
    | DealExecuted
    | DealCancelled
    | DealFeeSet
    | RoleGranted
    | RoleRevoked
    | RoleAdminChanged
    | ContractUpgraded
    | ProxyAdminChanged
    | ImplementationVersionSet
    | StakedSupplyChanged
    | TokenRegistered
    | TokenUnregistered
    | AssetRegistered
    | AssetValueUpdated
    | AssetDescriptionUpdated
    | TransferRulesUpdated
    | ManagementTransferred
    | StakePriceUpdated
    | PoolSwap
    | LiquidityAdded
    | LiquidityRemoved
    | LiquidityCollected
    | PoolReserves
    | PoolInitialized
    | PoolDonation
    | FlashLoan
    | OracleUpdate
    | OracleRoundStarted
    | OracleTransmission
    | OracleAggregatorChanged
    | ContractEvent
)

__all__ = [
    "ZERO_ADDRESS",
    "AgentAdded",
    "AgentRemoved",
    "ApprovalCriteriaSet",
    "AssetDescriptionUpdated",
    "AssetRegistered",
    "AssetValueUpdated",
    "Block",
    "ChainEvent",
    "ChainRecord",
    "ClaimAdded",
    "ClaimChanged",
    "ClaimRemoved",
    "ClaimRevoked",
    "ClaimTopicAdded",
    "ClaimTopicRemoved",
    "ComplianceBalancePreset",
    "ComplianceCalled",
    "ComplianceCountryAllowed",
    "ComplianceCountryRestricted",
    "ComplianceExchangeAdded",
    "ComplianceExchangeRemoved",
    "ComplianceLimitRemoved",
    "ComplianceLimitSet",
    "ComplianceModuleAdded",
    "ComplianceModuleRemoved",
    "CompliancePresetCompleted",
    "ComplianceUserAllowed",
    "ComplianceUserDisallowed",
    "ContractBound",
    "ContractEvent",
    "ContractUnbound",
    "ContractUpgraded",
    "ContractWired",
    "ControllerRedemption",
    "ControllerTransfer",
    "DealCancelled",
    "DealExecuted",
    "DealFeeSet",
    "DealInitiated",
    "DocumentRemoved",
    "DocumentUpdated",
    "FlashLoan",
    "HoldCreated",
    "HoldExecuted",
    "HoldReleased",
    "HoldRenewed",
    "IdentityCallApproved",
    "IdentityCallExecuted",
    "IdentityCallFailed",
    "IdentityCallRejected",
    "IdentityCallRequested",
    "IdentityKeyAdded",
    "IdentityKeyRemoved",
    "IdentityRegistered",
    "IdentityRemoved",
    "IdentitySignatureApproved",
    "IdentitySignatureRevoked",
    "IdentitySignerApproved",
    "IdentitySignerRevoked",
    "IdentityStored",
    "IdentityUnstored",
    "IdentityUpdated",
    "ImplementationVersionSet",
    "InvestorCountryUpdated",
    "LiquidityAdded",
    "LiquidityCollected",
    "LiquidityRemoved",
    "ManagementTransferred",
    "NativeTransfer",
    "OperatorAuthorized",
    "OperatorRevoked",
    "OracleAggregatorChanged",
    "OracleRoundStarted",
    "OracleTransmission",
    "OracleUpdate",
    "OwnershipOffered",
    "OwnershipTransferred",
    "PartitionApproval",
    "PartitionChanged",
    "PartitionTransfer",
    "PoolDonation",
    "PoolInitialized",
    "PoolReserves",
    "PoolSwap",
    "ProxyAdminChanged",
    "RoleAdminChanged",
    "RoleGranted",
    "RoleRevoked",
    "StakePriceUpdated",
    "StakedSupplyChanged",
    "StoredCountryModified",
    "StoredIdentityModified",
    "TokenApproval",
    "TokenIdentityLinked",
    "TokenInformationUpdated",
    "TokenListed",
    "TokenListingConfigured",
    "TokenPaused",
    "TokenRegistered",
    "TokenSuiteDeployed",
    "TokenTransfer",
    "TokenTransferRefused",
    "TokenUnlisted",
    "TokenUnpaused",
    "TokenUnregistered",
    "TokensFrozen",
    "TokensIssued",
    "TokensRedeemed",
    "TokensUnfrozen",
    "TransferApprovalRemoved",
    "TransferApproved",
    "TransferFeeSet",
    "TransferRequestApproved",
    "TransferRequestCancelled",
    "TransferRequestCompleted",
    "TransferRequestRejected",
    "TransferRequestReset",
    "TransferRequested",
    "TransferRulesUpdated",
    "TrustedIssuerAdded",
    "TrustedIssuerRemoved",
    "TrustedIssuerTopicsUpdated",
    "WalletFrozen",
    "WalletLinked",
    "WalletRecovered",
    "WalletUnfrozen",
    "WalletUnlinked",
]

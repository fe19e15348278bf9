"""Which event of a contract becomes which record."""

from collections.abc import Callable
from typing import Any

from normalizer.abi import EventAbi
from normalizer.decoders import evm_administration as administration
from normalizer.decoders import evm_compliance as compliance
from normalizer.decoders import evm_flash_loans as flash_loans
from normalizer.decoders import evm_holds as holds
from normalizer.decoders import evm_identity as identity
from normalizer.decoders import evm_onchainid as onchainid
from normalizer.decoders import evm_oracles as oracles
from normalizer.decoders import evm_partitions as partitions
from normalizer.decoders import evm_pools as pools
from normalizer.decoders import evm_pools_curve as curve
from normalizer.decoders import evm_pools_v2 as pools_v2
from normalizer.decoders import evm_pools_v4 as pools_v4
from normalizer.decoders import evm_registries as registries
from normalizer.decoders import evm_requests as requests
from normalizer.decoders import evm_roles as roles
from normalizer.decoders import evm_src20 as src20
from normalizer.decoders import evm_transfers as transfers
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import ChainRecord, TokenTransfer
from normalizer.signatures import KNOWN_EVENTS, event_abi

#: Makes the record of a log from the values of its event, in the order that Solidity declares; of
#: an ERC-1155 batch its records.
Builder = Callable[[LogScope, tuple[Any, ...]], ChainRecord | list[TokenTransfer]]

_curve: dict[str, Builder] = {
    "TokenExchange(address indexed, int128, uint256, int128, uint256)": curve.exchange,
    "TokenExchange(address indexed, uint256, uint256, uint256, uint256)": curve.exchange,
    "TokenExchange(address indexed, uint256, uint256, uint256, uint256, uint256, uint256)": (
        curve.exchange
    ),
    "TokenExchangeUnderlying(address indexed, int128, uint256, int128, uint256)": (
        curve.exchange_underlying
    ),
    "RemoveLiquidityOne(address indexed, uint256, uint256)": curve.removed_one_unnamed,
    "RemoveLiquidityOne(address indexed, uint256, uint256, uint256)": curve.removed_one_either,
    "RemoveLiquidityOne(address indexed, int128, uint256, uint256, uint256)": curve.removed_one,
    "RemoveLiquidityOne(address indexed, uint256, uint256, uint256, uint256, uint256)": (
        curve.removed_one_crypto
    ),
}
# StableSwap NG has arrays of any length, all others one event for each number of coins.
for _list in ("uint256[]", *(f"uint256[{coins}]" for coins in range(2, curve.MOST_COINS + 1))):
    _curve |= {
        f"AddLiquidity(address indexed, {_list}, {_list}, uint256, uint256)": curve.added,
        f"RemoveLiquidity(address indexed, {_list}, {_list}, uint256)": curve.removed,
        f"RemoveLiquidityImbalance(address indexed, {_list}, {_list}, uint256, uint256)": (
            curve.removed
        ),
    }
for _list in ("uint256[2]", "uint256[3]"):
    _curve |= {
        f"AddLiquidity(address indexed, {_list}, uint256, uint256)": curve.added,
        f"AddLiquidity(address indexed, {_list}, uint256, uint256, uint256)": curve.added_ng,
        f"RemoveLiquidity(address indexed, {_list}, uint256)": curve.removed,
    }

_RECORDED: dict[str, Builder] = {
    # ERC-20
    "Transfer(address indexed, address indexed, uint256)": transfers.transfer,
    "Approval(address indexed, address indexed, uint256)": transfers.approval,
    # ERC-721 and ERC-1155
    "Transfer(address indexed, address indexed, uint256 indexed)": transfers.item,
    "TransferSingle(address indexed, address indexed, address indexed, uint256, uint256)": (
        transfers.single
    ),
    "TransferBatch(address indexed, address indexed, address indexed, uint256[], uint256[])": (
        transfers.batch
    ),
    "ApprovalForAll(address indexed, address indexed, bool)": partitions.approval_for_all,
    # ERC-3643: the token
    "AddressFrozen(address indexed, bool indexed, address indexed)": identity.address_frozen,
    "TokensFrozen(address indexed, uint256)": identity.tokens_frozen,
    "TokensUnfrozen(address indexed, uint256)": identity.tokens_unfrozen,
    "RecoverySuccess(address, address, address)": identity.recovery_success,
    "RecoverySuccess(address indexed, address indexed, address indexed)": (
        identity.recovery_success
    ),
    "UpdatedTokenInformation(string, string, uint8, string, address)": (
        administration.information_updated
    ),
    "UpdatedTokenInformation(string indexed, string indexed, uint8, string, address indexed)": (
        administration.information_updated
    ),
    "Paused(address)": administration.paused,
    "Unpaused(address)": administration.unpaused,
    "AgentAdded(address indexed)": administration.agent_added,
    "AgentRemoved(address indexed)": administration.agent_removed,
    "IdentityRegistryAdded(address indexed)": administration.wired("identity-registry"),
    "ComplianceAdded(address indexed)": administration.wired("compliance"),
    # ERC-3643: the identity registry and its storage
    "IdentityRegistered(address indexed, address indexed)": identity.identity_registered,
    "IdentityRemoved(address indexed, address indexed)": identity.identity_removed,
    "IdentityUpdated(address indexed, address indexed)": identity.identity_updated,
    "CountryUpdated(address indexed, uint16 indexed)": identity.country_updated,
    "ClaimTopicsRegistrySet(address indexed)": administration.wired("claim-topics-registry"),
    "IdentityStorageSet(address indexed)": administration.wired("identity-storage"),
    "TrustedIssuersRegistrySet(address indexed)": administration.wired("trusted-issuers-registry"),
    "IdentityStored(address indexed, address indexed)": registries.identity_stored,
    "IdentityUnstored(address indexed, address indexed)": registries.identity_unstored,
    "IdentityModified(address indexed, address indexed)": registries.identity_modified,
    "CountryModified(address indexed, uint16 indexed)": registries.country_modified,
    "IdentityRegistryBound(address indexed)": registries.bound("identity-registry"),
    "IdentityRegistryUnbound(address indexed)": registries.unbound("identity-registry"),
    # ERC-3643: which claims are asked for, and who may certify
    "ClaimTopicAdded(uint256 indexed)": registries.topic_added,
    "ClaimTopicRemoved(uint256 indexed)": registries.topic_removed,
    "TrustedIssuerAdded(address indexed, uint256[])": registries.issuer_added,
    "TrustedIssuerRemoved(address indexed)": registries.issuer_removed,
    "ClaimTopicsUpdated(address indexed, uint256[])": registries.issuer_topics_updated,
    # ERC-3643: compliance, and T-REX 4's modules
    "TokenBound(address)": registries.bound("token"),
    "TokenUnbound(address)": registries.unbound("token"),
    "ComplianceBound(address indexed)": registries.bound("compliance"),
    "ComplianceUnbound(address indexed)": registries.unbound("compliance"),
    "ModuleAdded(address indexed)": compliance.module_added,
    "ModuleRemoved(address indexed)": compliance.module_removed,
    "ModuleInteraction(address indexed, bytes4)": compliance.module_called,
    "ComplianceInteraction(address indexed, bytes4)": compliance.compliance_called,
    "CountryAllowed(address, uint16)": compliance.country_allowed("CountryAllowed"),
    "CountryUnallowed(address, uint16)": compliance.country_restricted("CountryUnallowed"),
    "AddedRestrictedCountry(address indexed, uint16)": (
        compliance.country_restricted("AddedRestrictedCountry")
    ),
    "RemovedRestrictedCountry(address indexed, uint16)": (
        compliance.country_allowed("RemovedRestrictedCountry")
    ),
    "MaxBalanceSet(address indexed, uint256 indexed)": (
        compliance.limit_set("MaxBalanceSet", "holder-balance")
    ),
    "IDBalancePreSet(address indexed, address indexed, uint256)": compliance.balance_preset,
    "PresetCompleted(address indexed)": compliance.preset_completed,
    "SupplyLimitSet(address, uint256)": compliance.limit_set("SupplyLimitSet", "supply"),
    "ExchangeMonthlyLimitUpdated(address indexed, address, uint256)": (
        compliance.exchange_monthly_limit
    ),
    "ExchangeLimitUpdated(address indexed, address, uint256, uint32)": compliance.exchange_limit,
    "ExchangeIDAdded(address)": compliance.exchange_added,
    "ExchangeIDRemoved(address)": compliance.exchange_removed,
    "TimeTransferLimitUpdated(address indexed, uint32, uint256)": compliance.time_limit,
    "TimeTransferLimitRemoved(address indexed, uint32)": compliance.time_limit_removed,
    "FeeUpdated(address indexed, uint256, address)": compliance.fee_set,
    "UserAllowed(address, address)": compliance.user_allowed,
    "UserDisallowed(address, address)": compliance.user_disallowed,
    "TokenListingConfigured(address, uint8)": compliance.listing_configured,
    "TokenListed(address, address)": compliance.token_listed,
    "TokenUnlisted(address, address)": compliance.token_unlisted,
    "TransferApproved(address, address, uint256, address)": requests.conditionally_approved,
    "ApprovalRemoved(address, address, uint256, address)": requests.approval_removed,
    # T-REX 3: compliance contracts with the rule in themselves
    "AddedRestrictedCountry(uint16)": compliance.country_restricted("AddedRestrictedCountry"),
    "RemovedRestrictedCountry(uint16)": compliance.country_allowed("RemovedRestrictedCountry"),
    "WhitelistedCountry(uint16)": compliance.country_allowed("WhitelistedCountry"),
    "UnWhitelistedCountry(uint16)": compliance.country_restricted("UnWhitelistedCountry"),
    "MaxBalanceSet(uint256)": compliance.limit_set("MaxBalanceSet", "holder-balance"),
    "SupplyLimitSet(uint256)": compliance.limit_set("SupplyLimitSet", "supply"),
    "DailyLimitUpdated(uint256)": (
        compliance.limit_set("DailyLimitUpdated", "transfers", compliance.DAY)
    ),
    "MonthlyLimitUpdated(uint256)": (
        compliance.limit_set("MonthlyLimitUpdated", "transfers", compliance.MONTH)
    ),
    "ExchangeMonthlyLimitUpdated(address, uint256)": compliance.exchange_monthly_limit,
    "TokenAgentAdded(address)": roles.got("TokenAgentAdded", "token-agent"),
    "TokenAgentRemoved(address)": roles.lost("TokenAgentRemoved", "token-agent"),
    # T-REX: managers, transfers that wait, deals, deployment
    "RoleAdded(address indexed, string)": roles.got("RoleAdded"),
    "RoleRemoved(address indexed, string)": roles.lost("RoleRemoved"),
    "TransferInitiated(bytes32, address, address, address, uint256, bytes32)": requests.initiated,
    "TransferApproved(bytes32, address)": requests.approved,
    "TransferRejected(bytes32, address)": requests.rejected,
    "TransferCancelled(bytes32)": requests.cancelled,
    "TransferCompleted(bytes32, address, address, address, uint256)": requests.completed,
    "TransferApprovalStateReset(bytes32, bytes32)": requests.reset,
    "ApprovalCriteriaSet(address, bool, bool, bool, address[], bytes32)": requests.criteria_set,
    "DVDTransferInitiated("
    "bytes32 indexed, address, address indexed, uint256, address, address indexed, uint256)": (
        requests.deal_initiated
    ),
    "DVDTransferExecuted(bytes32 indexed)": requests.deal_executed,
    "DVDTransferCancelled(bytes32 indexed)": requests.deal_cancelled,
    "FeeModified(bytes32 indexed, address, address, uint256, uint256, uint256, address, address)": (
        requests.deal_fee_set
    ),
    "TREXSuiteDeployed("
    "address indexed, address, address, address, address, address, string indexed)": (
        registries.suite_deployed
    ),
    # OnchainID
    "ClaimAdded("
    "bytes32 indexed, uint256 indexed, uint256, address indexed, bytes, bytes, string)": (
        onchainid.claim_added
    ),
    "ClaimChanged("
    "bytes32 indexed, uint256 indexed, uint256, address indexed, bytes, bytes, string)": (
        onchainid.claim_changed
    ),
    "ClaimRemoved("
    "bytes32 indexed, uint256 indexed, uint256, address indexed, bytes, bytes, string)": (
        onchainid.claim_removed
    ),
    "ClaimRevoked(bytes indexed)": onchainid.claim_revoked,
    "KeyAdded(bytes32 indexed, uint256 indexed, uint256 indexed)": onchainid.key_added,
    "KeyRemoved(bytes32 indexed, uint256 indexed, uint256 indexed)": onchainid.key_removed,
    "ExecutionRequested(uint256 indexed, address indexed, uint256 indexed, bytes)": (
        onchainid.call_requested
    ),
    "Executed(uint256 indexed, address indexed, uint256 indexed, bytes)": onchainid.call_executed,
    "ExecutionFailed(uint256 indexed, address indexed, uint256 indexed, bytes)": (
        onchainid.call_failed
    ),
    "Approved(uint256 indexed, bool)": onchainid.call_decided,
    "WalletLinked(address indexed, address indexed)": onchainid.wallet_linked,
    "WalletUnlinked(address indexed, address indexed)": onchainid.wallet_unlinked,
    "TokenLinked(address indexed, address indexed)": onchainid.token_linked,
    "SignerApproved(address indexed)": onchainid.signer_approved,
    "SignerRevoked(address indexed)": onchainid.signer_revoked,
    "SignatureApproved(bytes indexed)": onchainid.signature_approved,
    "SignatureRevoked(bytes indexed)": onchainid.signature_revoked,
    # ERC-1400 family
    "TransferByPartition("
    "bytes32 indexed, address, address indexed, address indexed, uint256, bytes, bytes)": (
        partitions.partition_transfer
    ),
    "ChangedPartition(bytes32 indexed, bytes32 indexed, uint256)": partitions.partition_changed,
    "AuthorizedOperator(address indexed, address indexed)": partitions.authorized,
    "RevokedOperator(address indexed, address indexed)": partitions.revoked,
    "AuthorizedOperatorByPartition(bytes32 indexed, address indexed, address indexed)": (
        partitions.authorized_by_partition
    ),
    "RevokedOperatorByPartition(bytes32 indexed, address indexed, address indexed)": (
        partitions.revoked_by_partition
    ),
    "ApprovalByPartition(bytes32 indexed, address indexed, address indexed, uint256)": (
        partitions.partition_approval
    ),
    "Issued(address indexed, address indexed, uint256, bytes)": partitions.issued,
    "Redeemed(address indexed, address indexed, uint256, bytes)": partitions.redeemed,
    "IssuedByPartition(bytes32 indexed, address indexed, uint256, bytes)": (
        partitions.issued_by_partition_short
    ),
    "IssuedByPartition(bytes32 indexed, address indexed, address indexed, uint256, bytes, bytes)": (
        partitions.issued_by_partition
    ),
    "RedeemedByPartition("
    "bytes32 indexed, address indexed, address indexed, uint256, bytes, bytes)": (
        partitions.redeemed_by_partition
    ),
    "RedeemedByPartition(bytes32 indexed, address indexed, address indexed, uint256, bytes)": (
        partitions.redeemed_by_partition_short
    ),
    "ControllerTransfer(address, address indexed, address indexed, uint256, bytes, bytes)": (
        partitions.controller_transfer
    ),
    "ControllerRedemption(address, address indexed, uint256, bytes, bytes)": (
        partitions.controller_redemption
    ),
    "Document(bytes32 indexed, string, bytes32)": partitions.document,
    "DocumentUpdated(bytes32 indexed, string, bytes32)": partitions.document_updated,
    "DocumentRemoved(bytes32 indexed, string, bytes32)": partitions.document_removed,
    "HoldCreated(address indexed, bytes32 indexed, bytes32, address, address,"
    " address indexed, uint256, uint256, bytes32)": holds.hold_created,
    "HoldReleased(address indexed, bytes32, address indexed, uint8)": holds.hold_released,
    "HoldRenewed(address indexed, bytes32, address indexed, uint256, uint256)": holds.hold_renewed,
    "HoldExecuted(address indexed, bytes32, address indexed, uint256, uint256, bytes32)": (
        holds.hold_executed
    ),
    "HoldExecutedAndKeptOpen("
    "address indexed, bytes32, address indexed, uint256, uint256, bytes32)": (
        holds.hold_executed_and_kept_open
    ),
    # SRC-20
    "SRC20SupplyMinted(address, address, uint256, uint256)": src20.supply_minted,
    "SRC20SupplyIncreased(address, address, uint256)": src20.supply_changed("increased"),
    "SRC20SupplyDecreased(address, address, uint256)": src20.supply_changed("decreased"),
    "SRC20Created(address)": src20.created,
    "SRC20Registered(address, address)": src20.registered,
    "SRC20Removed(address)": src20.unregistered,
    "AssetAdded(address indexed, bytes32, string, uint256)": src20.asset_added,
    "AssetNVAUSDUpdated(address indexed, uint256)": src20.asset_value_updated,
    "AssetKYAUpdated(address indexed, bytes32, string)": src20.asset_description_updated,
    "AccountFrozen(address indexed)": src20.account_frozen,
    "AccountUnfrozen(address indexed)": src20.account_unfrozen,
    "TokenFrozen()": src20.token_frozen,
    "TokenUnfrozen()": src20.token_unfrozen,
    "RestrictionsAndRulesUpdated(address, address)": src20.rules_updated,
    "ManagementTransferred(address indexed, address indexed)": src20.management_transferred,
    "UpdatedSWMPriceUSD(uint256, uint256, uint256, uint256)": src20.stake_price_updated,
    "MinterAdded(address)": roles.got("MinterAdded", "minter"),
    "MinterRemoved(address)": roles.lost("MinterRemoved", "minter"),
    "AuthorityAdded(address indexed)": roles.got("AuthorityAdded", "authority"),
    "AuthorityRemoved(address indexed)": roles.lost("AuthorityRemoved", "authority"),
    "DelegateAdded(address indexed)": roles.got("DelegateAdded", "delegate"),
    "DelegateRemoved(address indexed)": roles.lost("DelegateRemoved", "delegate"),
    "FactoryAdded(address)": roles.got("FactoryAdded", "factory"),
    "FactoryRemoved(address)": roles.lost("FactoryRemoved", "factory"),
    "TransferRequest(uint256 indexed, address, address, uint256)": requests.src20_requested,
    "TransferApproval(uint256 indexed, address indexed, address indexed, uint256)": (
        requests.src20_approved
    ),
    "TransferRequestCanceled(uint256 indexed, address indexed, address indexed, uint256)": (
        requests.src20_cancelled
    ),
    # OpenZeppelin: owners and roles; EIP-1967, and how T-REX and OnchainID replace code
    "OwnershipTransferred(address indexed, address indexed)": administration.ownership_transferred,
    "OwnershipTransferStarted(address indexed, address indexed)": administration.ownership_offered,
    "RoleGranted(bytes32 indexed, address indexed, address indexed)": roles.role_granted,
    "RoleRevoked(bytes32 indexed, address indexed, address indexed)": roles.role_revoked,
    "RoleAdminChanged(bytes32 indexed, bytes32 indexed, bytes32 indexed)": roles.role_admin_changed,
    "Upgraded(address indexed)": roles.upgraded("Upgraded", "implementation"),
    "BeaconUpgraded(address indexed)": roles.upgraded("BeaconUpgraded", "beacon"),
    "AdminChanged(address, address)": roles.admin_changed,
    "UpdatedImplementation(address)": roles.upgraded("UpdatedImplementation", "implementation"),
    "ImplementationAuthoritySet(address)": (
        roles.upgraded("ImplementationAuthoritySet", "implementation-authority")
    ),
    "ImplementationAuthoritySet(address indexed)": (
        roles.upgraded("ImplementationAuthoritySet", "implementation-authority")
    ),
    "ImplementationAuthorityChanged(address indexed, address indexed)": roles.authority_changed,
    "VersionUpdated((uint8,uint8,uint8) indexed)": roles.version_updated,
    # Pools and oracles
    "Swap(address indexed, address indexed, int256, int256, uint160, uint128, int24)": pools.swap,
    "Swap(address indexed, address indexed, int256, int256, uint160, uint128, int24, uint128,"
    " uint128)": pools.swap,
    "Mint(address, address indexed, int24 indexed, int24 indexed, uint128, uint256, uint256)": (
        pools.mint
    ),
    "Burn(address indexed, int24 indexed, int24 indexed, uint128, uint256, uint256)": pools.burn,
    "Collect(address indexed, address, int24 indexed, int24 indexed, uint128, uint128)": (
        pools.collect
    ),
    "Initialize(uint160, int24)": pools.initialize,
    "Flash(address indexed, address indexed, uint256, uint256, uint256, uint256)": (
        flash_loans.uniswap_v3
    ),
    "Swap(address indexed, uint256, uint256, uint256, uint256, address indexed)": pools_v2.swap,
    "Sync(uint112, uint112)": pools_v2.sync,
    "Mint(address indexed, uint256, uint256)": pools_v2.mint,
    "Burn(address indexed, uint256, uint256, address indexed)": pools_v2.burn,
    "Swap(address indexed, address indexed, uint256, uint256, uint256, uint256)": (
        pools_v2.solidly_swap
    ),
    "Sync(uint256, uint256)": pools_v2.solidly_sync,
    "Burn(address indexed, address indexed, uint256, uint256)": pools_v2.solidly_burn,
    "Swap(bytes32 indexed, address indexed, int128, int128, uint160, uint128, int24, uint24)": (
        pools_v4.swap
    ),
    "ModifyLiquidity(bytes32 indexed, address indexed, int24, int24, int256, bytes32)": (
        pools_v4.modify_liquidity
    ),
    "Initialize(bytes32 indexed, address indexed, address indexed, uint24, int24, address,"
    " uint160, int24)": pools_v4.initialize,
    "Donate(bytes32 indexed, address indexed, uint256, uint256)": pools_v4.donate,
    **_curve,
    "FlashLoan(address indexed, address indexed, address indexed, uint256, uint256, uint16)": (
        flash_loans.aave_v2
    ),
    "FlashLoan(address indexed, address, address indexed, uint256, uint8, uint256,"
    " uint16 indexed)": flash_loans.aave_v3,
    "FlashLoan(address indexed, address indexed, uint256, uint256)": flash_loans.balancer_v2,
    "FlashLoan(address indexed, address indexed, uint256)": flash_loans.morpho,
    "FlashLoan(address indexed, address, uint256, uint256)": flash_loans.erc_3156,
    "AnswerUpdated(int256 indexed, uint256 indexed, uint256)": oracles.answer_updated,
    "NewRound(uint256 indexed, address indexed, uint256)": oracles.new_round,
    "NewTransmission(uint32 indexed, int192, address, int192[], bytes, bytes32)": (
        oracles.transmission_1
    ),
    "NewTransmission("
    "uint32 indexed, int192, address, uint32, int192[], bytes, int192, bytes32, uint40)": (
        oracles.transmission_2
    ),
    "AggregatorConfirmed(address indexed, address indexed)": oracles.aggregator_confirmed,
    "PriceFeedUpdate(bytes32 indexed, uint64, int64, uint64)": oracles.pyth_price,
}


def _builders() -> dict[tuple[str, int], tuple[EventAbi, Builder | None]]:
    table: dict[tuple[str, int], tuple[EventAbi, Builder | None]] = {
        key: (abi, None) for key, abi in KNOWN_EVENTS.items()
    }
    told: set[tuple[str, int]] = set()
    for text, builder in _RECORDED.items():
        abi = event_abi(text)
        key = (abi.topic0, abi.topic_count)
        if key in told:
            raise ValueError(f"{text} is told of twice")
        told.add(key)
        table[key] = (abi, builder)
    return table


#: By topic0 and number of topics: the event's ABI, and what makes its record; None where it has no
#: record of its own.
BUILDERS = _builders()

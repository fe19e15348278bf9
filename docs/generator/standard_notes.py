"""What is exceptional about an event: what it doesn't say, and what is known all the same."""

#: By name, or by name and number of parameters where forms differ: ``Issued`` or ``Issued/4``.
NOTES: dict[str, str] = {
    "Transfer": (
        "A forced transfer and a recovery emit nothing else in T-REX and SRC-20: they are told by"
        " the call, also inside a multisig's calldata. A refused transfer emits nothing at all: see"
        " `token-transfer-refused`. The fee of TransferFeesModule is a `Transfer` of its own, told"
        " as `fee` where the token or a manager was called directly."
    ),
    "RecoverySuccess": (
        "Indexed in T-REX, not in the text of ERC-3643: both forms are read. The `Transfer` of the"
        " same transaction is told as `recovery`."
    ),
    "UpdatedTokenInformation": (
        "T-REX indexes name and symbol, so that their hashes are all there is; the text of ERC-3643"
        " has them in the clear. Both forms are read."
    ),
    "AddressFrozen": "Froze with true, released with false.",
    "TokensUnfrozen": (
        "A forced transfer of more than is free emits it too, before its `Transfer`."
    ),
    "IdentityRegistered": (
        "The country is not in it. It is known where the registry was called directly, from the"
        " call's input."
    ),
    "IdentityUpdated": (
        "The wallet is not in it: it is known where the registry was called directly."
    ),
    "IdentityStored": (
        "Of a storage that several registries may share. The country is known where the storage was"
        " called directly, which a registry never does."
    ),
    "IdentityModified": "Neither the wallet nor the registry is in it.",
    "TransferApproved/4": "Of the conditional transfer module: for one transfer of this amount.",
    "TransferApproved/2": "Of the DVA transfer manager: by one of several approvers.",
    "ApprovalRemoved": (
        "Taken back, or used up: the module emits it as well when the approved transfer is made."
    ),
    "ModuleInteraction": "The function by name where its selector is a known one.",
    "ComplianceInteraction": "The function by name where its selector is a known one.",
    "MaxBalanceSet/1": "Version 3: the contract is itself the compliance contract.",
    "SupplyLimitSet/1": "Version 3: the contract is itself the compliance contract.",
    "AddedRestrictedCountry/1": "Version 3: the contract is itself the compliance contract.",
    "RemovedRestrictedCountry/1": "Version 3: the contract is itself the compliance contract.",
    "ExchangeMonthlyLimitUpdated": "A month of T-REX is 30 days.",
    "MonthlyLimitUpdated": "Version 3. A month of T-REX is 30 days.",
    "ExchangeIDAdded": (
        "Counts for all tokens that the module serves: it names no compliance contract."
    ),
    "ExchangeIDRemoved": (
        "Counts for all tokens that the module serves: it names no compliance contract."
    ),
    "TokenListed": (
        "Whether the token is taken or refused by this was said by `TokenListingConfigured`. The"
        " investor is a wallet or an OnchainID."
    ),
    "TokenUnlisted": "The investor is a wallet or an OnchainID.",
    "FeeUpdated": "The rate is in hundredths of a percent. Fees are taken by a forced transfer.",
    "ClaimAdded": "The investor behind it is looked up by the OnchainID, which is the contract.",
    "ClaimChanged": "The investor behind it is looked up by the OnchainID, which is the contract.",
    "ClaimRemoved": "The investor behind it is looked up by the OnchainID, which is the contract.",
    "ClaimRevoked": (
        "It has the hash of the signature only, which `claim-added` has as well. Claim and identity"
        " are known where `revokeClaim` was called directly."
    ),
    "KeyAdded": (
        "A key is the hash of an address. The address is known where it signed the transaction or"
        " was called by it."
    ),
    "KeyRemoved": "As `KeyAdded`.",
    "Approved": "With false it is `identity-call-rejected`.",
    "TokenLinked": "The token is the event's, the contract the factory.",
    "TREXSuiteDeployed": "The salt is indexed, so that its hash is all there is.",
    "VersionUpdated": (
        "The version is indexed, so that its hash is all there is. All proxies that follow the"
        " authority run other code from then on."
    ),
    "ImplementationAuthoritySet/1": "A proxy follows another authority, or a factory will.",
    "ImplementationAuthoritySet/2": (
        "Of an authority's constructor: the same name for another thing, and no code is replaced."
    ),
    "RoleGranted": (
        "The role is a hash. Those of OpenZeppelin and of token issuers that are known have their"
        " name; zero is `DEFAULT_ADMIN_ROLE`, which grants all others."
    ),
    "RoleRevoked": "As `RoleGranted`; also where the holder renounces.",
    "Upgraded": "Also by the transaction that creates the proxy.",
    "TransferByPartition": (
        "Beside it a token that is ERC-20 too emits `Transfer` for the same amount. The partition"
        " is there as it is, and as text where it is printable."
    ),
    "ChangedPartition": (
        "The holder is not in it: the `TransferByPartition` of the same transaction has both ends."
    ),
    "IssuedByPartition/4": (
        "The reference contracts' form, which doesn't say who issued; the signer is known."
    ),
    "IssuedByPartition/6": "The form of the texts of EIP-1400 and EIP-1410, and of UniversalToken.",
    "RedeemedByPartition/5": (
        "The form of the texts of EIP-1400 and EIP-1410, and of UniversalToken: without what the"
        " holder gave with it."
    ),
    "RedeemedByPartition/6": "The reference contracts' form.",
    "Document": "The text of EIP-1400 and UniversalToken; EIP-1643 has `DocumentUpdated`.",
    "DocumentUpdated": "EIP-1643; the text of EIP-1400 has `Document`.",
    "ControllerTransfer": (
        "The `Transfer` of the same transaction, ends and amount is told as `forced`."
    ),
    "HoldReleased": "By whom: notary, payee, or nobody, as it expired.",
    "TransferRequestCanceled": "With the transfer; T-REX's `TransferCancelled` has the id only.",
    "AccountFrozen": "The record that ERC-3643's freezes have; by whom, a direct call says.",
    "AccountUnfrozen": "The record that ERC-3643's have; by whom, a direct call says.",
    "TokenFrozen": "The record that pauses have; by whom, a direct call says.",
    "TokenUnfrozen": "The record that pauses have; by whom, a direct call says.",
    "SRC20SupplyMinted": "Of the manager; the token emits `Transfer` too.",
    "SRC20SupplyIncreased": "Of the manager; the token emits `Transfer` too.",
    "SRC20SupplyDecreased": "Of the manager; the token emits `Transfer` too.",
    "Initialized": "Of OpenZeppelin's proxies, once each. It matters to no rule.",
}

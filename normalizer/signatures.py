"""The events and functions that are known by name: topic0 and selectors, computed by keccak256."""

from importlib import resources

from normalizer.abi import EventAbi, FunctionAbi


def _known_events() -> dict[tuple[str, int], EventAbi]:
    text = resources.files("normalizer").joinpath("known_events.txt").read_text("utf-8")
    known: dict[tuple[str, int], EventAbi] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            abi = EventAbi.parse(line)
            known.setdefault((abi.topic0, abi.topic_count), abi)
    return known


#: By topic0 and number of topics: the same event is indexed differently by different contracts
#: (ERC-20 and ERC-721 ``Transfer``; ERC-3643's text and T-REX ``RecoverySuccess``).
KNOWN_EVENTS = _known_events()

#: Every topic0 of :data:`KNOWN_EVENTS`.
KNOWN_TOPICS = frozenset(topic for topic, _ in KNOWN_EVENTS)


def event_abi(text: str) -> EventAbi:
    """The known event of this signature, whatever its parameters are called."""
    wanted = EventAbi.parse(text)
    return KNOWN_EVENTS[wanted.topic0, wanted.topic_count]


_FUNCTIONS = """
transfer(address to, uint256 amount)
transferFrom(address from, address to, uint256 amount)
approve(address spender, uint256 amount)
increaseAllowance(address spender, uint256 addedValue)
permit(address owner, address spender, uint256 value, uint256 end, uint8 v, bytes32 r, bytes32 s)
batchTransfer(address[] to, uint256[] amounts)
forcedTransfer(address from, address to, uint256 amount)
batchForcedTransfer(address[] from, address[] to, uint256[] amounts)
mint(address to, uint256 amount)
batchMint(address[] to, uint256[] amounts)
burn(address from, uint256 amount)
batchBurn(address[] from, uint256[] amounts)
recoveryAddress(address lostWallet, address newWallet, address investorOnchainID)
setAddressFrozen(address wallet, bool freeze)
batchSetAddressFrozen(address[] wallets, bool[] freeze)
freezePartialTokens(address wallet, uint256 amount)
unfreezePartialTokens(address wallet, uint256 amount)
batchFreezePartialTokens(address[] wallets, uint256[] amounts)
batchUnfreezePartialTokens(address[] wallets, uint256[] amounts)
pause()
unpause()
registerIdentity(address wallet, address identity, uint16 country)
batchRegisterIdentity(address[] wallets, address[] identities, uint16[] countries)
updateIdentity(address wallet, address identity)
updateCountry(address wallet, uint16 country)
deleteIdentity(address wallet)
addAgent(address agent)
removeAgent(address agent)
transferOwnership(address newOwner)
setIdentityRegistry(address identityRegistry)
setCompliance(address compliance)
callForcedTransfer(address from, address to, uint256 amount, address onchainID)
callBatchForcedTransfer(address[] from, address[] to, uint256[] amounts, address onchainID)
callRecoveryAddress(address lostWallet, address newWallet, address onchainID, address managerID)
controllerTransfer(address from, address to, uint256 value, bytes data, bytes operatorData)
transferTokenForced(address from, address to, uint256 value)
multicall(bytes[] data)
addIdentityToStorage(address wallet, address identity, uint16 country)
modifyStoredIdentity(address wallet, address identity)
modifyStoredInvestorCountry(address wallet, uint16 country)
removeIdentityFromStorage(address wallet)
bindIdentityRegistry(address identityRegistry)
unbindIdentityRegistry(address identityRegistry)
setIdentityRegistryStorage(address identityRegistryStorage)
setClaimTopicsRegistry(address claimTopicsRegistry)
setTrustedIssuersRegistry(address trustedIssuersRegistry)
addClaimTopic(uint256 claimTopic)
removeClaimTopic(uint256 claimTopic)
addTrustedIssuer(address trustedIssuer, uint256[] claimTopics)
removeTrustedIssuer(address trustedIssuer)
updateIssuerClaimTopics(address trustedIssuer, uint256[] claimTopics)
addModule(address module)
removeModule(address module)
callModuleFunction(bytes callData, address module)
bindToken(address token)
unbindToken(address token)
addAllowedCountry(uint16 country)
removeAllowedCountry(uint16 country)
batchAllowCountries(uint16[] countries)
batchDisallowCountries(uint16[] countries)
addCountryRestriction(uint16 country)
removeCountryRestriction(uint16 country)
batchRestrictCountries(uint16[] countries)
batchUnrestrictCountries(uint16[] countries)
setMaxBalance(uint256 maxBalance)
preSetModuleState(address compliance, address id, uint256 balance)
presetCompleted(address compliance)
setSupplyLimit(uint256 limit)
setTimeTransferLimit((uint32,uint256) limit)
removeTimeTransferLimit(uint32 limitTime)
setExchangeLimit(address exchangeID, (uint32,uint256) limit)
setExchangeMonthlyLimit(address exchangeID, uint256 limit)
addExchangeID(address exchangeID)
removeExchangeID(address exchangeID)
approveTransfer(address from, address to, uint256 amount)
unApproveTransfer(address from, address to, uint256 amount)
setFee(uint256 rate, address collector)
allowUser(address user)
disallowUser(address user)
configureToken(uint8 listingType)
addClaim(uint256 topic, uint256 scheme, address issuer, bytes signature, bytes data, string uri)
removeClaim(bytes32 claimId)
revokeClaim(bytes32 claimId, address identity)
revokeClaimBySignature(bytes signature)
addKey(bytes32 key, uint256 purpose, uint256 keyType)
removeKey(bytes32 key, uint256 purpose)
execute(address to, uint256 value, bytes data)
linkWallet(address wallet)
unlinkWallet(address wallet)
transferByPartition(bytes32 partition, address to, uint256 value, bytes data)
operatorTransferByPartition(bytes32, address from, address to, uint256 v, bytes data, bytes more)
transferWithData(address to, uint256 value, bytes data)
transferFromWithData(address from, address to, uint256 value, bytes data)
authorizeOperator(address operator)
revokeOperator(address operator)
authorizeOperatorByPartition(bytes32 partition, address operator)
revokeOperatorByPartition(bytes32 partition, address operator)
issue(address holder, uint256 value, bytes data)
issueByPartition(bytes32 partition, address holder, uint256 value, bytes data)
redeem(uint256 value, bytes data)
redeemFrom(address holder, uint256 value, bytes data)
redeemByPartition(bytes32 partition, uint256 value, bytes data)
operatorRedeemByPartition(bytes32 partition, address holder, uint256 value, bytes operatorData)
controllerRedeem(address holder, uint256 value, bytes data, bytes operatorData)
setDocument(bytes32 name, string uri, bytes32 documentHash)
removeDocument(bytes32 name)
transferToken(address to, uint256 value, uint256 nonce, uint256 end, bytes32 hash, bytes sig)
transferTokenFrom(address from, address to, uint256 v, uint256 n, uint256 end, bytes32, bytes sig)
burnAccount(address account, uint256 value)
executeTransfer(address from, address to, uint256 value)
updateRestrictionsAndRules(address restrictions, address rules)
grantRole(bytes32 role, address account)
revokeRole(bytes32 role, address account)
renounceRole(bytes32 role, address account)
upgradeTo(address implementation)
upgradeToAndCall(address implementation, bytes data)
exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160) params)
exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160) params)
swapExactTokensForTokens(uint256 amount, uint256 limit, address[] path, address to, uint256 end)
swapTokensForExactTokens(uint256 amount, uint256 limit, address[] path, address to, uint256 end)
swapExactETHForTokens(uint256 limit, address[] path, address to, uint256 end)
swapETHForExactTokens(uint256 amount, address[] path, address to, uint256 end)
swapExactTokensForETH(uint256 amount, uint256 limit, address[] path, address to, uint256 end)
swapTokensForExactETH(uint256 amount, uint256 limit, address[] path, address to, uint256 end)
"""

#: By selector, lower case with ``0x``.
KNOWN_FUNCTIONS = {
    abi.selector: abi
    for abi in (FunctionAbi.parse(line) for line in _FUNCTIONS.splitlines() if line)
}


def selectors(*names: str) -> frozenset[str]:
    """Selectors of the known functions of these names."""
    found = {abi.name for abi in KNOWN_FUNCTIONS.values()}
    if missing := set(names) - found:
        raise KeyError(f"no known function is called {', '.join(sorted(missing))}")
    return frozenset(s for s, abi in KNOWN_FUNCTIONS.items() if abi.name in names)

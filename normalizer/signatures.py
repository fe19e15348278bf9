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
exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160) params)
exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160) params)
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

"""Which event of a contract becomes which record."""

from collections.abc import Callable
from typing import Any

from normalizer.abi import EventAbi
from normalizer.decoders import evm_administration as administration
from normalizer.decoders import evm_identity as identity
from normalizer.decoders import evm_oracles as oracles
from normalizer.decoders import evm_pools as pools
from normalizer.decoders import evm_transfers as transfers
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import ChainRecord
from normalizer.signatures import KNOWN_EVENTS, event_abi

#: Makes the record of a log from the values of its event, in the order that Solidity declares.
Builder = Callable[[LogScope, tuple[Any, ...]], ChainRecord]

_RECORDED: dict[str, Builder] = {
    "Transfer(address indexed from, address indexed to, uint256 value)": transfers.transfer,
    "Approval(address indexed owner, address indexed spender, uint256 value)": transfers.approval,
    "AddressFrozen(address indexed a, bool indexed b, address indexed c)": identity.address_frozen,
    "TokensFrozen(address indexed wallet, uint256 amount)": identity.tokens_frozen,
    "TokensUnfrozen(address indexed wallet, uint256 amount)": identity.tokens_unfrozen,
    "RecoverySuccess(address a, address b, address c)": identity.recovery_success,
    "RecoverySuccess(address indexed a, address indexed b, address indexed c)": (
        identity.recovery_success
    ),
    "IdentityRegistered(address indexed a, address indexed b)": identity.identity_registered,
    "IdentityRemoved(address indexed a, address indexed b)": identity.identity_removed,
    "IdentityUpdated(address indexed a, address indexed b)": identity.identity_updated,
    "CountryUpdated(address indexed a, uint16 indexed b)": identity.country_updated,
    "Paused(address account)": administration.paused,
    "Unpaused(address account)": administration.unpaused,
    "AgentAdded(address indexed agent)": administration.agent_added,
    "AgentRemoved(address indexed agent)": administration.agent_removed,
    "OwnershipTransferred(address indexed a, address indexed b)": (
        administration.ownership_transferred
    ),
    "UpdatedTokenInformation(string a, string b, uint8 c, string d, address e)": (
        administration.information_updated
    ),
    "UpdatedTokenInformation("
    "string indexed a, string indexed b, uint8 c, string d, address indexed e)": (
        administration.information_updated
    ),
    "IdentityRegistryAdded(address indexed a)": administration.wired("identity-registry"),
    "ComplianceAdded(address indexed a)": administration.wired("compliance"),
    "ClaimTopicsRegistrySet(address indexed a)": administration.wired("claim-topics-registry"),
    "IdentityStorageSet(address indexed a)": administration.wired("identity-storage"),
    "TrustedIssuersRegistrySet(address indexed a)": administration.wired(
        "trusted-issuers-registry"
    ),
    "Swap(address indexed a,address indexed b,int256 c,int256 d,uint160 e,uint128 f,int24 g)": (
        pools.swap
    ),
    "Mint(address a,address indexed b,int24 indexed c,int24 indexed d,uint128,uint256,uint256)": (
        pools.mint
    ),
    "Burn(address indexed a,int24 indexed b,int24 indexed c,uint128,uint256,uint256)": pools.burn,
    "AnswerUpdated(int256 indexed a, uint256 indexed b, uint256 c)": oracles.answer_updated,
}


def _builders() -> dict[tuple[str, int], tuple[EventAbi, Builder | None]]:
    table: dict[tuple[str, int], tuple[EventAbi, Builder | None]] = {
        key: (abi, None) for key, abi in KNOWN_EVENTS.items()
    }
    for text, builder in _RECORDED.items():
        abi = event_abi(text)
        table[abi.topic0, abi.topic_count] = (abi, builder)
    return table


#: By topic0 and number of topics: the event's ABI, and what makes its record; None where it has no
#: record of its own.
BUILDERS = _builders()

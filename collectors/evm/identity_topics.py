"""Topics of what OnchainIDs say: each investor has a contract of their own, too many to be named.

Sources: ERC-734 (keys and calls), ERC-735 (claims), OnchainID 2.2.1 (revoked claims).
"""

from eth_hash.auto import keccak

_EVENTS = (
    "ClaimAdded(bytes32,uint256,uint256,address,bytes,bytes,string)",
    "ClaimChanged(bytes32,uint256,uint256,address,bytes,bytes,string)",
    "ClaimRemoved(bytes32,uint256,uint256,address,bytes,bytes,string)",
    "ClaimRevoked(bytes)",
    "KeyAdded(bytes32,uint256,uint256)",
    "KeyRemoved(bytes32,uint256,uint256)",
    "ExecutionRequested(uint256,address,uint256,bytes)",
    "Executed(uint256,address,uint256,bytes)",
    "ExecutionFailed(uint256,address,uint256,bytes)",
    "Approved(uint256,bool)",
)

#: topic0 of each.
IDENTITY_TOPICS = tuple("0x" + keccak(event.encode()).hex() for event in _EVENTS)

"""Account abstraction as contracts log it: decoded by the normalizer, then linked."""

import msgspec

from detections.clusters.links import pair_of
from normalizer.events.chain import ContractEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.detections.clusters.chain_tape import Watching
from tests.normalizer import blocks as b

ENTRY_POINT = "0x0000000071727de22e5e9d8baf0edac6f37da032"
ACCOUNT, OTHER = "0x" + "a1" * 20, "0x" + "a2" * 20
OWNER, PAYMASTER = "0x" + "0e" * 20, "0x" + "fe" * 20
INITIALIZED = "SimpleAccountInitialized(address indexed entryPoint, address indexed owner)"
OPERATION = (
    "UserOperationEvent(bytes32 indexed userOpHash, address indexed sender,"
    " address indexed paymaster, uint256 nonce, bool success, uint256 actualGasCost,"
    " uint256 actualGasUsed)"
)


def operation(account: str, index: int) -> dict[str, object]:
    values = (index.to_bytes(32, "big"), account, PAYMASTER, 0, True, 10**15, 10**5)
    return b.log(OPERATION, *values, address=ENTRY_POINT, index=index)


def test_accounts_of_one_owner_are_one_and_a_paymaster_is_a_hint() -> None:
    frame = b.frame(
        b.log(INITIALIZED, ENTRY_POINT, OWNER, address=ACCOUNT, index=0),
        b.log(INITIALIZED, ENTRY_POINT, OWNER, address=OTHER, index=1),
        operation(ACCOUNT, 2),
        operation(OTHER, 3),
    )
    batch = FrameBatch("chain", "evm", [frame])
    result = Normalizer(Reference()).normalize(1, batch)
    logs = [event for event in result.events if isinstance(event, ContractEvent)]
    assert [event.log_name for event in logs] == [
        *["SimpleAccountInitialized"] * 2,
        *["UserOperationEvent"] * 2,
    ]
    watching = Watching().take(*result.events)
    assert watching.one(ACCOUNT, OTHER, OWNER)
    assert watching.none(PAYMASTER, ENTRY_POINT)
    links = watching.clustering.state.links.book.of(pair_of(ACCOUNT, OTHER))
    assert {reason: link.via for reason, link in links.items()} == {"paymaster": PAYMASTER}
    assert msgspec.json.decode(logs[2].log_arguments or "")["sender"] == ACCOUNT

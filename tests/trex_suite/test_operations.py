"""Every operation of the T-REX suite on a real node, collected and decoded: nothing is missed.

The packages' ABI files say which functions there are, and the node's traces which of them ran.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import NamedTuple

import msgspec
import pytest

from collectors.evm import Watched, WatchedToken
from demo.chain.anvil import Anvil
from docs.generator.standards import records
from docs.generator.suite_events import kept
from normalizer.abi import EventAbi
from normalizer.decoders.collected import Normalized
from normalizer.events.chain import ContractEvent
from normalizer.events.chain_event import ChainEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from tests.collectors.checked_transfers import frames_of
from tests.collectors.evm_session import payload
from tests.trex_suite import operations, operations_around
from tests.trex_suite.deployed import deploy
from tests.trex_suite.traced_chain import TracedChain, functions

pytestmark = pytest.mark.chain

#: Contracts none of whose functions can be performed.
WITHOUT_OWNER = {
    "AgentRoleUpgradeable": "a base: on its own it has no initializer, and nobody ever owns it",
    "AgentRolesUpgradeable": "a base that no contract of the package inherits; as above",
    "OwnerRolesUpgradeable": "a base that no contract of the package inherits; as above",
}
"""Where their functions are inherited they are performed, as those of the heirs."""

#: Declared by OpenZeppelin's ERC1967Upgrade, which its proxies inherit. None of the suite has an
#: administrator or a beacon, so no function of it emits them.
NEVER_EMITTED = {
    "AdminChanged(address previousAdmin, address newAdmin)",
    "BeaconUpgraded(address indexed beacon)",
}


class Session(NamedTuple):
    """What was done, and what of it was seen."""

    chain: TracedChain
    frames: list[Frame]
    result: Normalized


@pytest.fixture(scope="module")
def session(anvil_is_installed: None) -> Session:
    with Anvil() as node:
        by = deploy(node)
        operations.perform(by)
        operations_around.perform(by)
        by.chain.read()
        registry, compliance = by.token.identity_registry, by.token.compliance
        token = WatchedToken(
            identity_registry=str(registry.address),
            compliance=str(compliance.address),
            standard="ERC-3643",
        )
        watched = Watched.of({by.token.address: token}, others=by.chain.created)
        frames = asyncio.run(frames_of(node, node.ws_url, watched, 0, seconds=60))
        contract = {
            "chain": 31337,
            "address": by.token.address,
            "identity_registry": str(registry.address),
            "compliance": str(compliance.address),
        }
        known = {"id": "tst", "standard": "ERC-3643", "decimals": 6, "contracts": [contract]}
        reference = msgspec.convert({"tokens": [known]}, Reference)
    result = Normalizer(reference).normalize(1, FrameBatch("chain", "evm", frames))
    return Session(by.chain, frames, result)


def test_every_function_of_every_contract_was_performed(session: Session) -> None:
    every = functions(session.chain.suite)
    possible = {one for one in every if one.contract not in WITHOUT_OWNER}
    assert sorted(possible - session.chain.performed) == []
    # What can be performed has no place among the exceptions.
    assert {one.contract for one in session.chain.performed}.isdisjoint(WITHOUT_OWNER)
    assert set(WITHOUT_OWNER) <= {one.contract for one in every}
    assert len(possible) > 500


def test_every_log_is_collected_and_becomes_one_event(session: Session) -> None:
    collected = {
        (log["transactionHash"], int(log["logIndex"], 16))
        for frame in session.frames
        if frame.kind == "message"
        for log in payload(frame)["logs"]
    }
    assert collected == session.chain.logs
    assert session.result.dead == []
    assert session.result.undecoded == 0
    told = Counter(
        (event.transaction_hash, event.log_index)
        for event in session.result.events
        if isinstance(event, ChainEvent) and event.log_index is not None
    )
    assert set(told) == session.chain.logs
    assert set(told.values()) == {1}


def test_what_has_a_record_of_its_own_becomes_that(session: Session) -> None:
    """Only what deploys suites has none, as the list of the documentation says."""
    plain = {EventAbi.parse(one.signature).name for one in kept() if _plain(one.signature)}
    seen = {event.log_name for event in session.result.events if isinstance(event, ContractEvent)}
    assert seen <= plain
    assert len(seen) > 10


def test_every_event_of_the_suite_was_emitted(session: Session) -> None:
    silent = {
        one.signature
        for one in kept()
        if EventAbi.parse(one.signature).topic0 not in session.chain.topics
    }
    assert silent == NEVER_EMITTED


def _plain(signature: str) -> bool:
    return records(EventAbi.parse(signature)) == ("contract-event",)

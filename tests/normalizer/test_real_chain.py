"""Every block of the demo's market on a real node, with the real contracts: all of it decodes."""

from collections import Counter

import msgspec
import pytest

from normalizer.events import chain
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.fixtures.chain import PlayedScenario
from tests.normalizer.node_blocks import block_frame

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def decoded(played: PlayedScenario) -> Normalized:
    rpc = played.node.rpc
    token = played.deployment.token
    reference = msgspec.convert(
        {
            "tokens": [
                {
                    "id": "demo",
                    "decimals": token.terms.decimals,
                    "contracts": [
                        {
                            "chain": 31337,
                            "address": token.address,
                            "identity_registry": str(token.identity_registry.address),
                        }
                    ],
                }
            ]
        },
        Reference,
    )
    refusals = {step.transaction_hash: step.refusal for step in played.played if step.refusal}
    last = int(rpc("eth_blockNumber"), 16)
    frames = [block_frame(rpc, number, refusals) for number in range(last + 1)]
    # The node starts at the present, but its first block has no time of its own.
    return Normalizer(reference).normalize(1, FrameBatch("chain", "evm", frames[1:]))


def test_nothing_of_the_real_market_is_dead_or_unknown(decoded: Normalized) -> None:
    assert decoded.dead == []
    unknown = [
        event.topics
        for event in decoded.events
        if isinstance(event, chain.ContractEvent) and not event.decoded
    ]
    assert unknown == []


def test_the_suite_and_the_pool_speak_in_their_own_records(decoded: Normalized) -> None:
    kinds = Counter(type(event) for event in decoded.events)
    for kind in (
        chain.Block,
        chain.TokenTransfer,
        chain.IdentityRegistered,
        chain.AgentAdded,
        chain.ContractWired,
        chain.OwnershipTransferred,
        chain.TokenInformationUpdated,
        chain.TokenUnpaused,
        chain.PoolSwap,
        chain.LiquidityAdded,
    ):
        assert kinds[kind], kind


def test_registrations_tell_the_country_of_the_call(decoded: Normalized) -> None:
    countries = {
        event.country for event in decoded.events if isinstance(event, chain.IdentityRegistered)
    }
    assert 840 in countries


def test_refused_and_forced_transfers_are_those_that_were_played(
    decoded: Normalized, played: PlayedScenario
) -> None:
    refused = {
        event.transaction_hash
        for event in decoded.events
        if isinstance(event, chain.TokenTransferRefused)
    }
    assert refused == {step.transaction_hash for step in played.played if step.refusal}
    forced = [
        event
        for event in decoded.events
        if isinstance(event, chain.TokenTransfer) and event.transfer_type == "forced"
    ]
    assert all(event.token_id == "demo" for event in forced)
    assert {event.transaction_method for event in forced} <= {"forcedTransfer"}

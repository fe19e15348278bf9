"""What OnchainIDs say, collected by its topics: nobody names the contracts of all investors."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collectors.evm import Watched
from collectors.evm.identity_topics import IDENTITY_TOPICS
from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from normalizer.events.chain import IdentityKeyAdded
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from normalizer.signatures import KNOWN_TOPICS
from pipeline.frames import FrameBatch
from tests.collectors.evm_session import collecting, numbers, payload, source
from tests.collectors.list_outlet import ListOutlet
from tests.fixtures.waiting import until

Start = Callable[..., Anvil]
KEY = b"\x07" * 32


def test_the_topics_are_those_that_the_normalizer_knows() -> None:
    assert len(set(IDENTITY_TOPICS)) == 10
    assert set(IDENTITY_TOPICS) <= KNOWN_TOPICS


@pytest.mark.chain
@pytest.mark.parametrize(
    ("identities", "watched", "seen"),
    [(True, False, 1), (False, False, 0), (True, True, 1), (False, True, 1)],
)
async def test_a_key_of_an_identity_is_seen_once_if_it_is_asked_for(
    start_anvil: Start, identities: bool, watched: bool, seen: int
) -> None:
    node = start_anvil()
    ledger = Ledger(node)
    owner = ledger.accounts[0]
    code = ledger.artifacts.onchain_id("contracts/Identity")
    identity = ledger.deploy(code, owner, False, sender=owner)
    first = int(node.rpc("eth_blockNumber"), 16) + 1
    (receipt,) = ledger.settle([ledger.send(identity, "addKey", KEY, 3, 1, sender=owner)])
    outlet = ListOutlet()
    config = source(node.ws_url, start_block=first, identities=identities)
    others = [str(identity.address)] if watched else ["0x" + "ee" * 20]
    async with collecting(config, Watched.of(others=others), outlet):
        await until(lambda: receipt.height in numbers(outlet.frames))
    # A busy node may have sealed an empty block before it took the transaction.
    (frame,) = [frame for frame in outlet.frames if numbers([frame]) == [receipt.height]]
    logs: list[Any] = payload(frame)["logs"]
    assert len(logs) == seen
    assert len(payload(frame)["transactions"]) == seen
    investor = {"id": "INV-0001", "addresses": [str(identity.address)]}
    reference = msgspec.convert({"investors": [investor]}, Reference)
    batch = FrameBatch("chain", "evm", [frame])
    events = Normalizer(reference).normalize(1, batch).events[1:]
    assert [type(event) for event in events] == [IdentityKeyAdded] * seen
    for event in events:
        assert isinstance(event, IdentityKeyAdded)
        assert (event.investor_id, event.key) == ("INV-0001", "0x" + KEY.hex())

"""Every restriction of a T-REX token broken once on purpose: the right alerts, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.chain.anvil import Anvil
from tests.trex_suite import evasions, refusals
from tests.trex_suite.breaches import BREACHES
from tests.trex_suite.deployed import deploy
from tests.trex_suite.guarded import Guarded
from tests.trex_suite.permitted import day

pytestmark = pytest.mark.chain
#: Each enters its breaches in the table.
_TABLES = (refusals, evasions)


@pytest.fixture(scope="module")
def suite(anvil_is_installed: None) -> Iterator[Guarded]:
    with Anvil() as node:
        yield Guarded(deploy(node))


@pytest.fixture
def at(suite: Guarded) -> Iterator[Guarded]:
    """The token as it was before the test, again after it."""
    suite.objected.clear()
    rpc = suite.by.ledger.node.rpc
    snapshot = rpc("evm_snapshot")
    yield suite
    rpc("evm_revert", snapshot)


@pytest.mark.parametrize("name", BREACHES)
async def test_a_breach_gives_the_right_alerts_and_no_other(at: Guarded, name: str) -> None:
    breach = BREACHES[name]
    played = breach.play(at)
    next(played)
    first = at.next_block
    assert next(played, "over") == "over"
    assert await at.alerts(first) == sorted(breach.alerts)
    assert at.objected == ({breach.module} if breach.module else set())


def test_each_module_that_can_refuse_did(suite: Guarded) -> None:
    """TransferFeesModule refuses nothing: its fees come with every transfer of these tests."""
    broken = {breach.module for breach in BREACHES.values() if breach.module is not None}
    assert broken == set(suite.modules) - {"TransferFeesModule"}


async def test_a_day_on_which_all_keep_to_the_rules_gives_none_above_low(at: Guarded) -> None:
    first = at.next_block
    day(at)
    assert await at.alerts(first) == []

"""What `tapewatch doctor` says of Solana nodes."""

import time

from collectors.check import check_source
from tests.collectors.solana_session import source
from tests.servers.solana_ledger import SolanaLedger
from tests.servers.solana_node import SolanaNode


async def test_a_node_that_is_up_to_date_is_good() -> None:
    ledger = SolanaLedger(time=int(time.time()))
    with SolanaNode(ledger) as node:
        (finding,) = await check_source(source(node, chain=ledger.chain))
    assert finding.level == "ok"
    assert ledger.chain in finding.message
    assert "slot 1,000" in finding.message


async def test_a_node_that_is_behind_is_a_warning() -> None:
    with SolanaNode(SolanaLedger(time=int(time.time()) - 600)) as node:
        (finding,) = await check_source(source(node))
    assert finding.level == "warning"


async def test_a_node_of_another_cluster_is_an_error() -> None:
    with SolanaNode(SolanaLedger()) as node:
        wanted = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
        (finding,) = await check_source(source(node, chain=wanted))
    assert finding.level == "error"
    assert wanted in finding.message


async def test_each_endpoint_has_its_own_finding() -> None:
    ledger = SolanaLedger(time=int(time.time()))
    with SolanaNode(ledger) as good, SolanaNode(ledger) as gone:
        config = source(gone, good)
        gone.go_down()
        findings = await check_source(config)
        gone.come_back()
    assert [one.level for one in findings] == ["error", "ok"]

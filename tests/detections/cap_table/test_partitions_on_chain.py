"""Partitions of a real ERC-1400 token, held against `balanceOfByPartition`."""

import random
from collections import Counter

import pytest

from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.solidity import compiled
from detections.cap_table.table import CapTable, change_of
from pipeline.cli.cap_table_output import notes
from tests.normalizer.node_blocks import Calls, reference_of

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]

PARTITIONS = [name.ljust(32, b"\0") for name in (b"class A", b"class B", b"locked")]
CHANGE = b"\xff" * 32
OPERATIONS = 40


@pytest.mark.parametrize("reference_forms", [False, True])
def test_each_wallet_has_of_each_partition_what_the_contract_says(
    anvil: Anvil, reference_forms: bool
) -> None:
    chance = random.Random(7)
    ledger = Ledger(anvil)
    owner, controller, *holders = ledger.accounts[:6]
    token = ledger.deploy(
        *compiled("ERC1400Token"),
        *("Fund Unit", "FUND", controller, PARTITIONS, reference_forms),
        sender=owner,
    )
    calls = Calls(ledger, reference_of(token, decimals=18, symbol="FUND", investor=holders[0]))
    table = CapTable(31337, str(token.address).lower())
    done = Counter[str]()

    def do(function: str, *arguments: object, sender: str = owner) -> None:
        done[function] += 1
        for event in calls.events(token, function, *arguments, sender=sender):
            if (change := change_of(event)) is not None:
                table.take(change)

    held: Counter[tuple[bytes, str]] = Counter()
    for _ in range(OPERATIONS):
        partition, who, other = (
            chance.choice(PARTITIONS),
            chance.choice(holders),
            chance.choice(holders),
        )
        some = chance.randint(1, max(1, held[partition, who]))
        if not held[partition, who] or chance.random() < 0.2:
            amount = chance.randint(1, 10**24)
            do("issueByPartition", partition, who, amount, b"")
            held[partition, who] += amount
        elif chance.random() < 0.2:
            do("redeemByPartition", partition, some, b"", sender=who)
            held[partition, who] -= some
        else:
            into = chance.choice([partition, *PARTITIONS])
            data = b"" if into == partition else CHANGE + into
            do("transferByPartition", partition, other, some, data, sender=who)
            held[partition, who] -= some
            held[into, other] += some
    table.finish()

    assert min(done.values()) > 2
    for who in holders:
        wallet = who.lower()
        assert table.holders[wallet].balance == ledger.ask(token, "balanceOf", who)
        for partition in PARTITIONS:
            found = table.partitions.balances.get(wallet, {}).get("0x" + partition.hex(), 0)
            assert found == ledger.ask(token, "balanceOfByPartition", partition, who)
    assert table.supply == ledger.ask(token, "totalSupply")
    assert notes(table) == []

    do("issue", holders[0], 5, b"")
    table.finish()
    assert table.supply == ledger.ask(token, "totalSupply")
    assert notes(table) == ["1 wallets hold tokens whose partition no event named"]

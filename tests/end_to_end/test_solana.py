"""Solana from a node to the file of alerts: rules written for EVM chains hold there as well."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from solders.keypair import Keypair

from tests.end_to_end.pipeline_run import ROOT, Installation, Running
from tests.normalizer.solana_frames import ALICE, BOB, CAROL, DELEGATE, ISSUER, Issue, address, key
from tests.servers.solana_hook import program_that_returns
from tests.servers.solana_ledger import SolanaLedger
from tests.servers.solana_node import SolanaNode
from tests.servers.solana_tokens import read

WHOLE = 10**6
CONSENTS, REFUSES = key(500).pubkey(), key(501).pubkey()
RULES = ("transfer_restrictions", "sanctions", "large_transfers", "administration", "data_quality")


class World:
    """A token on a cluster, its node, and the product that watches it."""

    def __init__(
        self, folder: Path, ledger: SolanaLedger, issue: Issue, *nodes: SolanaNode
    ) -> None:
        self.ledger = ledger
        self.issue = issue
        reference: dict[str, Any] = {
            "tokens": [
                {
                    "id": "ACME",
                    "symbol": "ACM",
                    "standard": "SPL Token-2022",
                    "decimals": 6,
                    "mints": [{"chain": ledger.chain, "address": issue.address}],
                }
            ],
            "investors": [
                {"id": "INV-1", "jurisdiction": "DE", "addresses": [address(ALICE)]},
                {"id": "INV-2", "jurisdiction": "FR", "addresses": [address(BOB)]},
            ],
            "sanctions": [{"address": address(CAROL), "list": "OFAC-SDN"}],
        }
        (folder / "reference.yaml").write_text(yaml.safe_dump(reference))
        self.installation = Installation(
            folder,
            reference=["reference.yaml"],
            sources=[
                {
                    "name": "solana",
                    "type": "solana",
                    "network": "solana-test",
                    "chain": ledger.chain,
                    "endpoints": [{"rpc": node.rpc, "websocket": node.websocket} for node in nodes],
                    "start_slot": 0,
                    "finality_every": "200ms",
                    "reconnection": {"initial": "50ms", "maximum": "500ms"},
                }
            ],
            detections={"rules": [str(ROOT / "sigma_rules" / name) for name in RULES]},
        )

    def events(self, action: str) -> list[dict[str, Any]]:
        found = self.installation.documents("events")
        return [one for one in found if one["event"]["action"] == action]

    def alerted(self) -> set[tuple[str, str]]:
        """Rule and transaction of every alert of one transaction."""
        return {
            (alert["rule"]["name"], hashes[0])
            for alert in self.installation.alerts()
            if alert["event"]["action"] == "alert"
            and len(hashes := alert["surveillance"]["evidence"].get("transaction_hashes", [])) == 1
        }

    def retracted(self) -> set[str]:
        """Transactions whose alerts were taken back."""
        found = self.installation.alerts()
        gone = {
            one["surveillance"]["alert"]["id"]
            for one in found
            if one["event"]["action"] == "alert-update"
        }
        return {
            one["surveillance"]["evidence"]["transaction_hashes"][0]
            for one in found
            if one["event"]["action"] == "alert" and one["event"]["id"] in gone
        }

    def newest(self) -> str:
        """The signature of the newest transaction."""
        blocks = [block for block in self.ledger.blocks.values() if block.transactions]
        newest = max(blocks, key=lambda block: block.slot).transactions[-1]
        return newest["transaction"]["signatures"][0]

    def run(self, *instructions: Any, signers: list[Keypair], refused: bool = False) -> str:
        """A transaction in a block of its own; its signature."""
        act = self.issue.refuse if refused else self.issue.run
        act(*instructions, signers=signers)
        self.ledger.produce()
        return self.newest()

    def pay(self, source: Keypair, destination: Keypair, amount: int, **options: Any) -> str:
        authority = options.pop("authority", source)
        hook = options.pop("hook", CONSENTS)
        move = self.issue.token.transfer(
            *(source.pubkey(), destination.pubkey(), amount, read(hook)),
            authority=authority.pubkey(),
        )
        return self.run(move, signers=[authority], **options)


@pytest.fixture
def ledger() -> SolanaLedger:
    ledger = SolanaLedger(time=int(time.time()) - 3_600)
    ledger.add_program(CONSENTS, program_that_returns(0))
    ledger.add_program(REFUSES, program_that_returns(6001))
    return ledger


@pytest.fixture
def issue(ledger: SolanaLedger) -> Issue:
    issue = Issue(ledger, "transfer-hook", "permanent-delegate", "default-account-state")
    issue.create(hook=CONSENTS)
    issue.open(ALICE, BOB, CAROL)
    issue.thaw(ALICE, BOB, CAROL)
    issue.give(ALICE, 1_000_000 * WHOLE)
    ledger.produce()
    return issue


def until(run: Running, condition: Any) -> None:
    run.until(condition)


def test_rules_written_for_evm_chains_alert_on_solana(
    tmp_path: Path, ledger: SolanaLedger, issue: Issue
) -> None:
    with SolanaNode(ledger, block_subscribe=True) as node:
        world = World(tmp_path, ledger, issue, node)
        with world.installation.running() as run:
            until(run, lambda: world.events("token-account-opened"))
            quiet = world.pay(ALICE, BOB, 5 * WHOLE)
            expected = {
                ("Large transfer between investors", world.pay(ALICE, BOB, 200_000 * WHOLE)),
                ("Transfer with a sanctioned address", world.pay(ALICE, CAROL, 7 * WHOLE)),
                (
                    "Forced transfer by an agent",
                    world.pay(ALICE, BOB, 9 * WHOLE, authority=DELEGATE),
                ),
            }
            freeze = issue.token.freeze(BOB.pubkey(), ISSUER.pubkey())
            expected.add(("Wallet frozen", world.run(freeze, signers=[ISSUER])))
            refused = world.pay(BOB, ALICE, 1 * WHOLE, refused=True)
            expected.add(("Transfer refused by the token", refused))
            world.run(issue.token.thaw(BOB.pubkey(), ISSUER.pubkey()), signers=[ISSUER])
            wire = issue.token.set_transfer_hook(ISSUER.pubkey(), REFUSES)
            world.run(wire, signers=[ISSUER])
            stopped = world.pay(ALICE, BOB, 1 * WHOLE, hook=REFUSES, refused=True)
            expected.add(("Transfer refused by the token", stopped))
            until(run, lambda: expected <= world.alerted())
            until(run, lambda: len(world.events("token-transfer-refused")) == 2)
    assert quiet not in {signature for _, signature in world.alerted()}
    frozen, hooked = world.events("token-transfer-refused")
    assert frozen["event"]["reason"] == "Account is frozen (custom program error: 0x11)"
    assert hooked["token"]["transfer"]["hook"] == str(REFUSES)
    (alert,) = (
        alert
        for alert in world.installation.alerts()
        if alert["rule"]["name"] == "Forced transfer by an agent"
    )
    assert address(ALICE) in alert["event"]["reason"]
    assert "INV-1" in alert["event"]["reason"]


def test_a_collector_that_is_killed_goes_on_and_a_fork_retracts(
    tmp_path: Path, ledger: SolanaLedger, issue: Issue
) -> None:
    with SolanaNode(ledger) as node:
        world = World(tmp_path, ledger, issue, node)
        with world.installation.running() as run:
            until(run, lambda: world.events("token-account-opened"))
            first = world.pay(ALICE, BOB, 9 * WHOLE, authority=DELEGATE)
            until(run, lambda: ("Forced transfer by an agent", first) in world.alerted())
            run.kill_stage("collectors")
            second = world.pay(ALICE, BOB, 8 * WHOLE, authority=DELEGATE)
            for _ in range(3):
                ledger.produce()
            until(run, lambda: ("Forced transfer by an agent", second) in world.alerted())
            # The four newest blocks are left, and the second transfer doesn't come again.
            ledger.fork(4, keep=False)
            until(run, lambda: world.events("chain-reorganised"))
            until(run, lambda: second in world.retracted())
            third = world.pay(ALICE, BOB, 7 * WHOLE, authority=DELEGATE)
            until(run, lambda: ("Forced transfer by an agent", third) in world.alerted())
            ledger.finalize()
            until(run, lambda: world.events("chain-finality"))
    ids = [event["event"]["id"] for event in world.events("token-transfer")]
    assert len(ids) == len(set(ids))
    assert world.retracted() == {second}
    (told,) = world.events("chain-reorganised")
    assert told["blockchain"]["reorganisation"]["depth"] == 4

"""Restrictions of real tokens on a real node, kept and got round: the right alert, and no other."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.solidity import compiled
from demo.chain.trex import SecurityToken
from detections.engine.engine import Engine
from detections.rules import load_rules
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.collectors.checked_transfers import deploy_yes, frames_of, height, known, trex
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]
RULES = load_rules([Path(__file__).parents[2] / "sigma_rules" / "transfer_restrictions"])

NOT_VERIFIED = "Tokens went to a wallet that the identity registry had not verified"
NOT_COMPLIANT = "Transfer against what the compliance contract says"
FORCED = "Forced transfer by an agent"


def knowing(found: tuple[Any, Reference], accounts: list[str]) -> tuple[Any, Reference]:
    """The same, with these accounts as investors' wallets."""
    watched, reference = found
    investors = [
        {"id": f"INV-{place:04}", "addresses": [one]} for place, one in enumerate(accounts)
    ]
    with_them = {**msgspec.to_builtins(reference), "investors": investors}
    return watched, msgspec.convert(with_them, Reference)


async def alerts(node: Anvil, found: tuple[Any, Reference], first: int) -> list[str]:
    """Names of the rules that gave an alert, about all that the blocks since ``first`` hold."""
    frames = await frames_of(node, node.ws_url, found[0], first)

    def judged() -> list[str]:
        result = Normalizer(found[1]).normalize(1, FrameBatch("chain", "evm", frames))
        assert result.dead == []
        engine = Engine(RULES)
        given = engine.process(result.events)
        assert engine.take_problems() == []
        return [alert.rule_name for alert in given]

    return await asyncio.to_thread(judged)


@pytest.fixture
def suite(security_token: SecurityToken) -> tuple[Any, Reference]:
    accounts = security_token.ledger.accounts
    wallets = [accounts[place] for place in (*HOLDERS, NON_RESIDENT)]
    return knowing(trex(security_token), wallets)


async def test_what_the_suite_permits_gives_no_alert(
    anvil: Anvil, security_token: SecurityToken, suite: tuple[Any, Reference]
) -> None:
    token, accounts = security_token, security_token.ledger.accounts
    one, two, three, four, five, *_ = (accounts[place] for place in HOLDERS)
    first = height(anvil) + 1
    full = [
        token.transfer(seller, one, token.units(100_000)) for seller in (two, three, four, five)
    ]
    token.ledger.settle(full)  # the largest holding that is allowed, and not more
    token.ledger.settle([token.transfer(one, two, token.units(9)), token.mint([(three, 5)])])
    burned = token.ledger.send(token.token, "burn", one, 5, sender=token.roles.agent)
    token.ledger.settle([burned])
    assert await alerts(anvil, suite, first) == []


async def test_registered_and_paid_in_one_block_gives_no_alert_of_a_check(
    anvil: Anvil, security_token: SecurityToken, suite: tuple[Any, Reference]
) -> None:
    token, accounts = security_token, security_token.ledger.accounts
    newcomer = accounts[UNREGISTERED]
    identity = token.identities[accounts[HOLDERS[1]]]
    first = height(anvil) + 1
    anvil.rpc("evm_setAutomine", False)
    sent = [
        token.ledger.send(
            token.identity_registry,
            "registerIdentity",
            newcomer,
            identity,
            276,
            sender=token.roles.agent,
        ),
        token.transfer(accounts[HOLDERS[0]], newcomer, token.units(5)),
    ]
    anvil.mine()
    anvil.rpc("evm_setAutomine", True)
    assert len({receipt.height for receipt in token.ledger.settle(sent)}) == 1
    # The reference data doesn't know the newcomer yet: that is another matter.
    assert await alerts(anvil, suite, first) == ["Tokens went to a wallet that nobody knows"]


async def test_a_registry_that_was_swapped_is_seen_by_whom_it_lets_in(
    anvil: Anvil, security_token: SecurityToken, suite: tuple[Any, Reference]
) -> None:
    token, accounts = security_token, security_token.ledger.accounts
    yes, issuer = deploy_yes(token.ledger), accounts[0]
    send = token.ledger.send
    token.ledger.settle(
        [
            send(token.token, "setCompliance", yes, sender=issuer),
            # Let go by the token, its modules would know no token to judge by.
            send(token.compliance, "bindToken", token.address, sender=issuer),
        ]
    )
    first = height(anvil) + 1
    holder = accounts[HOLDERS[0]]
    for receiver in (HOLDERS[1], NON_RESIDENT):
        token.ledger.settle([token.transfer(holder, accounts[receiver], token.units(1))])
    token.ledger.settle([send(token.token, "setIdentityRegistry", yes, sender=issuer)])
    token.ledger.settle([token.transfer(holder, accounts[UNREGISTERED], token.units(1))])
    assert await alerts(anvil, suite, first) == [NOT_COMPLIANT, NOT_VERIFIED]


async def test_force_against_freeze_and_compliance_is_an_alert_of_force_alone(
    anvil: Anvil, security_token: SecurityToken, suite: tuple[Any, Reference]
) -> None:
    token, accounts = security_token, security_token.ledger.accounts
    holder = accounts[HOLDERS[0]]
    token.ledger.settle([token.freeze_address(holder)])
    first = height(anvil) + 1
    token.ledger.settle([token.forced_transfer(holder, accounts[NON_RESIDENT], token.units(1))])
    assert await alerts(anvil, suite, first) == [FORCED]


@pytest.fixture
def ledger(anvil: Anvil) -> Ledger:
    return Ledger(anvil)


async def test_rules_of_erc_1404_that_were_switched_off(ledger: Ledger) -> None:
    owner, one, two, *_ = ledger.accounts
    _, artifact = compiled("PartitionedToken", "RestrictedToken")
    token = ledger.deploy(artifact, 1_000, sender=owner)
    send = ledger.send
    ledger.settle(
        [
            send(token, "list", one, True, sender=owner),
            send(token, "mint", one, 100, sender=owner),
            send(token, "enforce", False, sender=owner),
        ]
    )
    first = height(ledger.node) + 1
    ledger.settle([send(token, "transfer", two, 5, sender=one)])
    ledger.settle([send(token, "transfer", one, 5, sender=two)])
    found = knowing(known(str(token.address), "ERC-1404"), [one, two])
    names = await alerts(ledger.node, found, first)
    assert names == ["Transfer against the token's own restriction code"]


@pytest.mark.parametrize("as_interface", [False, True])
async def test_rules_of_erc_1594_that_were_switched_off(ledger: Ledger, as_interface: bool) -> None:
    owner, one, two, *_ = ledger.accounts
    artifact, _ = compiled("PartitionedToken", "RestrictedToken")
    token = ledger.deploy(artifact, as_interface, False, sender=owner)
    unrestricted = b"unrestricted".ljust(32, b"\0")
    send = ledger.send
    ledger.settle(
        [
            send(token, "admit", one, True, sender=owner),
            send(token, "issueByPartition", unrestricted, one, 100, sender=owner),
            send(token, "enforce", False, sender=owner),
        ]
    )
    first = height(ledger.node) + 1
    sent: list[Callable[[], str]] = [
        lambda: send(token, "transfer", two, 5, sender=one),
        lambda: send(token, "transferWithData", two, 5, b"admit", sender=one),
        lambda: send(token, "transfer", one, 10, sender=two),
    ]
    for one_of_them in sent:
        ledger.settle([one_of_them()])
    found = knowing(known(str(token.address), "ERC-1400"), [one, two])
    names = await alerts(ledger.node, found, first)
    assert names == ["Transfer against the token's own status code"]

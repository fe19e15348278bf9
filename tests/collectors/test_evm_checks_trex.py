"""Whether transfers were permitted, asked of a real node and the real T-REX suite."""

from collections.abc import Callable

import pytest

from demo.chain.anvil import Anvil
from demo.chain.ledger import ZERO_ADDRESS
from demo.chain.trex import SecurityToken
from normalizer.events.chain import TokenTransfer, TokenTransferRefused
from pipeline.config.checks import RestrictionChecks
from pipeline.evm_payload import BlockState
from tests.collectors.checked_transfers import (
    asked,
    deploy,
    deploy_yes,
    events_of,
    frames_of,
    height,
    known,
    only,
    transfers,
    trex,
)
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]
GERMANY, UNITED_STATES = 276, 840


def accounts(token: SecurityToken) -> tuple[str, ...]:
    return token.ledger.accounts


def sealed(token: SecurityToken, *send: Callable[[], str]) -> None:
    """What these send, in one block and in this order."""
    node = token.ledger.node
    node.rpc("evm_setAutomine", False)
    try:
        hashes = [one() for one in send]
        node.mine()
    finally:
        node.rpc("evm_setAutomine", True)
    receipts = [token.ledger.receipt(one) for one in hashes]
    assert len({one.height for one in receipts if one is not None}) == 1


async def test_a_transfer_carries_what_the_contracts_say_of_it(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    seller, buyer = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    first = height(anvil) + 1
    token.ledger.settle([token.transfer(seller, buyer, token.units(5))])
    (event,) = await transfers(anvil, trex(token), first)
    assert isinstance(event, TokenTransfer)
    assert event.check_state == "complete"
    assert (event.check_missing, event.check_changed, event.check_preceded) == ((), (), False)
    assert event.check_source_verified is event.check_destination_verified is True
    assert event.check_compliance_allows is True
    assert (
        event.check_source_frozen is event.check_destination_frozen is event.check_paused is False
    )
    assert event.check_source_balance == str(token.balance(seller))
    assert event.check_destination_balance == str(token.balance(buyer))
    assert event.check_supply == str(token.ledger.ask(token.token, "totalSupply"))
    assert event.check_source_frozen_tokens == "0"
    assert (event.check_source_country, event.check_destination_country) == (
        UNITED_STATES,
        GERMANY,
    )
    assert event.check_restriction_code is event.check_status_code is None


async def test_a_holding_that_becomes_just_full_was_permitted(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    """After the block the amount is on the balance: asked there, the limit would count it twice."""
    token = security_token
    buyer = accounts(token)[HOLDERS[0]]
    sellers = [accounts(token)[one] for one in HOLDERS[1:5]]
    for seller in sellers[:-1]:
        token.ledger.settle([token.transfer(seller, buyer, token.units(100_000))])
    first = height(anvil) + 1
    token.ledger.settle([token.transfer(sellers[-1], buyer, token.units(100_000))])
    assert not token.can_transfer(sellers[-1], buyer, token.units(100_000))
    (event,) = await transfers(anvil, trex(token), first)
    assert event.check_compliance_allows is True
    assert event.check_destination_balance == str(token.units(500_000))


async def test_what_a_swapped_registry_let_through_is_seen_in_the_one_that_is_known(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    issuer = accounts(token)[0]
    known = trex(token)
    yes = deploy_yes(token.ledger)
    send = token.ledger.send
    token.ledger.settle(
        [
            send(token.token, "setCompliance", yes, sender=issuer),
            # Let go by the token, its modules would know no token to judge by.
            send(token.compliance, "bindToken", token.address, sender=issuer),
        ]
    )
    first = height(anvil) + 1
    seller = accounts(token)[HOLDERS[0]]
    token.ledger.settle([token.transfer(seller, accounts(token)[NON_RESIDENT], token.units(5))])
    token.ledger.settle([send(token.token, "setIdentityRegistry", yes, sender=issuer)])
    token.ledger.settle([token.transfer(seller, accounts(token)[UNREGISTERED], token.units(5))])
    forbidden, unverified = await transfers(anvil, known, first)
    assert unverified.check_destination_verified is False
    assert unverified.check_destination_country == 0
    assert forbidden.check_destination_verified is True
    assert unverified.check_state == forbidden.check_state == "complete"
    assert unverified.check_compliance_allows is forbidden.check_compliance_allows is False
    assert unverified.check_changed == forbidden.check_changed == ()
    assert unverified.check_preceded is forbidden.check_preceded is False


async def test_a_refused_transfer_says_which_rule_it_was(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    seller = accounts(token)[HOLDERS[0]]
    first = height(anvil) + 1
    token.ledger.receipts(
        [
            token.transfer(seller, accounts(token)[UNREGISTERED], token.units(5)),
            token.transfer(seller, accounts(token)[NON_RESIDENT], token.units(5)),
        ]
    )
    unverified, forbidden = await transfers(anvil, trex(token), first)
    assert isinstance(unverified, TokenTransferRefused)
    assert isinstance(forbidden, TokenTransferRefused)
    assert unverified.reason == forbidden.reason == "Transfer not possible"
    assert unverified.check_destination_verified is unverified.receiver_verified is False
    assert forbidden.check_destination_verified is forbidden.receiver_verified is True
    assert forbidden.check_compliance_allows is forbidden.compliance_allows is False
    assert forbidden.check_source_balance == str(token.balance(seller))


async def test_each_transfer_of_a_refused_batch_has_its_own_answers(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    seller = accounts(token)[HOLDERS[0]]
    receivers = [accounts(token)[one] for one in (HOLDERS[1], NON_RESIDENT, UNREGISTERED)]
    first = height(anvil) + 1
    amounts = [token.units(1)] * 3
    token.ledger.receipts(
        [token.ledger.send(token.token, "batchTransfer", receivers, amounts, sender=seller)]
    )
    events = await transfers(anvil, trex(token), first)
    assert [one.check_destination_verified for one in events] == [True, True, False]
    assert [one.check_compliance_allows for one in events] == [True, False, False]


async def test_an_investor_who_is_registered_in_the_same_block_was_verified(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    seller, newcomer = accounts(token)[HOLDERS[0]], accounts(token)[UNREGISTERED]
    identity = token.identities[accounts(token)[HOLDERS[1]]]
    first = height(anvil) + 1
    sealed(
        token,
        lambda: token.ledger.send(
            token.identity_registry,
            "registerIdentity",
            newcomer,
            identity,
            GERMANY,
            sender=token.roles.agent,
        ),
        lambda: token.transfer(seller, newcomer, token.units(5)),
    )
    (event,) = await transfers(anvil, trex(token), first)
    assert isinstance(event, TokenTransfer)
    assert event.check_destination_verified is event.check_compliance_allows is True
    assert event.check_changed == ("verified-destination", "compliance")
    assert event.check_preceded is True
    assert event.check_destination_country == GERMANY


async def test_what_came_before_in_the_block_is_told(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    one, two, three, four, five = (accounts(token)[place] for place in HOLDERS[:5])
    first = height(anvil) + 1
    sealed(
        token,
        lambda: token.transfer(one, two, token.units(1)),
        lambda: token.transfer(three, four, token.units(1)),
        lambda: token.transfer(two, five, token.units(1)),
    )
    events = await transfers(anvil, trex(token), first)
    assert [event.check_preceded for event in events] == [False, False, True]
    assert {event.check_compliance_allows for event in events} == {True}


async def test_minting_is_asked_as_from_nobody_and_burning_has_no_receiver(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    holder = accounts(token)[HOLDERS[0]]
    first = height(anvil) + 1
    minting = token.mint([(holder, token.units(1))])
    burning = token.ledger.send(
        token.token, "burn", holder, token.units(1), sender=token.roles.agent
    )
    token.ledger.settle([minting, burning])
    minted, burned = await transfers(anvil, trex(token), first)
    assert isinstance(minted, TokenTransfer)
    assert isinstance(burned, TokenTransfer)
    assert (minted.transfer_type, minted.source_address) == ("mint", ZERO_ADDRESS)
    assert minted.check_destination_verified is minted.check_compliance_allows is True
    assert minted.check_source_verified is minted.check_source_balance is None
    assert burned.transfer_type == "burn"
    assert burned.check_destination_verified is burned.check_compliance_allows is None
    assert burned.check_source_balance == str(token.balance(holder))


async def test_frozen_tokens_that_are_forced_out_are_told_as_frozen(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    holder, other = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    token.ledger.settle([token.freeze_address(holder), token.freeze_tokens(holder, 7)])
    first = height(anvil) + 1
    token.ledger.settle([token.forced_transfer(holder, other, token.units(1))])
    (event,) = await transfers(anvil, trex(token), first)
    assert isinstance(event, TokenTransfer)
    assert event.transfer_type == "forced"
    assert event.check_source_frozen is True
    assert event.check_destination_frozen is False
    assert event.check_source_frozen_tokens == "7"


async def test_frames_hold_each_call_once_and_need_no_node_again(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    one, two = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    watched, reference = trex(token)
    first = height(anvil) + 1
    sealed(
        token,
        lambda: token.transfer(one, two, token.units(1)),
        lambda: token.transfer(one, two, token.units(1)),
    )
    frames = await frames_of(anvil, anvil.ws_url, watched, first)
    ((calls, checks),) = asked(frames)
    keys = [(call.state, call.to, call.data, call.sender) for call in calls]
    assert len(keys) == len(set(keys))
    assert [check.asked for check in checks] == [checks[0].asked] * 2
    states: set[BlockState] = {call.state for call in calls}
    assert states == {"before", "after"}
    assert events_of(frames, reference) == events_of(frames, reference)


async def test_what_is_asked_is_what_the_configuration_says(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    one, two = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    first = height(anvil) + 1
    token.ledger.settle([token.transfer(one, two, token.units(1))])
    (some,) = await transfers(anvil, trex(token), first, checks=only("supply", "verified"))
    assert some.check_state == "complete"
    assert (some.check_supply is None, some.check_destination_verified) == (False, True)
    assert some.check_compliance_allows is some.check_source_balance is None
    (none,) = await transfers(anvil, trex(token), first, checks=RestrictionChecks(enabled=False))
    assert none.check_state is none.check_preceded is none.check_supply is None


async def test_a_token_of_no_known_standard_is_asked_nothing(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    watched, reference = trex(token)
    plain = type(watched).of({token.address: type(watched.tokens[token.address.lower()])()})
    first = height(anvil) + 1
    one, two = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    token.ledger.settle([token.transfer(one, two, token.units(1))])
    (event,) = await transfers(anvil, (plain, reference), first)
    assert event.check_state is None


async def test_a_contract_that_answers_at_great_length_costs_no_transfer(
    anvil: Anvil, security_token: SecurityToken
) -> None:
    token = security_token
    # Returns 3 kB of zeros, whatever is asked.
    endless = deploy(token.ledger, "610c006000f3")
    watched, reference = known(
        token.address, "ERC-3643", registry=endless, compliance=str(token.compliance.address)
    )
    first = height(anvil) + 1
    one, two = accounts(token)[HOLDERS[0]], accounts(token)[HOLDERS[1]]
    token.ledger.settle([token.transfer(one, two, token.units(1))])
    (event,) = await transfers(anvil, (watched, reference), first)
    assert event.check_state == "partial"
    assert event.check_compliance_allows is True
    assert "verified-destination:failed" in event.check_missing
    assert event.check_destination_verified is None

"""ERC-1404 and the ERC-1400 family: codes, words, and the forms that the drafts disagree in."""

from collections.abc import Callable

import pytest
from web3.contract import Contract

from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.solidity import compiled
from normalizer.events.chain import PartitionTransfer, TokenTransfer, TokenTransferRefused
from tests.collectors.checked_transfers import (
    Transfer,
    asked,
    events_of,
    frames_of,
    known,
    transfers,
)
from tests.collectors.provider import Provider

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]
UNRESTRICTED = b"unrestricted".ljust(32, b"\0")
LOCKED = b"locked-up".ljust(32, b"\0")


@pytest.fixture(scope="module")
def ledger(anvil: Anvil) -> Ledger:
    return Ledger(anvil)


@pytest.fixture
def restricted(ledger: Ledger) -> Contract:
    """An ERC-1404 token; accounts 1 and 2 may hold it, 100 each, of 1,000 at most."""
    owner, one, two, *_ = ledger.accounts
    artifacts = compiled("PartitionedToken", "RestrictedToken")
    token = ledger.deploy(artifacts[1], 1_000, sender=owner)
    ledger.settle(
        ledger.send(token, function, holder, value, sender=owner)
        for holder in (one, two)
        for function, value in (("list", True), ("mint", 100))
    )
    return token


@pytest.fixture
def partitioned(ledger: Ledger) -> Callable[..., Contract]:
    """Deploys a token of the ERC-1400 family; account 1 holds 100 in each of two partitions."""

    def deploy(*, as_interface: bool = False, of_caller: bool = False) -> Contract:
        owner, one, two, *_ = ledger.accounts
        artifacts = compiled("PartitionedToken", "RestrictedToken")
        token = ledger.deploy(artifacts[0], as_interface, of_caller, sender=owner)
        ledger.settle(
            [
                *(ledger.send(token, "admit", holder, True, sender=owner) for holder in (one, two)),
                *(
                    ledger.send(token, "issueByPartition", partition, one, 100, sender=owner)
                    for partition in (UNRESTRICTED, LOCKED)
                ),
            ]
        )
        return token

    return deploy


async def seen(ledger: Ledger, token: Contract, standard: str, *sent: str) -> list[Transfer]:
    """Waits for these transactions, and tells of the transfers in their blocks."""
    receipts = ledger.receipts(sent)
    first = min(receipt.height for receipt in receipts)
    return await transfers(ledger.node, known(str(token.address), standard), first)


async def test_an_unrestricted_transfer_has_code_zero_and_no_words(
    ledger: Ledger, restricted: Contract
) -> None:
    _, one, two, *_ = ledger.accounts
    sent = ledger.send(restricted, "transfer", two, 5, sender=one)
    (event,) = await seen(ledger, restricted, "ERC-1404", sent)
    assert isinstance(event, TokenTransfer)
    assert (event.check_state, event.check_restriction_code) == ("complete", 0)
    assert event.check_restriction_message is None
    assert (event.check_source_balance, event.check_destination_balance) == ("95", "105")
    assert event.check_supply == "200"
    assert event.check_destination_verified is event.check_status_code is None


async def test_a_restricted_transfer_is_refused_with_its_code_and_words(
    ledger: Ledger, restricted: Contract
) -> None:
    _, one, two, stranger, *_ = ledger.accounts
    sent = [
        ledger.send(restricted, "transfer", stranger, 5, sender=one),
        ledger.send(restricted, "transfer", two, 101, sender=one),
    ]
    unlisted, short = await seen(ledger, restricted, "ERC-1404", *sent)
    assert isinstance(unlisted, TokenTransferRefused)
    assert unlisted.reason == unlisted.check_restriction_message
    assert unlisted.check_restriction_code == 1
    assert unlisted.check_restriction_message == "the receiver is not on the list of holders"
    assert (short.check_restriction_code, short.reason) == (4, "the sender holds too little")


async def test_rules_that_were_not_asked_say_what_they_would_have_said(
    ledger: Ledger, restricted: Contract
) -> None:
    owner, one, _, stranger, *_ = ledger.accounts
    ledger.settle([ledger.send(restricted, "enforce", False, sender=owner)])
    sent = ledger.send(restricted, "transfer", stranger, 5, sender=one)
    (event,) = await seen(ledger, restricted, "ERC-1404", sent)
    assert isinstance(event, TokenTransfer)
    assert event.check_restriction_code == 1
    assert event.check_restriction_message == "the receiver is not on the list of holders"
    assert event.check_preceded is False


async def test_a_balance_that_the_transfer_itself_used_up_is_no_restriction(
    ledger: Ledger, restricted: Contract
) -> None:
    _, one, two, *_ = ledger.accounts
    sent = ledger.send(restricted, "transfer", two, 100, sender=one)
    (event,) = await seen(ledger, restricted, "ERC-1404", sent)
    assert event.check_restriction_code == 0


@pytest.mark.parametrize("as_interface", [False, True])
async def test_status_codes_are_read_in_both_lengths(
    ledger: Ledger, partitioned: Callable[..., Contract], as_interface: bool
) -> None:
    token = partitioned(as_interface=as_interface)
    owner, one, two, stranger, *_ = ledger.accounts
    sent = [ledger.send(token, "transfer", two, 5, sender=one)]
    (done,) = await seen(ledger, token, "ERC-1594", *sent)
    assert isinstance(done, TokenTransfer)
    assert (done.check_status_code, done.check_status_allows) == ("0x51", True)
    assert done.check_status_meaning == "transfer success"
    ledger.settle([ledger.send(token, "enforce", False, sender=owner)])
    (past,) = await seen(
        ledger, token, "ERC-1594", ledger.send(token, "transfer", stranger, 5, sender=one)
    )
    assert (past.check_status_code, past.check_status_allows) == ("0x57", False)
    assert past.check_status_meaning == "invalid receiver"


async def test_who_spends_for_another_is_asked_about_as_the_caller(
    ledger: Ledger, partitioned: Callable[..., Contract]
) -> None:
    token = partitioned()
    _, one, two, spender, *_ = ledger.accounts
    ledger.settle([ledger.send(token, "approve", spender, 5, sender=one)])
    sent = [
        ledger.send(token, "transferFrom", one, two, 5, sender=spender),
        ledger.send(token, "transferFrom", one, two, 1, sender=spender),
    ]
    done, refused = await seen(ledger, token, "ERC-1400", *sent)
    assert (done.check_status_code, done.check_status_allows) == ("0x51", True)
    assert isinstance(refused, TokenTransferRefused)
    assert (refused.check_status_code, refused.reason) == ("0x53", "0x53")
    assert refused.check_status_meaning == "insufficient allowance"


async def test_what_came_with_a_transfer_is_part_of_the_question(
    ledger: Ledger, partitioned: Callable[..., Contract]
) -> None:
    """A certificate may admit whom no list has."""
    token = partitioned()
    _, one, _, stranger, *_ = ledger.accounts
    sent = ledger.send(token, "transferWithData", stranger, 5, b"admit", sender=one)
    (event,) = await seen(ledger, token, "ERC-1594", sent)
    assert isinstance(event, TokenTransfer)
    assert (event.check_status_code, event.check_status_allows) == ("0x51", True)


@pytest.mark.parametrize("of_caller", [False, True])
async def test_partitions_are_asked_about_in_the_form_that_the_token_has(
    ledger: Ledger, partitioned: Callable[..., Contract], of_caller: bool
) -> None:
    token = partitioned(of_caller=of_caller)
    owner, one, two, stranger, *_ = ledger.accounts
    sent = [ledger.send(token, "transferByPartition", LOCKED, two, 5, b"", sender=one)]
    (done,) = await seen(ledger, token, "ERC-1400", *sent)
    assert isinstance(done, TokenTransfer)
    assert (done.check_state, done.check_missing) == ("complete", ())
    assert (done.check_status_code, done.check_status_allows) == ("0x51", True)
    assert done.check_status_reason == "rule-7"
    ledger.settle([ledger.send(token, "enforce", False, sender=owner)])
    (past,) = await seen(
        ledger,
        token,
        "ERC-1400",
        ledger.send(token, "transferByPartition", LOCKED, stranger, 5, b"", sender=one),
    )
    assert (past.check_status_code, past.check_status_meaning) == ("0x57", "invalid receiver")
    (refused,) = await seen(
        ledger,
        token,
        "ERC-1400",
        ledger.send(token, "transferByPartition", UNRESTRICTED, two, 500, b"", sender=one),
    )
    assert isinstance(refused, TokenTransferRefused)
    assert refused.check_status_meaning == "insufficient balance"


async def test_a_function_that_the_contract_does_not_have_is_told(
    ledger: Ledger, restricted: Contract
) -> None:
    _, one, two, *_ = ledger.accounts
    sent = ledger.send(restricted, "transfer", two, 5, sender=one)
    (event,) = await seen(ledger, restricted, "ERC-1594, ERC-1404", sent)
    assert event.check_state == "partial"
    assert event.check_missing == ("status:reverted",)
    assert event.check_restriction_code == 0


async def test_a_token_that_is_no_erc_20_tells_it_with_its_partition(
    ledger: Ledger, partitioned: Callable[..., Contract]
) -> None:
    token = partitioned()
    owner, one, _, stranger, *_ = ledger.accounts
    send = ledger.send
    ledger.settle(
        [
            send(token, "speakErc20", False, sender=owner),
            send(token, "enforce", False, sender=owner),
        ]
    )
    sent = send(token, "transferByPartition", LOCKED, stranger, 5, b"", sender=one)
    (event,) = await seen(ledger, token, "ERC-1410", sent)
    assert isinstance(event, PartitionTransfer)
    assert event.partition == "0x" + LOCKED.hex()
    assert (event.check_state, event.check_status_code) == ("complete", "0x57")


@pytest.mark.parametrize("reference_forms", [False, True])
async def test_a_whole_token_of_the_family_agrees_with_what_it_does(
    ledger: Ledger, reference_forms: bool
) -> None:
    owner, controller, one, two, *_ = ledger.accounts
    (artifact,) = compiled("ERC1400Token")
    arguments = ("Fund Unit", "FUND", controller, [UNRESTRICTED, LOCKED], reference_forms)
    token = ledger.deploy(artifact, *arguments, sender=owner)
    send = ledger.send
    ledger.settle(
        send(token, "issueByPartition", partition, one, 100, b"", sender=owner)
        for partition in (UNRESTRICTED, LOCKED)
    )
    sent = [
        send(token, "transferByPartition", LOCKED, two, 5, b"", sender=one),
        send(token, "transferByPartition", LOCKED, two, 500, b"", sender=one),
    ]
    done, refused = await seen(ledger, token, "ERC-1400", *sent)
    assert isinstance(done, TokenTransfer)
    assert (done.check_state, done.check_status_code) == ("complete", "0x51")
    assert done.check_status_allows is True
    assert isinstance(refused, TokenTransferRefused)
    assert (refused.check_status_code, refused.check_status_allows) == ("0x52", False)
    assert refused.reason is not None
    assert refused.check_status_code in refused.reason
    assert refused.check_source_balance == "195"


@pytest.mark.parametrize("lacks_overrides", [False, True])
async def test_a_lock_up_that_ends_with_the_block_has_ended_for_its_transfers(
    ledger: Ledger, lacks_overrides: bool
) -> None:
    """Who sells all in that block is locked by the parent's time, and has nothing left after it."""
    node, send = ledger.node, ledger.send
    owner, controller, one, two, *_ = ledger.accounts
    (artifact,) = compiled("ERC1400Token")
    token = ledger.deploy(artifact, "Unit", "U", controller, [LOCKED], False, sender=owner)
    end = int(node.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1_000
    ledger.settle(
        [
            send(token, "issueByPartition", LOCKED, one, 100, b"", sender=owner),
            send(token, "lock", LOCKED, end, sender=owner),
        ]
    )
    node.rpc("evm_setNextBlockTimestamp", end)
    (receipt,) = ledger.receipts([send(token, "transfer", two, 100, sender=one)])
    assert receipt.succeeded
    async with Provider(node) as provider:
        provider.lacks_overrides = lacks_overrides
        watched, reference = known(str(token.address), "ERC-1400")
        frames = await frames_of(node, provider.url, watched, receipt.height)
    (event,) = events_of(frames, reference)
    ((calls, _),) = asked(frames)
    assert {call.at_parent for call in calls if call.state == "before"} == {lacks_overrides}
    assert {call.at_parent for call in calls if call.state == "after"} == {False}
    assert event.check_state == "complete"
    # A node that takes no other time says what was true of the parent.
    told = ("0x55", False) if lacks_overrides else ("0x51", True)
    assert (event.check_status_code, event.check_status_allows) == told

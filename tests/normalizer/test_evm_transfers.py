"""Transfers and approvals: what happened, by whom, and whether it was forced."""

from typing import Any

import pytest
from eth_abi.abi import encode

from normalizer.events.chain import Block, TokenApproval, TokenTransfer
from normalizer.normalize import encode_event
from tests.normalizer import blocks as b

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"


def transferred(data: str = "0x", to: str = b.TOKEN, **values: Any) -> Any:
    source, destination = values.get("source", b.ALICE), values.get("destination", b.BOB)
    made = b.frame(
        b.log(TRANSFER, source, destination, values.get("amount", 10**18)),
        transactions=[b.transaction(to=to, data=data)],
    )
    return b.only(b.normalize(made))


def test_a_transfer_is_exactly_this_event() -> None:
    data = b.call("transfer", b.BOB, 1_500_000_000_000_000_001)
    event = transferred(data, amount=1_500_000_000_000_000_001)
    assert event == TokenTransfer(
        id=f"31337:{b.BLOCK_HASH}:{b.transaction_hash(1)}:0",
        timestamp=b.SECONDS * 10**9,
        ingested=b.RECEIVED,
        original="RAW/7/0",
        provider="chain",
        related_hash=(b.transaction_hash(1), b.BLOCK_HASH),
        related_user=(b.ALICE, b.BOB, "INV-0001"),
        token_id="acme",
        token_address=b.TOKEN,
        token_symbol="ACME",
        token_name="ACME Fund I",
        token_standard="ERC-3643",
        token_classification="reg-d-506c",
        token_issuer_id="issuer-1",
        token_issuer_name="ACME Inc",
        chain_id=31337,
        network="anvil",
        block_number=16,
        block_hash=b.BLOCK_HASH,
        finality="latest",
        transaction_hash=b.transaction_hash(1),
        transaction_index=1,
        transaction_from=b.ALICE,
        transaction_to=b.TOKEN,
        transaction_method="transfer",
        log_index=0,
        contract=b.TOKEN,
        source_address=b.ALICE,
        source_investor="INV-0001",
        source_jurisdiction="US",
        source_accreditation="accredited",
        source_cluster="CL-07",
        source_labels=("market_maker",),
        destination_address=b.BOB,
        destination_labels=("custodian",),
        amount_raw="1500000000000000001",
        amount=1.5,
        transfer_type="transfer",
    )
    assert b'"token.amount_raw":"1500000000000000001"' in encode_event(event)


def test_the_block_comes_first_with_its_parent() -> None:
    (block,) = b.normalize(b.frame(transactions=[])).events
    assert block == Block(
        id=f"31337:{b.BLOCK_HASH}",
        timestamp=b.SECONDS * 10**9,
        ingested=b.RECEIVED,
        original="RAW/7/0",
        provider="chain",
        related_hash=(b.BLOCK_HASH,),
        chain_id=31337,
        network="anvil",
        block_number=16,
        block_hash=b.BLOCK_HASH,
        finality="latest",
        parent_hash=b.PARENT_HASH,
    )


def test_the_largest_amount_stays_exact() -> None:
    event = transferred(amount=2**256 - 1)
    assert event.amount_raw == str(2**256 - 1)
    assert event.amount == (2**256 - 1) / 10**18


def test_tokens_from_the_zero_address_are_minted_and_to_it_burned() -> None:
    minted = transferred(source=b.ZERO, destination=b.BOB)
    assert minted.transfer_type == "mint"
    assert minted.related_user == (b.BOB,)
    assert transferred(destination=b.ZERO).transfer_type == "burn"


@pytest.mark.parametrize(
    ("data", "to", "kind"),
    [
        (b.call("forcedTransfer", b.ALICE, b.BOB, 1), b.TOKEN, "forced"),
        (b.call("batchForcedTransfer", [b.ALICE], [b.BOB], [1]), b.TOKEN, "forced"),
        (b.call("recoveryAddress", b.ALICE, b.BOB, b.CAROL), b.TOKEN, "recovery"),
        (b.call("callForcedTransfer", b.ALICE, b.BOB, 1, b.CAROL), b.CAROL, "forced"),
        (b.call("callRecoveryAddress", b.ALICE, b.BOB, b.CAROL, b.AGENT), b.CAROL, "recovery"),
        # The call was of another contract, which moved the tokens by an ordinary transfer.
        (b.call("forcedTransfer", b.ALICE, b.BOB, 1), b.CAROL, "transfer"),
        (b.call("transferFrom", b.ALICE, b.BOB, 1), b.TOKEN, "transfer"),
        ("0x", b.TOKEN, "transfer"),
    ],
)
def test_the_call_tells_a_forced_transfer_and_a_recovery(data: str, to: str, kind: str) -> None:
    assert transferred(data, to).transfer_type == kind


@pytest.mark.parametrize(
    ("data", "to", "kind"),
    [
        (b.call("transfer", b.ALICE, 10**19), b.TOKEN, "fee"),
        (b.call("transferFrom", b.CAROL, b.ALICE, 10**19), b.TOKEN, "fee"),
        (b.call("forcedTransfer", b.CAROL, b.ALICE, 10**19), b.TOKEN, "fee"),
        (b.call("callForcedTransfer", b.CAROL, b.ALICE, 10**19, b.CAROL), b.CAROL, "fee"),
        (b.call("batchTransfer", [b.CAROL, b.ALICE], [5, 5]), b.TOKEN, "fee"),
        # All that came in is passed on, and what was asked for itself.
        (b.call("transfer", b.ALICE, 10**18), b.TOKEN, "transfer"),
        (b.call("transferFrom", b.ALICE, b.ALICE, 10**19), b.TOKEN, "transfer"),
        (b.call("forcedTransfer", b.ALICE, b.BOB, 10**19), b.TOKEN, "forced"),
        # Who is called passes on a part: a router does.
        (b.call("transfer", b.ALICE, 10**19), b.CAROL, "transfer"),
        (b.call("transfer", b.CAROL, 10**19), b.TOKEN, "transfer"),
        (b.call("batchTransfer", [b.CAROL], [5]), b.TOKEN, "transfer"),
        (b.call("transfer", b.ALICE, 10**19)[:80], b.TOKEN, "transfer"),
    ],
)
def test_a_fee_is_what_the_receiver_gives_up_in_the_call_that_paid_it(
    data: str, to: str, kind: str
) -> None:
    for text in (data, data.upper().replace("0X", "0x")):
        sent = b.transaction(sender=b.AGENT, to=to, data=text)
        log = b.log(TRANSFER, b.ALICE, b.BOB, 10**18)
        assert b.only(b.normalize(b.frame(log, transactions=[sent]))).transfer_type == kind


def wrapped(inner: str) -> str:
    """The call, in a Safe's ``execTransaction``, of whose words the first four stand here."""
    data = bytes.fromhex(inner[2:])
    types = ["address", "uint256", "bytes", "uint8"]
    return "0x6a761202" + encode(types, [b.TOKEN, 0, data, 0]).hex()


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        (b.call("forcedTransfer", b.ALICE, b.BOB, 10**18), "forced"),
        (b.call("batchForcedTransfer", [b.CAROL, b.ALICE], [b.CAROL, b.BOB], [1, 1]), "forced"),
        (b.call("controllerTransfer", b.ALICE, b.BOB, 10**18, b"why", b""), "forced"),
        (b.call("recoveryAddress", b.ALICE, b.BOB, b.CAROL), "recovery"),
        # Another transfer of the same transaction is not forced by it.
        (b.call("forcedTransfer", b.CAROL, b.BOB, 10**18), "transfer"),
        (b.call("forcedTransfer", b.ALICE, b.BOB, 5), "transfer"),
        (b.call("batchForcedTransfer", [b.CAROL], [b.BOB], [1]), "transfer"),
        (b.call("transferFrom", b.ALICE, b.BOB, 10**18), "transfer"),
    ],
)
def test_a_call_through_a_multisig_tells_it_too(inner: str, kind: str) -> None:
    for data in (wrapped(inner), wrapped(inner).upper().replace("0X", "0x")):
        assert transferred(data, b.AGENT).transfer_type == kind


def test_a_transfer_without_its_transaction_in_the_frame_is_still_an_event() -> None:
    made = b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 1), transactions=[])
    event = b.only(b.normalize(made))
    assert event.transaction_from is None
    assert event.transaction_hash == b.transaction_hash(1)


def test_a_token_that_the_reference_data_does_not_have_keeps_the_raw_amount_only() -> None:
    made = b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 5, address=b.CAROL))
    event = b.only(b.normalize(made))
    assert (event.token_id, event.amount, event.amount_raw) == (None, None, "5")
    assert event.contract == b.CAROL


def test_an_nft_transfer_has_four_topics_and_says_which_item_moved() -> None:
    nft = "Transfer(address indexed from, address indexed to, uint256 indexed tokenId)"
    event = b.only(b.normalize(b.frame(b.log(nft, b.ALICE, b.BOB, 5))))
    assert isinstance(event, TokenTransfer)
    assert (event.item_id, event.amount_raw, event.amount) == ("5", "1", 1.0)
    assert event.transfer_type == "transfer"
    minted = b.only(b.normalize(b.frame(b.log(nft, "0x" + "00" * 20, b.BOB, 2**256 - 1))))
    assert (minted.item_id, minted.transfer_type) == (str(2**256 - 1), "mint")
    fungible = b.only(b.normalize(b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 5))))
    assert (fungible.item_id, fungible.amount_raw) == (None, "5")


SINGLE = (
    "TransferSingle(address indexed operator, address indexed from, address indexed to,"
    " uint256 id, uint256 value)"
)
BATCH = (
    "TransferBatch(address indexed operator, address indexed from, address indexed to,"
    " uint256[] ids, uint256[] values)"
)


def test_some_of_a_kind_of_an_erc_1155_token() -> None:
    event = b.only(b.normalize(b.frame(b.log(SINGLE, b.TOKEN, b.ALICE, b.BOB, 7, 30))))
    assert isinstance(event, TokenTransfer)
    assert (event.item_id, event.amount_raw) == ("7", "30")
    assert (event.source_address, event.destination_address) == (b.ALICE, b.BOB)
    assert event.authority == b.TOKEN


def test_a_batch_is_one_event_for_each_kind_with_ids_of_their_own() -> None:
    made = b.normalize(b.frame(b.log(BATCH, b.TOKEN, b.ALICE, b.BOB, [7, 8], [30, 1], index=3)))
    assert not made.dead
    events = [event for event in made.events if isinstance(event, TokenTransfer)]
    assert [(one.item_id, one.amount_raw) for one in events] == [("7", "30"), ("8", "1")]
    prefix = f"31337:{b.BLOCK_HASH}:{b.transaction_hash(1)}:3"
    assert [one.id for one in events] == [f"{prefix}:0", f"{prefix}:1"]
    assert [one.log_index for one in events] == [3, 3]


def test_a_batch_with_fewer_values_than_ids_is_a_dead_letter() -> None:
    made = b.normalize(b.frame(b.log(BATCH, b.TOKEN, b.ALICE, b.BOB, [7, 8], [30])))
    assert [letter.reason for letter in made.dead] == ["2 ids and 1 values"]


def test_an_approval_is_of_its_owner() -> None:
    approval = "Approval(address indexed owner, address indexed spender, uint256 value)"
    event = b.only(b.normalize(b.frame(b.log(approval, b.ALICE, b.BOB, 3 * 10**18))))
    assert isinstance(event, TokenApproval)
    assert (event.investor_id, event.spender, event.amount) == ("INV-0001", b.BOB, 3.0)
    assert event.spender_labels == ("custodian",)


def test_a_sanction_counts_from_its_date_on() -> None:
    sanctioned = ("sanctioned", "sanctioned:OFAC-SDN")
    assert transferred(destination=b.CAROL).destination_labels == sanctioned
    before = b.frame(b.log(TRANSFER, b.ALICE, b.CAROL, 1), header={"timestamp": hex(1_600_000_000)})
    assert b.only(b.normalize(before)).destination_labels == ()


def test_addresses_in_mixed_case_are_the_same_addresses() -> None:
    made = b.log(TRANSFER, b.ALICE, b.BOB, 1)
    made["address"] = b.TOKEN.upper().replace("0X", "0x")
    made["topics"][1] = made["topics"][1].upper().replace("0X", "0x")
    event = b.only(b.normalize(b.frame(made)))
    assert (event.token_id, event.source_investor) == ("acme", "INV-0001")


def test_shares_in_a_pool_are_not_the_token_that_is_traded_there() -> None:
    event = b.only(b.normalize(b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 5, address=b.POOL))))
    assert isinstance(event, TokenTransfer)
    assert (event.contract, event.token_id, event.token_symbol) == (b.POOL, None, None)
    assert (event.amount_raw, event.amount, event.tags) == ("5", None, ("pool-share",))

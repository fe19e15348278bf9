"""The ERC-1400 family on a real node: every operation, and every event as its own record.

The contracts are ours (`demo/contracts`), written from the drafts. What both forms of the family
share is asked of both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from web3.contract import Contract

from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.solidity import compiled
from normalizer.events import chain
from normalizer.normalize import encode_event
from tests.normalizer.node_blocks import Calls, reference_of

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("undone")]

TOKEN = 10**18
FREE = b"unrestricted".ljust(32, b"\0")
LOCKED = b"locked".ljust(32, b"\0")
#: A partition whose id is no text.
HASHED = bytes(range(200, 232))
CHANGE = b"\xff" * 32
HUGE = 2**255


class Stage(NamedTuple):
    """A token, who acts on it, and what becomes of calls. Addresses in lower case."""

    calls: Calls
    token: Contract
    holds: Contract
    owner: str
    controller: str
    alice: str
    bob: str
    broker: str

    def do(self, function: str, *arguments: object, sender: str | None = None) -> list[Any]:
        return self.calls.events(self.token, function, *arguments, sender=sender or self.owner)

    def refused(self, function: str, *arguments: object, sender: str) -> list[Any]:
        return self.calls.refused(self.token, function, *arguments, sender=sender)

    def address(self, name: str) -> str:
        return str(getattr(self, name)).lower()


@pytest.fixture(scope="module", params=[False, True], ids=["text-of-eip", "reference-contracts"])
def stage(anvil: Anvil, request: pytest.FixtureRequest) -> Stage:
    """Account 2, Alice, holds 100 free and 50 locked tokens."""
    ledger = Ledger(anvil)
    owner, controller, alice, bob, broker, *_ = ledger.accounts
    token_code, holds_code = compiled("ERC1400Token", "TokenHolds")
    arguments = ("Fund Unit", "FUND", controller, [FREE, LOCKED], request.param)
    token = ledger.deploy(token_code, *arguments, sender=owner)
    holds = ledger.deploy(holds_code, sender=owner)
    calls = Calls(ledger, reference_of(token, decimals=18, symbol="FUND", investor=alice))
    made = Stage(calls, token, holds, owner, controller, alice, bob, broker)
    made.do("issueByPartition", FREE, alice, 100 * TOKEN, b"")
    made.do("issueByPartition", LOCKED, alice, 50 * TOKEN, b"")
    return made


def reference_forms(stage: Stage) -> bool:
    return bool(stage.calls.ledger.ask(stage.token, "referenceForms"))


def moved(event: Any, stage: Stage, source: str, destination: str, amount: int) -> bool:
    return (event.source_address, event.destination_address, event.amount_raw) == (
        stage.address(source),
        stage.address(destination),
        str(amount),
    )


def test_a_transfer_by_partition_says_partition_operator_and_exact_amount(stage: Stage) -> None:
    arguments = (FREE, stage.bob, 3 * TOKEN + 1, b"\x01\x02")
    by_partition, transfer = stage.do("transferByPartition", *arguments, sender=stage.alice)
    assert isinstance(by_partition, chain.PartitionTransfer)
    assert isinstance(transfer, chain.TokenTransfer)
    for event in (by_partition, transfer):
        assert moved(event, stage, "alice", "bob", 3 * TOKEN + 1)
        assert (event.source_investor, event.source_jurisdiction) == ("INV-0001", "DE")
        assert event.token_id == "fund"
    assert by_partition.partition == "0x" + FREE.hex()
    assert by_partition.partition_name == "unrestricted"
    assert by_partition.operator == stage.address("alice")
    assert (by_partition.data, by_partition.operator_data) == ("0x0102", None)
    assert by_partition.amount == pytest.approx(3.0)
    assert by_partition.transaction_method == "transferByPartition"


def test_a_plain_transfer_takes_from_one_partition_after_the_other(stage: Stage) -> None:
    events = stage.do("transfer", stage.bob, 120 * TOKEN, sender=stage.alice)
    parts = [one for one in events if isinstance(one, chain.PartitionTransfer)]
    assert [(part.partition_name, part.amount_raw) for part in parts] == [
        ("unrestricted", str(100 * TOKEN)),
        ("locked", str(20 * TOKEN)),
    ]
    whole = [one for one in events if isinstance(one, chain.TokenTransfer)]
    assert sum(int(one.amount_raw) for one in whole) == 120 * TOKEN


def test_tokens_that_change_their_partition_say_both(stage: Stage) -> None:
    arguments = (LOCKED, stage.alice, TOKEN, CHANGE + FREE)
    transfer, changed, _ = stage.do("transferByPartition", *arguments, sender=stage.alice)
    assert isinstance(transfer, chain.PartitionTransfer)
    assert transfer.partition_name == "locked"
    assert isinstance(changed, chain.PartitionChanged)
    assert (changed.partition_name, changed.new_partition_name) == ("locked", "unrestricted")
    assert (changed.partition, changed.new_partition) == ("0x" + LOCKED.hex(), "0x" + FREE.hex())
    assert changed.amount_raw == str(TOKEN)


def test_a_partition_that_is_no_text_keeps_its_id_only(stage: Stage) -> None:
    issued, _ = stage.do("issueByPartition", HASHED, stage.bob, 1, b"")
    assert (issued.partition, issued.partition_name) == ("0x" + HASHED.hex(), None)


def test_issuance_of_the_largest_amount_is_exact(stage: Stage) -> None:
    issued, minted = stage.do("issueByPartition", LOCKED, stage.bob, HUGE, b"prospectus 7")
    assert isinstance(issued, chain.TokensIssued)
    assert (issued.investor_address, issued.amount_raw) == (stage.address("bob"), str(HUGE))
    assert issued.log_name == "IssuedByPartition"
    assert issued.data == "0x" + b"prospectus 7".hex()
    # One form says who issued; of the other the signature of the call is left.
    assert issued.operator == (None if reference_forms(stage) else stage.address("owner"))
    assert stage.address("owner") in issued.related_user
    assert isinstance(minted, chain.TokenTransfer)
    assert minted.transfer_type == "mint"
    assert str(HUGE).encode() in encode_event(issued)


def test_issuance_without_a_partition(stage: Stage) -> None:
    issued, _ = stage.do("issue", stage.bob, 5, b"\xaa")
    assert isinstance(issued, chain.TokensIssued)
    assert (issued.log_name, issued.operator) == ("Issued", stage.address("owner"))
    assert (issued.partition, issued.amount_raw, issued.data) == (None, "5", "0xaa")


def test_redemption_without_a_partition_by_the_holder_and_by_a_spender(stage: Stage) -> None:
    redeemed, burned = stage.do("redeem", 7, b"\xbb", sender=stage.alice)
    assert isinstance(redeemed, chain.TokensRedeemed)
    assert (redeemed.log_name, redeemed.operator) == ("Redeemed", stage.address("alice"))
    assert (redeemed.investor_id, redeemed.amount_raw, redeemed.data) == ("INV-0001", "7", "0xbb")
    assert isinstance(burned, chain.TokenTransfer)
    assert burned.transfer_type == "burn"
    (approval,) = stage.do("approve", stage.broker, 9, sender=stage.alice)
    assert isinstance(approval, chain.TokenApproval)
    redeemed, _ = stage.do("redeemFrom", stage.alice, 9, b"", sender=stage.broker)
    assert (redeemed.operator, redeemed.investor_id) == (stage.address("broker"), "INV-0001")


def test_redemption_by_partition(stage: Stage) -> None:
    redeemed, _ = stage.do("redeemByPartition", LOCKED, 11, b"\xcc", sender=stage.alice)
    assert isinstance(redeemed, chain.TokensRedeemed)
    assert redeemed.log_name == "RedeemedByPartition"
    assert (redeemed.partition_name, redeemed.amount_raw) == ("locked", "11")
    # The text of the EIP forgot what the holder gave with it.
    assert redeemed.data == ("0xcc" if reference_forms(stage) else None)


def test_operators_of_everything_and_of_a_partition(stage: Stage) -> None:
    (authorized,) = stage.do("authorizeOperator", stage.broker, sender=stage.alice)
    assert isinstance(authorized, chain.OperatorAuthorized)
    assert (authorized.investor_id, authorized.operator) == ("INV-0001", stage.address("broker"))
    assert (authorized.log_name, authorized.partition) == ("AuthorizedOperator", None)
    arguments = (FREE, stage.alice, stage.bob, TOKEN, b"", b"order 12")
    by_partition, _ = stage.do("operatorTransferByPartition", *arguments, sender=stage.broker)
    assert by_partition.operator == stage.address("broker")
    assert by_partition.operator_data == "0x" + b"order 12".hex()
    (revoked,) = stage.do("revokeOperator", stage.broker, sender=stage.alice)
    assert isinstance(revoked, chain.OperatorRevoked)
    arguments = (LOCKED, stage.broker)
    (authorized,) = stage.do("authorizeOperatorByPartition", *arguments, sender=stage.alice)
    assert isinstance(authorized, chain.OperatorAuthorized)
    assert authorized.partition_name == "locked"
    arguments = (LOCKED, stage.alice, 2, b"by order")
    redeemed, _ = stage.do("operatorRedeemByPartition", *arguments, sender=stage.broker)
    assert (redeemed.operator, redeemed.investor_id) == (stage.address("broker"), "INV-0001")
    assert redeemed.operator_data == "0x" + b"by order".hex()
    arguments = (LOCKED, stage.broker)
    (revoked,) = stage.do("revokeOperatorByPartition", *arguments, sender=stage.alice)
    assert isinstance(revoked, chain.OperatorRevoked)
    assert revoked.partition_name == "locked"


def test_an_allowance_of_a_partition(stage: Stage) -> None:
    arguments = (LOCKED, stage.broker, HUGE)
    (approval,) = stage.do("approveByPartition", *arguments, sender=stage.alice)
    assert isinstance(approval, chain.PartitionApproval)
    assert (approval.spender, approval.amount_raw) == (stage.address("broker"), str(HUGE))
    assert (approval.investor_id, approval.partition_name) == ("INV-0001", "locked")


def test_a_controller_moves_and_redeems_without_the_holder(stage: Stage) -> None:
    controller = stage.controller
    arguments = (stage.alice, stage.bob, TOKEN, b"", b"court order 5 C 12/26")
    event, transfer = stage.do("controllerTransfer", *arguments, sender=controller)
    assert isinstance(event, chain.ControllerTransfer)
    assert moved(event, stage, "alice", "bob", TOKEN)
    assert event.operator == stage.address("controller")
    assert event.operator_data == "0x" + b"court order 5 C 12/26".hex()
    assert isinstance(transfer, chain.TokenTransfer)
    assert transfer.transfer_type == "forced"
    arguments = (stage.alice, 3, b"", b"")
    event, burned = stage.do("controllerRedeem", *arguments, sender=controller)
    assert isinstance(event, chain.ControllerRedemption)
    assert (event.investor_id, event.amount_raw) == ("INV-0001", "3")
    assert event.operator == stage.address("controller")
    assert isinstance(burned, chain.TokenTransfer)


def test_a_controller_as_operator_says_so_and_its_transfer_is_forced(stage: Stage) -> None:
    arguments = (FREE, stage.alice, stage.bob, 4, b"", b"")
    events = stage.do("operatorTransferByPartition", *arguments, sender=stage.controller)
    assert [type(event) for event in events] == [
        chain.ControllerTransfer,
        chain.PartitionTransfer,
        chain.TokenTransfer,
    ]
    assert events[2].transfer_type == "forced"
    arguments = (FREE, stage.alice, 4, b"")
    events = stage.do("operatorRedeemByPartition", *arguments, sender=stage.controller)
    assert [type(event) for event in events] == [
        chain.ControllerRedemption,
        chain.TokensRedeemed,
        chain.TokenTransfer,
    ]


def test_documents_are_attached_replaced_and_removed(stage: Stage) -> None:
    name, content = b"Prospectus".ljust(32, b"\0"), b"\xd0" * 32
    (updated,) = stage.do("setDocument", name, "https://issuer.example/p.pdf", content)
    assert isinstance(updated, chain.DocumentUpdated)
    assert updated.log_name == ("DocumentUpdated" if reference_forms(stage) else "Document")
    assert (updated.document_name, updated.uri) == ("Prospectus", "https://issuer.example/p.pdf")
    assert updated.document_hash == "0x" + content.hex()
    assert updated.token_id == "fund"
    (removed,) = stage.do("removeDocument", name)
    assert isinstance(removed, chain.DocumentRemoved)
    assert (removed.document, removed.uri) == ("0x" + name.hex(), "https://issuer.example/p.pdf")


def test_refusals_carry_the_status_code_in_the_words_of_both_tables(stage: Stage) -> None:
    (refused,) = stage.refused("transfer", stage.bob, 151 * TOKEN, sender=stage.alice)
    assert isinstance(refused, chain.TokenTransferRefused)
    assert (refused.status_code, refused.status_meaning) == ("0x52", "insufficient balance")
    assert refused.status_in_erc1066 == "awaiting payment from others"
    for function, arguments, code in (
        ("halt", (True,), "0x54"),
        ("halt", (False,), None),
        ("bar", (stage.bob, True), "0x57"),
        ("bar", (stage.bob, False), None),
        ("bar", (stage.alice, True), "0x56"),
        ("bar", (stage.alice, False), None),
        ("lock", (FREE, 2**40), "0x55"),
    ):
        stage.do(function, *arguments)
        if code is not None:
            (refused,) = stage.refused("transfer", stage.bob, 1, sender=stage.alice)
            assert refused.status_code == code


def test_holds_are_told_with_the_token_that_they_are_on(stage: Stage) -> None:
    token, holds, calls = stage.token, stage.holds, stage.calls
    stage.do("authorizeOperator", holds.address, sender=stage.alice)

    def hold(function: str, number: int, *arguments: object, sender: str) -> list[Any]:
        name = bytes([number]) * 32
        return calls.events(holds, function, token.address, name, *arguments, sender=sender)

    terms = (stage.bob, stage.broker, LOCKED, 9, 3600, b"\x05" * 32)
    (created,) = hold("hold", 1, *terms, sender=stage.alice)
    assert isinstance(created, chain.HoldCreated)
    assert moved(created, stage, "alice", "bob", 9)
    assert (created.token_id, created.partition_name) == ("fund", "locked")
    assert (created.notary, created.hold) == (stage.address("broker"), "0x" + "01" * 32)
    assert created.secret_hash == "0x" + "05" * 32
    assert created.expires == created.timestamp + 3600 * 10**9
    (renewed,) = hold("renewHold", 1, 0, sender=stage.alice)
    assert isinstance(renewed, chain.HoldRenewed)
    assert (renewed.expired, renewed.expires) == (created.expires, None)
    executed, *_ = hold("executeHold", 1, 4, True, sender=stage.broker)
    assert isinstance(executed, chain.HoldExecuted)
    assert (executed.held_raw, executed.amount_raw, executed.kept_open) == ("9", "4", True)
    executed, by_partition, _ = hold("executeHold", 1, 5, False, sender=stage.broker)
    assert (executed.held_raw, executed.amount_raw, executed.kept_open) == ("5", "5", False)
    assert by_partition.operator == str(holds.address).lower()
    hold("hold", 2, *terms, sender=stage.alice)
    (released,) = hold("releaseHold", 2, sender=stage.broker)
    assert isinstance(released, chain.HoldReleased)
    assert (released.released_by, released.token_id) == ("notary", "fund")
    hold("hold", 3, *terms, sender=stage.alice)
    (released,) = hold("releaseHold", 3, sender=stage.bob)
    assert released.released_by == "payee"


def test_the_records_alone_give_every_holders_partitions_as_the_contract_has_them(
    stage: Stage,
) -> None:
    events = [
        *stage.do("issueByPartition", FREE, stage.broker, 40, b""),
        *stage.do("transferByPartition", FREE, stage.bob, 30, b"", sender=stage.broker),
        *stage.do("transferByPartition", FREE, stage.bob, 7, CHANGE + LOCKED, sender=stage.broker),
        *stage.do("redeemByPartition", FREE, 12, b"", sender=stage.bob),
        *stage.do("redeemByPartition", LOCKED, 2, b"", sender=stage.bob),
    ]
    kept: dict[tuple[str, str], int] = {}

    def add(holder: str | None, partition: str | None, amount: int) -> None:
        assert holder is not None
        assert partition is not None
        kept[holder, partition] = kept.get((holder, partition), 0) + amount

    for event, following in zip(events, [*events[1:], None], strict=True):
        amount = int(event.amount_raw)
        match event:
            case chain.TokensIssued():
                add(event.investor_address, event.partition, amount)
            case chain.TokensRedeemed():
                add(event.investor_address, event.partition, -amount)
            case chain.PartitionTransfer():
                moves = isinstance(following, chain.PartitionChanged)
                add(event.source_address, event.partition, -amount)
                into = following.new_partition if moves else event.partition
                add(event.destination_address, into, amount)
            case _:
                pass
    ledger = stage.calls.ledger
    for (holder, partition), amount in kept.items():
        of_contract = ledger.ask(
            stage.token,
            "balanceOfByPartition",
            bytes.fromhex(partition[2:]),
            ledger.web3.to_checksum_address(holder),
        )
        assert of_contract == amount, (holder, partition)
    assert sum(kept.values()) == 26

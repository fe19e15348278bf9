"""Transfers of the chain's own currency: what a block and the collector's word make of them."""

from typing import Any

import msgspec

from normalizer.events.chain import NativeTransfer
from normalizer.normalize import Normalized
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.frames import Frame
from tests.normalizer import blocks as b

ETHER = 10**18


def block(*transactions: dict[str, Any], given: list[str]) -> Frame:
    frame = b.frame(transactions=list(transactions))
    payload = msgspec.json.decode(frame.payload, type=BlockPayload)
    payload.native_transfers = given
    return Frame(frame.position, frame.received, encode_block(payload))


def gift(value: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "hash": b.transaction_hash(number),
        "from": b.ALICE,
        "to": b.CAROL,
        "value": value,
        "input": "0x",
        "transactionIndex": hex(number),
        **more,
    }


def normalized(*transactions: dict[str, Any], given: list[str]) -> Normalized:
    return b.normalize(block(*transactions, given=given))


def test_a_gift_has_both_ends_with_who_they_are_and_the_exact_amount() -> None:
    given = b.transaction_hash(1)
    event = b.only(normalized(gift(hex(3 * ETHER + 1)), given=[given]))
    assert isinstance(event, NativeTransfer)
    assert (event.value_raw, event.value) == ("3000000000000000001", 3.0)
    assert (event.source_address, event.source_investor) == (b.ALICE, "INV-0001")
    assert event.destination_labels == ("sanctioned", "sanctioned:OFAC-SDN")
    assert event.id == f"{b.CHAIN}:{b.BLOCK_HASH}:{given}:value"
    assert event.related_user == (b.ALICE, b.CAROL, "INV-0001")
    assert (event.token_id, event.contract, event.transaction_index) == (None, None, 1)


def test_only_what_the_collector_names_is_a_transfer() -> None:
    """A block doesn't tell whether a transaction succeeded."""
    result = normalized(gift("0x1"), gift("0x2", 2), given=[b.transaction_hash(2)])
    assert b.only(result).value_raw == "2"


def test_the_largest_amount_is_exact() -> None:
    event = b.only(normalized(gift("0x" + "f" * 64), given=[b.transaction_hash(1)]))
    assert event.value_raw == str(2**256 - 1)


def test_what_can_not_be_read_is_a_dead_letter_of_its_own() -> None:
    result = normalized(
        gift("0x" + "f" * 65),
        gift("0x1", 2, to=None),
        gift("0x1", 3),
        given=[b.transaction_hash(number) for number in (1, 2, 3)],
    )
    assert [letter.field for letter in result.dead] == [
        "transactions[0].value",
        "transactions[1].to",
    ]
    (one,) = [event for event in result.events if isinstance(event, NativeTransfer)]
    assert one.value_raw == "1"

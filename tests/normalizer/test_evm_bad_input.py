"""Blocks with something wrong in them: the rest goes on, and what is wrong is said."""

from typing import Any

import msgspec
import pytest

from normalizer.events.chain import Block, TokenTransfer, TokenTransferRefused
from normalizer.normalize import Normalizer
from pipeline.evm_payload import Refusal
from pipeline.frames import Frame, FrameBatch
from tests.normalizer import blocks as b

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"


def good(index: int) -> dict[str, Any]:
    return b.log(TRANSFER, b.ALICE, b.BOB, index, index=index)


def changed(index: int, **values: Any) -> dict[str, Any]:
    return good(index) | values


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (changed(1, data="0x01"), "logs[1].data"),
        (changed(1, data="0x" + "zz" * 32), "logs[1].data"),
        (changed(1, topics=good(1)["topics"][:2]), "logs[1].topics"),
        (changed(1, topics=[*good(1)["topics"][:2], "0x" + "ff" * 32]), "logs[1].topics[2]"),
        (changed(1, topics=[0]), "logs[1].topics[0]"),
        (changed(1, address="0x12"), "logs[1].address"),
        (changed(1, logIndex="1"), "logs[1].logIndex"),
        (changed(1, logIndex=1), "logs[1].logIndex"),
        (changed(1, transactionHash="0x12"), "logs[1].transactionHash"),
        (changed(1, blockHash=b.PARENT_HASH), "logs[1].blockHash"),
        ({"address": b.TOKEN}, "logs[1]"),
        ("no log", "logs[1]"),
    ],
)
def test_a_bad_log_is_a_dead_letter_and_its_block_goes_on(bad: Any, field: str) -> None:
    result = b.normalize(b.frame(good(0), bad, good(2)))
    assert [type(event) for event in result.events] == [Block, TokenTransfer, TokenTransfer]
    (letter,) = result.dead
    assert (letter.field, letter.position, letter.original) == (field, "16", "RAW/7/0")
    assert letter.reason


def test_the_dead_letter_of_a_log_is_a_frame_that_can_be_decoded_again() -> None:
    result = b.normalize(b.frame(good(0), changed(1, data="0x01"), good(2)))
    (letter,) = result.dead
    payload = msgspec.json.decode(letter.payload)
    assert payload["logs"] == [changed(1, data="0x01")]
    assert payload["transactions"] == [b.transaction()]
    payload["logs"][0]["data"] = good(1)["data"]
    again = b.normalize(Frame("16", b.RECEIVED, msgspec.json.encode(payload)))
    assert [event.id for event in again.events] == [
        f"31337:{b.BLOCK_HASH}",
        f"31337:{b.BLOCK_HASH}:{b.transaction_hash(1)}:1",
    ]


def test_events_come_in_log_order_however_the_node_sends_them() -> None:
    result = b.normalize(b.frame(good(2), good(0), good(1)))
    assert [getattr(event, "log_index", None) for event in result.events] == [None, 0, 1, 2]


def test_removed_logs_are_counted_and_left_out() -> None:
    result = b.normalize(b.frame(good(0), changed(1, removed=True)))
    assert len(result.events) == 2
    assert result.ignored == {"removed-log": 1}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ({"hash": "0x12"}, "block.hash"),
        ({"number": "sixteen"}, "block.number"),
        ({"timestamp": "0x0"}, "block.timestamp"),
        ({"timestamp": hex(b.SECONDS + 200_000)}, "block.timestamp"),
        ({"timestamp": None}, "timestamp"),
    ],
)
def test_a_block_with_a_bad_header_is_a_dead_letter_as_a_whole(
    header: dict[str, Any], field: str
) -> None:
    result = b.normalize(b.frame(good(0), header=header))
    assert not result.events
    (letter,) = result.dead
    assert letter.field == field


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_block_is_a_dead_letter_with_its_bytes(payload: bytes) -> None:
    batch = FrameBatch("chain", "evm", [Frame("9", b.RECEIVED, payload)])
    result = Normalizer(b.REFERENCE).normalize(3, batch)
    (letter,) = result.dead
    assert not result.events
    assert (letter.position, letter.payload) == ("9", payload)


def failed(data: str, refusal: Refusal | None = None, to: str = b.TOKEN) -> Any:
    return b.normalize(
        b.frame(
            transactions=[b.transaction(data=data, to=to)],
            receipts=[{"transactionHash": b.transaction_hash(1), "status": "0x0", "logs": []}],
            refusals=[refusal] if refusal else [],
        )
    )


def test_a_refused_transfer_says_why_and_who() -> None:
    refusal = Refusal(b.transaction_hash(1), "Transfer not possible", False, True)
    event = b.only(failed(b.call("transfer", b.CAROL, 2 * 10**18), refusal))
    assert isinstance(event, TokenTransferRefused)
    assert event.id == f"31337:{b.BLOCK_HASH}:{b.transaction_hash(1)}:refused"
    assert (event.source_address, event.destination_address) == (b.ALICE, b.CAROL)
    assert (event.amount, event.reason) == (2.0, "Transfer not possible")
    assert (event.receiver_verified, event.compliance_allows) == (False, True)
    assert (event.outcome, event.category, event.type) == ("failure", ("network",), ("denied",))
    assert event.destination_labels == ("sanctioned", "sanctioned:OFAC-SDN")


@pytest.mark.parametrize("name", ["transferFrom", "forcedTransfer"])
def test_the_holder_of_a_refused_transfer_need_not_be_who_signed(name: str) -> None:
    event = b.only(failed(b.call(name, b.BOB, b.CAROL, 7)))
    assert (event.source_address, event.transaction_from) == (b.BOB, b.ALICE)
    assert event.transaction_method == name


def test_a_refused_batch_is_one_event_per_transfer_without_the_answers_for_one() -> None:
    refusal = Refusal(b.transaction_hash(1), "Transfer not possible", False, True)
    result = failed(b.call("batchTransfer", [b.BOB, b.CAROL], [1, 2]), refusal)
    _, first, second = result.events
    assert [e.amount_raw for e in (first, second)] == ["1", "2"]
    assert second.id == f"{first.id}:1"
    assert (second.reason, second.receiver_verified) == ("Transfer not possible", None)


def test_other_failed_transactions_are_counted_and_junk_arguments_are_a_dead_letter() -> None:
    assert failed(b.call("pause")).ignored == {"failed-transaction": 1}
    assert failed(b.call("transfer", b.BOB, 1), to=b.CAROL).ignored == {"failed-transaction": 1}
    result = failed(b.call("transfer", b.BOB, 1)[:-10])
    assert len(result.events) == 1
    assert result.dead[0].field == "receipts[0].input"


def test_the_same_frame_gives_the_same_bytes_again() -> None:
    made = b.frame(good(0), good(1))
    normalizer = Normalizer(b.REFERENCE)
    batch = FrameBatch("chain", "evm", [made])
    assert normalizer.encode(1, batch)[0] == Normalizer(b.REFERENCE).encode(1, batch)[0]
    assert normalizer.encode(1, batch)[0].count(b"\n") == 3

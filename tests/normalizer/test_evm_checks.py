"""What was asked on chain about a transfer, as its event tells it."""

from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from normalizer.events.chain import TokenTransfer, TokenTransferRefused
from normalizer.status_codes import meaning
from pipeline.evm_payload import (
    BlockPayload,
    BlockState,
    CallFailure,
    Check,
    StateCall,
    TransferChecks,
    encode_block,
)
from pipeline.frames import Frame
from tests.normalizer import blocks as b

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"
YES, NO = "0x" + f"{1:064x}", "0x" + f"{0:064x}"
Asked = tuple[Check, BlockState, str | CallFailure]


def with_checks(frame: Frame, *checks: TransferChecks, calls: list[StateCall]) -> Frame:
    payload = msgspec.json.decode(frame.payload, type=BlockPayload)
    payload.calls, payload.checks = calls, list(checks)
    return msgspec.structs.replace(frame, payload=encode_block(payload))


def answered(*asked: Asked, log_index: int | None = 0, **options: Any) -> tuple[Any, Any]:
    """Checks of the first transaction, and the calls that they refer to."""
    calls = [
        StateCall(state, b.TOKEN, "0x", None, answer)
        if answer.startswith("0x")
        else StateCall(state, b.TOKEN, "0x", None, None, answer)  # type: ignore[arg-type]
        for _, state, answer in asked
    ]
    places = [(check, place) for place, (check, _, _) in enumerate(asked)]
    return TransferChecks(b.transaction_hash(1), log_index, asked=places, **options), calls


def done(*asked: Asked, **options: Any) -> TokenTransfer:
    checks, calls = answered(*asked, **options)
    moved = b.frame(
        b.log(TRANSFER, b.ALICE, b.BOB, 5),
        transactions=[b.transaction(data=b.call("transfer", b.BOB, 5))],
    )
    return b.only(b.normalize(with_checks(moved, checks, calls=calls)))


def refused(*asked: Asked, **options: Any) -> TokenTransferRefused:
    checks, calls = answered(*asked, log_index=None, **options)
    failed = b.frame(
        transactions=[b.transaction(data=b.call("transfer", b.BOB, 5))],
        receipts=[{"transactionHash": b.transaction_hash(1), "status": "0x0"}],
    )
    return b.only(b.normalize(with_checks(failed, checks, calls=calls)))


def word(kind: str, value: Any) -> str:
    return "0x" + encode([kind], [value]).hex()


def test_each_answer_is_a_field() -> None:
    event = done(
        ("verified-destination", "before", YES),
        ("compliance", "before", YES),
        ("frozen-source", "before", NO),
        ("paused", "before", NO),
        ("restriction", "before", NO),
        ("balance-source", "after", word("uint256", 2**256 - 1)),
        ("supply", "after", word("uint256", 7)),
        ("country-destination", "after", word("uint16", 840)),
        preceded=True,
    )
    assert (event.check_state, event.check_missing, event.check_preceded) == ("complete", (), True)
    assert event.check_destination_verified is event.check_compliance_allows is True
    assert event.check_source_frozen is event.check_paused is False
    assert (event.check_restriction_code, event.check_supply) == (0, "7")
    assert event.check_source_balance == str(2**256 - 1)
    assert event.check_destination_country == 840
    assert event.check_source_verified is event.check_status_code is None


def test_without_checks_there_is_nothing() -> None:
    event = b.only(b.normalize(b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 5))))
    assert event.check_state is event.check_preceded is None
    assert event.check_missing == event.check_changed == ()


def test_checks_go_to_their_own_log() -> None:
    event = done(("verified-destination", "before", YES), log_index=1)
    assert event.check_state is None


@pytest.mark.parametrize(
    ("before", "after", "told", "changed"),
    [
        (NO, YES, True, ("compliance",)),
        (NO, NO, False, ()),
        (YES, NO, True, ("compliance",)),
        (YES, YES, True, ()),
    ],
)
def test_of_a_transfer_that_was_done_the_state_counts_that_permits_it(
    before: str, after: str, told: bool, changed: tuple[str, ...]
) -> None:
    event = done(("compliance", "before", before), ("compliance", "after", after))
    assert (event.check_compliance_allows, event.check_changed) == (told, changed)


@pytest.mark.parametrize(
    ("before", "after", "told", "changed"),
    [
        (NO, YES, False, ("verified-destination",)),
        (YES, NO, False, ("verified-destination",)),
        (NO, NO, False, ()),
        (YES, YES, True, ()),
    ],
)
def test_of_a_refused_transfer_the_state_counts_that_forbids_it(
    before: str, after: str, told: bool, changed: tuple[str, ...]
) -> None:
    event = refused(
        ("verified-destination", "before", before), ("verified-destination", "after", after)
    )
    assert event.check_destination_verified is event.receiver_verified is told
    assert event.check_changed == changed


def test_a_freeze_that_ended_in_the_block_does_not_count_for_what_was_done() -> None:
    event = done(("frozen-source", "before", YES), ("frozen-source", "after", NO))
    assert (event.check_source_frozen, event.check_changed) == (False, ("frozen-source",))


def test_words_go_with_the_code_that_counts() -> None:
    message = word("string", "not listed")
    asked: tuple[Asked, ...] = (
        ("restriction", "before", word("uint8", 3)),
        ("restriction-message", "before", "0x" + message[2:]),
    )
    stood = done(*asked, ("restriction", "after", word("uint8", 3)))
    assert (stood.check_restriction_code, stood.check_restriction_message) == (3, "not listed")
    gone = done(*asked, ("restriction", "after", word("uint8", 0)))
    assert (gone.check_restriction_code, gone.check_restriction_message) == (0, None)
    assert gone.check_changed == ("restriction",)


def test_of_two_forms_of_a_function_the_one_counts_that_answers() -> None:
    halted = "0x" + encode(["bytes1", "bytes32", "bytes32"], [b"\x54", b"why", b""]).hex()
    event = done(("partition", "before", "reverted"), ("partition", "before", halted))
    assert (event.check_state, event.check_missing) == ("complete", ())
    assert (event.check_status_code, event.check_status_meaning) == ("0x54", "transfers halted")
    assert (event.check_status_allows, event.check_status_reason) == (False, "why")


@pytest.mark.parametrize(
    ("asked", "state", "missing"),
    [
        ([("supply", "after", "unavailable")], "unavailable", ("supply:unavailable",)),
        ([("supply", "after", "limit")], "limit", ("supply:limit",)),
        ([("supply", "after", "reverted")], "failed", ("supply:reverted",)),
        ([("supply", "after", "0x12")], "failed", ("supply:unreadable",)),
        (
            [("supply", "after", "limit"), ("paused", "before", "unavailable")],
            "failed",
            ("supply:limit", "paused:unavailable"),
        ),
        (
            [("supply", "after", NO), ("paused", "before", "unavailable")],
            "partial",
            ("paused:unavailable",),
        ),
        ([("paused", "before", NO), ("paused", "after", "failed")], "complete", ()),
    ],
)
def test_what_is_missing_is_told_with_its_reason(
    asked: list[Asked], state: str, missing: tuple[str, ...]
) -> None:
    event = done(*asked)
    assert (event.check_state, event.check_missing) == (state, missing)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ("verified-source", word("uint256", 2)),
        ("restriction", word("uint256", 256)),
        ("country-source", word("uint256", 65_536)),
        ("restriction-message", "0x" + "ff" * 64),
        ("status", YES),
        ("balance-source", "0x" + "zz" * 32),
    ],
)
def test_an_answer_that_cannot_be_one_is_missing(check: Check, answer: str) -> None:
    assert done((check, "before", answer)).check_missing == (f"{check}:unreadable",)


def test_a_place_that_the_frame_has_no_call_for_is_passed_over() -> None:
    checks = TransferChecks(b.transaction_hash(1), 0, asked=[("supply", 9)])
    moved = b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 5))
    event = b.only(b.normalize(with_checks(moved, checks, calls=[])))
    assert event.check_supply is None


def test_a_dead_part_keeps_the_checks_of_its_transaction() -> None:
    checks, calls = answered(("supply", "after", YES))
    other = TransferChecks(b.transaction_hash(2), 1, asked=[("supply", 0)])
    bad = b.log(TRANSFER, b.ALICE, b.BOB, 5) | {"data": "0x12"}
    result = b.normalize(with_checks(b.frame(bad), checks, other, calls=calls))
    (letter,) = result.dead
    kept = msgspec.json.decode(letter.payload, type=BlockPayload)
    assert kept.checks == [checks]


@given(st.binary(max_size=160), st.sampled_from(["status", "restriction-message", "compliance"]))
def test_no_answer_costs_a_transfer(data: bytes, check: Check) -> None:
    event = done((check, "before", "0x" + data.hex()))
    assert event.amount_raw == "5"
    assert event.check_state in ("complete", "failed")


def test_codes_have_the_words_of_the_standard_that_the_token_follows() -> None:
    """Row 0x5_ is ERC-1400's, which differs there from ERC-1066 as it became final."""
    assert meaning(0x52) == "insufficient balance"
    assert meaning(0x54) == "transfers halted"
    assert meaning(0x10) == "disallowed or stop"
    assert meaning(0x6A) == "reserved"

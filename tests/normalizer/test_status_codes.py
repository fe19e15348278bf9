"""Codes that tokens refuse with: when a reason is one, and what it says in either table."""

import pytest

from normalizer.events.chain import TokenTransferRefused
from normalizer.status_codes import meaning, reverted_with
from pipeline.evm_payload import Refusal
from tests.normalizer import blocks as b


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("0x54", 0x54),
        ("0x5F", 0x5F),
        ("0x10", 0x10),
        ("52", 0x52),
        ("5f", 0x5F),
        ("10", None),
        ("0x5", None),
        ("0x540", None),
        ("transfer 0x54", None),
        ("Pausable: paused", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reason_is_a_code_only_where_it_is_nothing_else(
    reason: str | None, code: int | None
) -> None:
    assert reverted_with(reason) == code


def refused(reason: str) -> TokenTransferRefused:
    receipt = {"transactionHash": b.transaction_hash(1), "status": "0x0"}
    result = b.normalize(
        b.frame(
            transactions=[b.transaction(data=b.call("transfer", b.BOB, 1))],
            receipts=[receipt],
            refusals=[Refusal(b.transaction_hash(1), reason)],
        )
    )
    event = result.events[1]
    assert isinstance(event, TokenTransferRefused)
    return event


def test_row_five_has_two_meanings_and_both_are_told() -> None:
    event = refused("54")
    assert (event.reason, event.status_code) == ("54", "0x54")
    assert event.status_meaning == "transfers halted"
    assert event.status_in_erc1066 == "insufficient funds"
    # ERC-1066 leaves this one reserved.
    assert refused("0x57").status_meaning == "invalid receiver"
    assert refused("0x57").status_in_erc1066 is None


def test_elsewhere_only_erc1066_has_a_meaning() -> None:
    event = refused("0x16")
    assert (event.status_meaning, event.status_in_erc1066) == ("revoked or banned", None)


def test_a_reason_in_words_has_no_code() -> None:
    event = refused("wallet is frozen")
    assert (event.reason, event.status_code, event.status_meaning) == (
        "wallet is frozen",
        None,
        None,
    )


def test_a_code_that_neither_table_has_is_reserved() -> None:
    assert meaning(0x5A) == "reserved"

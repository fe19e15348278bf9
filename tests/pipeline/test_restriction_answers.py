"""Answers of contracts to checks: words of 32 bytes, in the forms of standards and drafts."""

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evm_payload import Check
from pipeline.restriction_answers import PERMISSIONS, Status, number, permits, status, text


def output(types: tuple[str, ...], *values: object) -> str:
    return "0x" + encode(types, values).hex()


YES, NO = output(("bool",), True), output(("bool",), False)


@pytest.mark.parametrize(
    ("check", "answer", "permitted"),
    [
        ("verified-destination", YES, True),
        ("verified-source", NO, False),
        ("compliance", NO, False),
        ("frozen-source", YES, False),
        ("frozen-destination", NO, True),
        ("paused", YES, False),
        ("restriction", output(("uint8",), 0), True),
        ("restriction", output(("uint8",), 9), False),
        ("balance-source", output(("uint256",), 9), None),
        ("verified-source", "0x", None),
        ("verified-source", YES + "00", None),
        ("verified-source", "0x" + "zz" * 32, None),
    ],
)
def test_what_an_answer_permits(check: Check, answer: str, permitted: bool | None) -> None:
    assert permits(check, answer) is permitted


def test_can_transfer_is_told_by_the_length_of_its_answer() -> None:
    """EIP-1594's text has it return (byte, bytes32), its own interface (bool, byte, bytes32)."""
    by_text = output(("bytes1", "bytes32"), b"\x54", b"")
    by_interface = output(("bool", "bytes1", "bytes32"), False, b"\x54", b"why")
    assert status("status", by_text) == Status(0x54, False)
    assert status("status", by_interface) == Status(0x54, False, "0x" + b"why".hex().ljust(64, "0"))
    # The flag decides, whatever the code.
    assert permits("status", output(("bool", "bytes1", "bytes32"), True, b"\x00", b"")) is True


def test_can_transfer_by_partition_tells_the_partition_that_tokens_come_to() -> None:
    answer = output(("bytes1", "bytes32", "bytes32"), b"\x51", b"", b"locked")
    assert status("partition", answer) == Status(
        0x51, True, None, "0x" + b"locked".hex().ljust(64, "0")
    )
    # Two words are canTransfer's.
    assert status("partition", output(("bytes1", "bytes32"), b"\x51", b"")) is None


@pytest.mark.parametrize(
    ("code", "permitted"),
    [
        (0x01, True),
        (0x11, True),
        (0x51, True),
        (0x00, False),
        (0x50, False),
        (0x54, False),
        (0x57, False),
        (0xA1, True),
        # An application's own: some have 0xa0 for "verified, unrestricted".
        (0xA0, None),
        (0xA5, None),
    ],
)
def test_success_is_reason_1_of_every_row(code: int, permitted: bool | None) -> None:
    answer = output(("bytes1", "bytes32"), bytes([code]), b"")
    assert permits("status", answer) is permitted


@pytest.mark.parametrize(
    "answer",
    [
        YES,
        "0x",
        output(("bytes32", "bytes32"), b"\x51\x51", b""),
        output(("uint256", "bytes1", "bytes32"), 2, b"\x51", b""),
        output(("bytes1", "bytes32", "bytes32"), b"\x51", b"\x51\x01", b""),
        "0x" + "5" * 63 * 2 + "zz",
    ],
)
def test_what_is_no_status_code_is_none(answer: str) -> None:
    assert permits("status", answer) is None


def test_a_message_is_text_and_not_longer_than_people_read() -> None:
    assert text(output(("string",), "sender is locked up")) == "sender is locked up"
    assert text(output(("string",), "")) == ""
    assert text(output(("string",), "x" * 5_000)) == "x" * 1_000
    assert text("0x" + "ff" * 64) is None
    assert text("0x" + "00" * 31) is None
    assert text("no hex") is None


@given(st.binary(max_size=200), st.sampled_from(sorted(PERMISSIONS)))
def test_whatever_comes_is_read_or_none(data: bytes, check: Check) -> None:
    answer = "0x" + data.hex()
    assert permits(check, answer) in (True, False, None)
    found = text(answer)
    assert found is None or len(found) <= 1_000
    value = number(answer)
    assert (value is None) == (len(data) != 32)
    if value is not None:
        assert value == int.from_bytes(data)

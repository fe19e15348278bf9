"""Checksums of addresses, by the examples of EIP-55."""

import pytest

from pipeline.address_checksums import is_mistyped, mistyped_in, with_checksum

#: https://eips.ethereum.org/EIPS/eip-55, test cases.
EXAMPLES = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


@pytest.mark.parametrize("address", EXAMPLES)
def test_examples_of_the_standard(address: str) -> None:
    assert with_checksum(address.lower()) == address
    for written in (address, address.lower(), "0x" + address[2:].upper()):
        assert not is_mistyped(written)


@pytest.mark.parametrize("address", EXAMPLES[4:])
def test_one_digit_that_is_another_is_noticed(address: str) -> None:
    for place in (2, 20, 41):
        other = "1" if address[place] != "1" else "2"
        assert is_mistyped(address[:place] + other + address[place + 1 :])


@pytest.mark.parametrize("text", ["", "0x", "0x5aAe", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"])
def test_what_is_no_address_is_no_mistyped_one(text: str) -> None:
    assert not is_mistyped(text)


def test_they_are_found_wherever_they_stand() -> None:
    wrong = "0x6aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    record = {"id": "I", "addresses": [EXAMPLES[4], wrong], "deep": {"er": (wrong,)}, "n": 3}
    assert list(mistyped_in(record)) == [wrong, wrong]

"""Checksums of addresses of EVM chains: https://eips.ethereum.org/EIPS/eip-55.

Addresses are compared in lower case, and what has no upper and lower case has no checksum. But one
that has, and a wrong one, was most likely mistyped: nobody would ever be found by it.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

_MIXED = re.compile(r"0x(?=[0-9a-fA-F]*[a-f])(?=[0-9a-fA-F]*[A-F])[0-9a-fA-F]{40}")


def is_mistyped(text: str) -> bool:
    """Whether it is an address in upper and lower case, and these are not its checksum."""
    return _MIXED.fullmatch(text) is not None and text != with_checksum(text)


def with_checksum(address: str) -> str:
    """The address as EIP-55 writes it."""
    from eth_hash.auto import keccak

    digits = address[2:].lower()
    hashed = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, hashed, strict=False)
    )


def mistyped_in(value: Any) -> Iterator[str]:
    """Such addresses in what is made of texts, lists and objects."""
    if isinstance(value, str):
        if is_mistyped(value):
            yield value
    elif isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            yield from mistyped_in(one)
    elif isinstance(value, list | tuple):
        for one in cast("list[Any]", value):
            yield from mistyped_in(one)

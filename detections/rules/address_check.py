"""Whether a value can be an address: one digit too few, and a rule never alerts on it."""

import re

from pipeline.yaml_nodes import ScalarNode

_BEGINS = re.compile(r"0[xX][^*?\s]*")
# An account or contract; of Uniswap v4 a pool's id, which stands where others have an address.
_WHOLE = re.compile(r"0[xX](?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_DIGITS = 42


def wrong_address(node: ScalarNode) -> tuple[str, str | None, str | None] | None:
    """What is wrong with a value as an address of an EVM chain: message, expected and advice.

    None where it is one, or a pattern, or an address of another kind of chain.
    """
    text = node.text
    if not _BEGINS.fullmatch(text):
        return None
    if not _WHOLE.fullmatch(text):
        return "this is no whole address", "0x and 40 digits", None
    if len(text) == _DIGITS and not _has_its_capitals(text):
        return (
            "the capitals in this address aren't those of its checksum (EIP-55)",
            None,
            "copy it anew; all in small letters it isn't checked",
        )
    return None


def _has_its_capitals(text: str) -> bool:
    digits = text[2:]
    if digits in (digits.lower(), digits.upper()):
        return True
    from eth_hash.auto import keccak

    hashed = keccak(digits.lower().encode()).hex()
    expected = (
        c.upper() if int(h, 16) >= 8 else c for c, h in zip(digits.lower(), hashed, strict=False)
    )
    return digits == "".join(expected)

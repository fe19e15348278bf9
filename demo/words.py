"""How the demo says things to people: kinds of abuse, long hexadecimal and ids."""

import re

_SAID = {
    "wash_trading": "Wash trading",
    "spoofing": "Spoofing",
    "transfer_restrictions": "Transfer restrictions",
    "sanctions": "Sanctions",
    "large_transfers": "Large transfers",
}
_LONG_HEX = re.compile(r"0x[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?\b")


def typology_name(typology: str) -> str:
    """`Wash trading` for `wash_trading`."""
    return _SAID.get(typology) or typology.replace("_", " ").replace("-", " ").capitalize()


def shortened(text: str) -> str:
    """Addresses and hashes as `0x1cbd…c9ec`, for sentences; evidence prints them whole."""
    return _LONG_HEX.sub(lambda found: f"{found[0][:6]}…{found[0][-4:]}", text)


def short_id(text: str) -> str:
    """The beginning of a long id: enough to tell a few apart."""
    return text if len(text) <= 13 else f"{text[:8]}…{text[-4:]}"

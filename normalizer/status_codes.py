"""Status codes of security tokens in words.

Two tables disagree in row 0x5_: the draft of ERC-1400 (with ERC-1594) gives it meanings of its own,
and tokens of that family use these; everywhere else ERC-1066 counts, as it became final.
Sources: SecurityTokenStandard/EIP-Spec, eip/eip-1400.md; ethereum/ERCs, ERCS/erc-1066.md.
"""

import re

#: What the draft of ERC-1400 gives a meaning of its own.
ERC1400 = {
    0x50: "transfer failure",
    0x51: "transfer success",
    0x52: "insufficient balance",
    0x53: "insufficient allowance",
    0x54: "transfers halted",
    0x55: "funds locked",
    0x56: "invalid sender",
    0x57: "invalid receiver",
    0x58: "invalid operator",
    0x5F: "token meta or info",
}
#: The final standard's codes; those that it leaves reserved are missing.
ERC1066 = {
    0x00: "failure",
    0x01: "success",
    0x02: "awaiting others",
    0x03: "accepted",
    0x04: "lower limit or insufficient",
    0x05: "receiver action requested",
    0x06: "upper limit",
    0x08: "duplicate, unnecessary or inapplicable",
    0x0F: "informational or metadata",
    0x10: "disallowed or stop",
    0x11: "allowed or go",
    0x12: "awaiting other's permission",
    0x13: "permission requested",
    0x14: "too open or insecure",
    0x15: "needs your permission",
    0x16: "revoked or banned",
    0x18: "not applicable to current state",
    0x1F: "permission details or control conditions",
    0x20: "not found, unequal or out of range",
    0x21: "found, equal or in range",
    0x22: "awaiting match",
    0x23: "match request sent",
    0x24: "below range or underflow",
    0x25: "request for match",
    0x26: "above range or overflow",
    0x28: "duplicate, conflict or collision",
    0x2F: "matching meta or info",
    0x30: "sender disagrees or nay",
    0x31: "sender agrees or yea",
    0x32: "awaiting ratification",
    0x33: "offer sent or voted",
    0x34: "quorum not reached",
    0x35: "receiver's ratification requested",
    0x36: "offer or vote limit reached",
    0x38: "already voted",
    0x3F: "negotiation rules or participation info",
    0x40: "unavailable",
    0x41: "available",
    0x42: "paused",
    0x43: "queued",
    0x44: "not available yet",
    0x45: "awaiting your availability",
    0x46: "expired",
    0x48: "already done",
    0x4F: "availability rules or info",
    0x50: "transfer failed",
    0x51: "transfer successful",
    0x52: "awaiting payment from others",
    0x53: "hold or escrow",
    0x54: "insufficient funds",
    0x55: "funds requested",
    0x56: "transfer volume exceeded",
    0x58: "funds not required",
    0x5F: "token or financial information",
    0xA0: "application-specific failure",
    0xA1: "application-specific success",
    0xA2: "application-specific awaiting others",
    0xA3: "application-specific acceptance",
    0xA4: "application-specific below condition",
    0xA5: "application-specific receiver action requested",
    0xA6: "application-specific expiry or limit",
    0xA8: "application-specific inapplicable condition",
    0xAF: "application-specific meta or info",
    0xE0: "decrypt failure",
    0xE1: "decrypt success",
    0xE2: "awaiting other signatures or keys",
    0xE3: "signed",
    0xE4: "unsigned or untrusted",
    0xE5: "signature required",
    0xE6: "known to be compromised",
    0xE8: "already signed or not encrypted",
    0xEF: "cryptography, id or proof metadata",
    0xF0: "off-chain failure",
    0xF1: "off-chain success",
    0xF2: "awaiting off-chain process",
    0xF3: "off-chain process started",
    0xF4: "off-chain service unreachable",
    0xF5: "off-chain action required",
    0xF6: "off-chain expiry or limit reached",
    0xF8: "duplicate off-chain request",
    0xFF: "off-chain info or meta",
}


#: A whole reason that is a code: ``0x54`` as contracts of the family write it, or ``54`` as
#: UniversalToken does; without 0x only in the row of transfers, since other numbers are no codes.
_REVERTED = re.compile(r"0x([0-9a-fA-F]{2})|(5[0-9a-fA-F])")


def reverted_with(reason: str | None) -> int | None:
    """The code that a token refused with, where its reason is nothing but one."""
    found = None if reason is None else _REVERTED.fullmatch(reason)
    return None if found is None else int(found[1] or found[2], 16)


def meaning(code: int) -> str:
    """What a code of ``canTransfer`` or ``canTransferByPartition`` says."""
    return ERC1400.get(code) or ERC1066.get(code) or "reserved"

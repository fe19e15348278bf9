"""Instructions of SPL Token and Token-2022 by their first bytes.

Token-2022 takes those of SPL Token under the same numbers, and has its extensions under one number
each, where a second byte says which. Interfaces that a token may implement (metadata, groups,
transfer hooks) go by eight bytes instead.

Source: https://github.com/solana-program/token (``TokenInstruction``),
https://github.com/solana-program/token-2022 (``TokenInstruction`` and the extensions'),
https://github.com/solana-program/token-metadata, https://github.com/solana-program/transfer-hook.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from normalizer.decoders.solana_layouts import Layout, Reader, TooShort, layout

SPL_TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"  # noqa: S105 - a program's address
TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"  # noqa: S105 - a program's address
TOKEN_PROGRAMS = frozenset({SPL_TOKEN, TOKEN_2022})
MEMO_PROGRAMS = frozenset(
    {
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
    }
)
#: Several instructions of SPL Token in one; p-token has it (SIMD-0266).
_BATCH = 255
_DISCRIMINATOR = 8

_MOVES = "source destination authority"
_CHECKED_MOVES = "source mint destination authority"

_LAYOUTS: Mapping[int, Layout] = {
    0: layout("initialize-mint", "mint", decimals="u8", mint_authority="pubkey",
              freeze_authority="optional"),
    1: layout("initialize-account", "account mint owner"),
    2: layout("initialize-multisig", "account", required="u8"),
    3: layout("transfer", _MOVES, amount="u64"),
    4: layout("approve", "account delegate authority", amount="u64"),
    5: layout("revoke", "account authority"),
    6: layout("set-authority", "account authority", type="authority", new="optional"),
    7: layout("mint-to", "mint account authority", amount="u64"),
    8: layout("burn", "account mint authority", amount="u64"),
    9: layout("close-account", "account destination authority"),
    10: layout("freeze-account", "account mint authority"),
    11: layout("thaw-account", "account mint authority"),
    12: layout("transfer", _CHECKED_MOVES, amount="u64", decimals="u8"),
    13: layout("approve", "account mint delegate authority", amount="u64", decimals="u8"),
    14: layout("mint-to", "mint account authority", amount="u64", decimals="u8"),
    15: layout("burn", "account mint authority", amount="u64", decimals="u8"),
    16: layout("initialize-account", "account mint", owner="pubkey"),
    17: layout("sync-native", "account"),
    18: layout("initialize-account", "account mint", owner="pubkey"),
    19: layout("initialize-multisig", "account", required="u8"),
    20: layout("initialize-mint", "mint", decimals="u8", mint_authority="pubkey",
               freeze_authority="optional"),
    21: layout("get-account-data-size", "mint"),
    22: layout("initialize-immutable-owner", "account"),
    23: layout("amount-to-ui-amount", "mint", amount="u64"),
    24: layout("ui-amount-to-amount", "mint"),
    25: layout("initialize-mint-close-authority", "mint", close_authority="optional"),
    29: layout("reallocate", "account payer system authority"),
    30: layout("memo-transfer", "account authority", required="bool"),
    31: layout("create-native-mint", "payer mint"),
    32: layout("initialize-non-transferable-mint", "mint"),
    35: layout("initialize-permanent-delegate", "mint", delegate="pubkey"),
    38: layout("withdraw-excess-lamports", "account destination authority"),
}  # fmt: skip

_EXTENSIONS: Mapping[int, Sequence[Layout]] = {
    26: (
        layout("initialize-transfer-fee", "mint", config_authority="optional",
               withdraw_authority="optional", basis_points="u16", maximum_fee="u64"),
        layout("transfer", _CHECKED_MOVES, amount="u64", decimals="u8", fee="u64"),
        layout("withdraw-withheld-from-mint", "mint account authority"),
        layout("withdraw-withheld-from-accounts", "mint account authority", accounts="u8"),
        layout("harvest-withheld-to-mint", "mint"),
        layout("set-transfer-fee", "mint authority", basis_points="u16", maximum_fee="u64"),
    ),
    27: (
        layout("initialize-confidential-mint", "mint", True, authority="nullable",
               approve_automatically="bool"),
        layout("update-confidential-mint", "mint authority", True, approve_automatically="bool"),
        layout("configure-confidential-account", "account mint", True),
        layout("approve-confidential-account", "account mint authority", True),
        layout("empty-confidential-account", "account", True),
        layout("deposit-confidential", "account mint", True, amount="u64", decimals="u8"),
        layout("withdraw-confidential", "account mint", True, amount="u64", decimals="u8"),
        layout("transfer-confidential", "source mint destination", True),
        layout("apply-pending-balance", "account", True),
        layout("enable-confidential-credits", "account", True),
        layout("disable-confidential-credits", "account", True),
        layout("enable-plain-credits", "account", True),
        layout("disable-plain-credits", "account", True),
        layout("transfer-confidential-with-fee", "source mint destination", True),
        layout("configure-confidential-account", "account mint", True),
    ),
    28: (
        layout("initialize-default-account-state", "mint", state="state"),
        layout("update-default-account-state", "mint authority", state="state"),
    ),
    33: (
        layout("initialize-interest-rate", "mint", rate_authority="nullable", rate="i16"),
        layout("update-interest-rate", "mint authority", rate="i16"),
    ),
    34: (
        layout("enable-cpi-guard", "account authority"),
        layout("disable-cpi-guard", "account authority"),
    ),
    36: (
        layout("initialize-transfer-hook", "mint", hook_authority="nullable", program="nullable"),
        layout("update-transfer-hook", "mint authority", program="nullable"),
    ),
    37: (layout("initialize-confidential-fee", "mint", True, authority="nullable"),),
    39: (
        layout("initialize-metadata-pointer", "mint", pointer_authority="nullable",
               metadata="nullable"),
        layout("update-metadata-pointer", "mint authority", metadata="nullable"),
    ),
    40: (
        layout("initialize-group-pointer", "mint", pointer_authority="nullable", group="nullable"),
        layout("update-group-pointer", "mint authority", group="nullable"),
    ),
    41: (
        layout("initialize-group-member-pointer", "mint", pointer_authority="nullable",
               member="nullable"),
        layout("update-group-member-pointer", "mint authority", member="nullable"),
    ),
    42: (
        layout("initialize-confidential-mint-burn", "mint", True),
        layout("rotate-supply-key", "mint", True),
        layout("update-decryptable-supply", "mint", True),
        layout("mint-confidential", "account mint", True),
        layout("burn-confidential", "account mint", True),
        layout("apply-pending-burn", "mint", True),
    ),
    43: (
        layout("initialize-scaled-ui-amount", "mint", multiplier_authority="nullable"),
        layout("update-multiplier", "mint authority"),
    ),
    44: (
        layout("initialize-pausable", "mint", pause_authority="pubkey"),
        layout("pause", "mint authority"),
        layout("resume", "mint authority"),
    ),
}  # fmt: skip


def _interface(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:_DISCRIMINATOR]


#: Asks a transfer hook's program whether a transfer may be.
EXECUTE_HOOK = _interface("spl-transfer-hook-interface:execute")
_INTERFACES: Mapping[bytes, Layout] = {
    _interface("spl_token_metadata_interface:initialize_account"): layout(
        "initialize-metadata", "metadata update_authority mint authority",
        name="text", symbol="text", uri="text",
    ),
    _interface("spl_token_metadata_interface:updating_field"): layout(
        "update-metadata", "mint authority", change="rest",
    ),
    _interface("spl_token_metadata_interface:update_the_authority"): layout(
        "update-metadata-authority", "mint authority", new="nullable",
    ),
}  # fmt: skip


def known_instructions() -> list[tuple[str, Layout]]:
    """All that are known, by their first bytes: ``12``, ``26.1``, or eight in hexadecimal."""
    found = [(str(number), form) for number, form in _LAYOUTS.items()]
    for number, forms in _EXTENSIONS.items():
        found += [(f"{number}.{place}", form) for place, form in enumerate(forms)]
    found.sort(key=_number)
    return found + [(bytes(first).hex(), form) for first, form in _INTERFACES.items()]


def _number(known: tuple[str, Layout]) -> list[int]:
    return [int(part) for part in known[0].split(".")]


class TokenInstruction(Struct, gc=False):
    """An instruction of a token program, read."""

    layout: Layout
    #: Accounts by their role.
    accounts: dict[str, str]
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """What it does."""
        return self.layout.name


def read_token_instruction(data: bytes, accounts: Sequence[str]) -> TokenInstruction | None:
    """What an instruction of a token program says; None for one that isn't known.

    Raises :class:`TooShort` where values or accounts are missing.
    """
    found = _find(data)
    if found is None:
        return None
    form, at = found
    if len(accounts) < len(form.roles):
        raise TooShort(f"{form.name}: {len(accounts)} accounts instead of {len(form.roles)}")
    return TokenInstruction(
        form, dict(zip(form.roles, accounts, strict=False)), form.read(data, at)
    )


def _find(data: bytes) -> tuple[Layout, int] | None:
    if not data:
        return None
    form = _LAYOUTS.get(data[0])
    if form is not None:
        return form, 1
    extension = _EXTENSIONS.get(data[0])
    if extension is not None:
        if len(data) > 1 and data[1] < len(extension):
            return extension[data[1]], 2
        return None
    form = _INTERFACES.get(data[:_DISCRIMINATOR])
    return None if form is None else (form, _DISCRIMINATOR)


def batched(data: bytes, accounts: Sequence[str]) -> list[tuple[bytes, Sequence[str]]]:
    """The instructions of a batch; none where it is no batch. Raises :class:`TooShort`."""
    if data[:1] != bytes((_BATCH,)):
        return []
    parts: list[tuple[bytes, Sequence[str]]] = []
    reader = Reader(data, 1)
    at, left = 0, len(data) - 1
    while left > 0:
        count, size = reader.number(1), reader.number(1)
        if at + count > len(accounts):
            raise TooShort(f"a batch of more than {len(accounts)} accounts")
        parts.append((reader.take(size), accounts[at : at + count]))
        at += count
        left -= 2 + size
    return parts

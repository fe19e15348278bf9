"""The account of a mint: who may do what with the token, as its extensions say.

Source: ``Mint`` of SPL Token, and the extensions of Token-2022: their entries (type, length, value)
follow byte 165, behind a byte that says that the account is a mint.
"""

from typing import Any

from msgspec import Struct

from normalizer.decoders.solana_layouts import Kind, Reader, TooShort
from normalizer.decoders.solana_token_instructions import TOKEN_2022, TOKEN_PROGRAMS
from normalizer.decoders.solana_wire import MintData

#: Of an account without extensions; a mint with extensions is filled up to it.
_ACCOUNT_SIZE = 165
_IS_MINT = 1
_EXTENSIONS = {
    1: "transfer-fee", 3: "close-authority", 4: "confidential-transfer", 6: "default-account-state",
    9: "non-transferable", 10: "interest-bearing", 12: "permanent-delegate", 14: "transfer-hook",
    16: "confidential-transfer-fee", 18: "metadata-pointer", 19: "metadata", 20: "group-pointer",
    21: "group", 22: "group-member-pointer", 23: "group-member", 24: "confidential-mint-burn",
    25: "scaled-ui-amount", 26: "pausable", 28: "permissioned-burn",
}  # fmt: skip
#: What of an extension is read: attributes of :class:`MintState` in the order of the bytes.
_READ: dict[str, tuple[tuple[str, Kind], ...]] = {
    "default-account-state": (("default_state", "state"),),
    "permanent-delegate": (("permanent_delegate", "nullable"),),
    "transfer-hook": (("", "nullable"), ("hook", "nullable")),
    "pausable": (("pause_authority", "nullable"), ("paused", "bool")),
}


class MintState(Struct, kw_only=True):
    """A mint at a slot. Addresses are None where nobody has the power."""

    program: str
    supply: int
    decimals: int
    mint_authority: str | None = None
    freeze_authority: str | None = None
    #: Names of its extensions, in the order in which they stand there.
    extensions: tuple[str, ...] = ()
    #: State in which new accounts begin.
    default_state: str = "initialized"
    permanent_delegate: str | None = None
    #: The program that is asked at every transfer.
    hook: str | None = None
    pause_authority: str | None = None
    paused: bool = False


def read_mint(account: MintData | None) -> MintState | None:
    """The mint in an account; None where it is none, or not any more."""
    if account is None or account.program not in TOKEN_PROGRAMS:
        return None
    reader = Reader(account.data)
    try:
        mint_authority = _authority(reader)
        supply, decimals = reader.number(8), reader.number(1)
        if not reader.number(1):  # not initialised
            return None
        state = MintState(
            program=account.program,
            supply=supply,
            decimals=decimals,
            mint_authority=mint_authority,
            freeze_authority=_authority(reader),
        )
        if account.program == TOKEN_2022 and len(account.data) > _ACCOUNT_SIZE:
            if account.data[_ACCOUNT_SIZE] != _IS_MINT:
                return None
            _read_extensions(Reader(account.data, _ACCOUNT_SIZE + 1), state)
    except TooShort:
        return None
    return state


def _authority(reader: Reader) -> str | None:
    present = reader.number(4)
    key: str | None = reader.value("nullable")
    return key if present else None


def _read_extensions(reader: Reader, state: MintState) -> None:
    names: list[str] = []
    while True:
        try:
            kind, size = reader.number(2), reader.number(2)
        except TooShort:
            break
        if not kind:  # the rest is room
            break
        value = Reader(reader.take(size))
        name = _EXTENSIONS.get(kind, str(kind))
        names.append(name)
        for attribute, form in _READ.get(name, ()):
            found: Any = value.value(form)
            if attribute:
                setattr(state, attribute, found)
    state.extensions = tuple(names)

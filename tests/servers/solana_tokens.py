"""Instructions of the token programs, associated accounts and memos, as a wallet makes them.

Written from the programs' documentation, and run by the programs themselves: what is wrong here is
refused there.
"""

import hashlib
import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")

#: Sizes of extensions in a mint's account: a type and a length of two bytes each, and the value.
EXTENSION_SIZES = {
    "transfer-fee": 4 + 108,
    "default-account-state": 4 + 1,
    "permanent-delegate": 4 + 32,
    "transfer-hook": 4 + 64,
    "pausable": 4 + 33,
    "non-transferable": 4,
    "metadata-pointer": 4 + 64,
    "close-authority": 4 + 32,
    "interest-bearing": 4 + 52,
    "confidential-transfer": 4 + 65,
}


def mint_size(*extensions: str) -> int:
    """Bytes of a mint's account."""
    return 82 if not extensions else 166 + sum(EXTENSION_SIZES[name] for name in extensions)


def read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def write(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def sign(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)


def associated(owner: Pubkey, mint: Pubkey, program: Pubkey = TOKEN_2022) -> Pubkey:
    """The address of the owner's account for a mint."""
    seeds = [bytes(owner), bytes(program), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED)[0]


def _optional(key: Pubkey | None) -> bytes:
    return b"\0" if key is None else b"\1" + bytes(key)


def _nullable(key: Pubkey | None) -> bytes:
    return bytes(32) if key is None else bytes(key)


class Token:
    """Makes the instructions about one mint of one of the two programs."""

    def __init__(self, mint: Pubkey, program: Pubkey = TOKEN_2022, decimals: int = 6) -> None:
        self.mint = mint
        self.program = program
        self.decimals = decimals

    def account(self, owner: Pubkey) -> Pubkey:
        return associated(owner, self.mint, self.program)

    def of(self, data: bytes, *accounts: AccountMeta) -> Instruction:
        return Instruction(self.program, data, list(accounts))

    def initialize(self, authority: Pubkey, freezer: Pubkey | None) -> Instruction:
        data = bytes([20, self.decimals]) + bytes(authority) + _optional(freezer)
        return self.of(data, write(self.mint))

    def with_transfer_hook(self, authority: Pubkey, program: Pubkey | None) -> Instruction:
        data = bytes([36, 0]) + bytes(authority) + _nullable(program)
        return self.of(data, write(self.mint))

    def set_transfer_hook(self, authority: Pubkey, program: Pubkey | None) -> Instruction:
        return self.of(bytes([36, 1]) + _nullable(program), write(self.mint), sign(authority))

    def with_permanent_delegate(self, delegate: Pubkey) -> Instruction:
        return self.of(bytes([35]) + bytes(delegate), write(self.mint))

    def with_default_state(self, state: int) -> Instruction:
        return self.of(bytes([28, 0, state]), write(self.mint))

    def set_default_state(self, authority: Pubkey, state: int) -> Instruction:
        return self.of(bytes([28, 1, state]), write(self.mint), sign(authority))

    def with_transfer_fee(self, authority: Pubkey, points: int, most: int) -> Instruction:
        data = bytes([26, 0]) + 2 * _optional(authority) + struct.pack("<HQ", points, most)
        return self.of(data, write(self.mint))

    def with_pausing(self, authority: Pubkey) -> Instruction:
        return self.of(bytes([44, 0]) + bytes(authority), write(self.mint))

    def pause(self, authority: Pubkey) -> Instruction:
        return self.of(bytes([44, 1]), write(self.mint), sign(authority))

    def resume(self, authority: Pubkey) -> Instruction:
        return self.of(bytes([44, 2]), write(self.mint), sign(authority))

    def non_transferable(self) -> Instruction:
        return self.of(bytes([32]), write(self.mint))

    def with_close_authority(self, authority: Pubkey) -> Instruction:
        return self.of(bytes([25]) + _optional(authority), write(self.mint))

    def with_metadata_pointer(self, authority: Pubkey, place: Pubkey) -> Instruction:
        return self.of(bytes([39, 0]) + bytes(authority) + bytes(place), write(self.mint))

    def with_interest(self, authority: Pubkey, rate: int) -> Instruction:
        return self.of(
            bytes([33, 0]) + bytes(authority) + struct.pack("<h", rate), write(self.mint)
        )

    def with_confidential_transfers(self, authority: Pubkey) -> Instruction:
        return self.of(bytes([27, 0]) + bytes(authority) + b"\1" + bytes(32), write(self.mint))

    def metadata(self, authority: Pubkey, name: str, symbol: str, uri: str) -> Instruction:
        discriminator = hashlib.sha256(b"spl_token_metadata_interface:initialize_account").digest()
        texts = b"".join(
            struct.pack("<I", len(text)) + text.encode() for text in (name, symbol, uri)
        )
        accounts = (write(self.mint), read(authority), read(self.mint), sign(authority))
        return self.of(discriminator[:8] + texts, *accounts)

    def open_account(self, payer: Pubkey, owner: Pubkey) -> Instruction:
        return Instruction(
            ASSOCIATED,
            bytes([1]),
            [
                AccountMeta(payer, is_signer=True, is_writable=True),
                *(write(self.account(owner)), read(owner), read(self.mint)),
                *(read(SYSTEM), read(self.program)),
            ],
        )

    def mint_to(self, owner: Pubkey, authority: Pubkey, amount: int) -> Instruction:
        data = bytes([14]) + struct.pack("<QB", amount, self.decimals)
        return self.of(data, write(self.mint), write(self.account(owner)), sign(authority))

    def transfer(
        self,
        source: Pubkey,
        destination: Pubkey,
        amount: int,
        *more: AccountMeta,
        authority: Pubkey | None = None,
        fee: int | None = None,
    ) -> Instruction:
        """``TransferChecked`` between the accounts of two owners, or the one with its fee."""
        checked = struct.pack("<QB", amount, self.decimals)
        data = bytes([12]) + checked
        if fee is not None:
            data = bytes([26, 1]) + checked + struct.pack("<Q", fee)
        return self.of(
            data,
            write(self.account(source)),
            read(self.mint),
            write(self.account(destination)),
            sign(authority or source),
            *more,
        )

    def plain_transfer(self, source: Pubkey, destination: Pubkey, amount: int) -> Instruction:
        """``Transfer``, which does not name the mint."""
        return self.of(
            bytes([3]) + struct.pack("<Q", amount),
            write(self.account(source)),
            write(self.account(destination)),
            sign(source),
        )

    def burn(self, owner: Pubkey, authority: Pubkey, amount: int) -> Instruction:
        data = bytes([15]) + struct.pack("<QB", amount, self.decimals)
        return self.of(data, write(self.account(owner)), write(self.mint), sign(authority))

    def freeze(self, owner: Pubkey, authority: Pubkey) -> Instruction:
        account = self.account(owner)
        return self.of(bytes([10]), write(account), read(self.mint), sign(authority))

    def thaw(self, owner: Pubkey, authority: Pubkey) -> Instruction:
        account = self.account(owner)
        return self.of(bytes([11]), write(account), read(self.mint), sign(authority))

    def approve(self, owner: Pubkey, delegate: Pubkey, amount: int) -> Instruction:
        data = bytes([13]) + struct.pack("<QB", amount, self.decimals)
        account = self.account(owner)
        return self.of(data, write(account), read(self.mint), read(delegate), sign(owner))

    def revoke(self, owner: Pubkey) -> Instruction:
        return self.of(bytes([5]), write(self.account(owner)), sign(owner))

    def set_authority(
        self, account: Pubkey, authority: Pubkey, kind: int, new: Pubkey | None
    ) -> Instruction:
        data = bytes([6, kind]) + _optional(new)
        return self.of(data, write(account), sign(authority))

    def close(self, owner: Pubkey) -> Instruction:
        return self.of(bytes([9]), write(self.account(owner)), write(owner), sign(owner))


def memo(text: str, signer: Pubkey) -> Instruction:
    return Instruction(MEMO, text.encode(), [sign(signer)])

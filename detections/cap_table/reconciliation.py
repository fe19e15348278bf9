"""A cap table held against what the contract itself says at the same block."""

from collections.abc import Mapping

from msgspec import Struct

from detections.cap_table.table import CapTable


class Difference(Struct, frozen=True):
    """Something that the table and the contract have unlike. Amounts in the smallest unit."""

    what: str
    """`totalSupply`, or the wallet whose `balanceOf` it is."""
    table: int
    chain: int


def asked(table: CapTable) -> list[str]:
    """The wallets whose balance says something: all that were ever seen."""
    return sorted(wallet for wallet in table.holders if wallet)


def differences(
    table: CapTable, balances: Mapping[str, int], supply: int
) -> tuple[Difference, ...]:
    """All of them: first the supply, then wallets by address.

    A holder whom no event named can't be asked; the supply shows that there is one.
    """
    found = [Difference("totalSupply", table.supply, supply)] if table.supply != supply else []
    for wallet in sorted(balances):
        held = table.holders[wallet].balance if wallet in table.holders else 0
        if held != balances[wallet]:
            found.append(Difference(wallet, held, balances[wallet]))
    return tuple(found)

"""The play as data: what each participant does, block by block, and what of it is abuse.

Nothing here touches a chain. The same seed gives the same script.
"""

from __future__ import annotations

from random import Random

import msgspec

from demo.chain import cast


class Scheme(msgspec.Struct, frozen=True):
    """One planted abuse, which may take several steps."""

    typology: str
    description: str


class Step(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One transaction. Participants are named as in `cast`; amounts are whole tokens."""

    schemes: tuple[Scheme, ...] = ()
    """The abuse that this step belongs to; empty for honest business."""


class Transfer(Step, frozen=True, kw_only=True):
    sender: str
    receiver: str
    amount: int
    refused: bool = False
    """The token must refuse it: mined with status 0 and without logs."""


class Buy(Step, frozen=True, kw_only=True):
    """Buy exactly this many security tokens from the pool."""

    trader: str
    amount: int


class Sell(Step, frozen=True, kw_only=True):
    """Sell exactly this many security tokens to the pool."""

    trader: str
    amount: int


class Freeze(Step, frozen=True, kw_only=True):
    """The agent freezes a wallet as a whole."""

    holder: str


class ForcedTransfer(Step, frozen=True, kw_only=True):
    """The agent moves a holder's tokens."""

    sender: str
    receiver: str
    amount: int


AnyStep = Transfer | Buy | Sell | Freeze | ForcedTransfer
Script = tuple[tuple[AnyStep, ...], ...]
"""One tuple of steps for each block."""

BLOCKS = 48
WASH_ROUND_TRIPS = 6
HONEST_TRANSFER_AT_MOST = 2_000
WASH_TRADE_AT_MOST = 9_000
LARGE_TRANSFER_AT_LEAST = 240_000
"""Tokens. A threshold between this and the honest sizes tells the planted transfer apart."""

WASH = Scheme(
    "wash_trading",
    "INV-0011 and INV-0012 (one beneficial owner) trade back and forth in the pool, net nothing",
)
LARGE = Scheme("large_transfer", "INV-0013 moves a block to INV-0010, who is no custodian")
FROM_SANCTIONED = Scheme("sanctioned_address", "INV-0006 takes tokens from a sanctioned address")
TO_SANCTIONED = Scheme("sanctioned_address", "INV-0005 sends tokens to a sanctioned address")
UNVERIFIED = Scheme("refused_transfer", "INV-0008 sends to a wallet that has no identity")
WRONG_COUNTRY = Scheme("refused_transfer", "INV-0002 sends to a resident of a country not allowed")
OVER_LIMIT = Scheme("refused_transfer", "INV-0013 sends more than the custodian may hold")
FROZEN_MOVES = Scheme("refused_transfer", "INV-0015 tries to move tokens out of a frozen wallet")
FROZEN = Scheme("frozen_wallet", "The agent freezes the wallet of INV-0015")
FORCED = Scheme("forced_transfer", "The agent takes tokens of INV-0017 back to the treasury")


def write_script(seed: int) -> Script:
    """The whole play: honest business in nearly every block, and each scheme at its time."""
    random = Random(seed)
    blocks: list[list[AnyStep]] = [[] for _ in range(BLOCKS)]
    _honest_business(random, blocks)
    _market_making(random, blocks)
    _custody(blocks)
    _wash_trading(random, blocks, first=6)
    _single_acts(random, blocks)
    return tuple(tuple(steps) for steps in blocks)


def _honest_business(random: Random, blocks: list[list[AnyStep]]) -> None:
    # Each investor mostly goes one way, as people who build up or reduce a holding do.
    names = [member.name for member in cast.HONEST]
    buyers = set(random.sample(names, len(names) // 2))
    for block in blocks[1:-3]:
        for name in random.sample(names, random.choice((0, 1, 1, 2))):
            if random.random() < 0.4:
                others = [other for other in names if other != name]
                amount = random.randrange(50, HONEST_TRANSFER_AT_MOST)
                receiver = random.choice(others)
                block.append(Transfer(sender=name, receiver=receiver, amount=amount))
            elif (name in buyers) != (random.random() < 0.1):
                block.append(Buy(trader=name, amount=random.randrange(20, 800)))
            else:
                block.append(Sell(trader=name, amount=random.randrange(20, 800)))
    for at, amount in ((12, 700), (33, 400)):
        blocks[at].append(
            Transfer(sender="INV-0003", receiver=cast.SECOND_WALLET.name, amount=amount)
        )


def _market_making(random: Random, blocks: list[list[AnyStep]]) -> None:
    # Both sides all the time, but always less out than in: a position, so no wash trade.
    name = cast.MARKET_MAKER.name
    for at in range(2, BLOCKS - 6, 4):
        bought = random.randrange(600, 1_500)
        sold = int(bought * random.uniform(0.3, 0.6))
        blocks[at].append(Buy(trader=name, amount=bought))
        blocks[at + 2].append(Sell(trader=name, amount=sold))


def _custody(blocks: list[list[AnyStep]]) -> None:
    custodian = cast.CUSTODIAN.name
    blocks[5].append(Transfer(sender=cast.TREASURY.name, receiver=custodian, amount=600_000))
    blocks[24].append(Transfer(sender=cast.INSTITUTION.name, receiver=custodian, amount=400_000))


def _wash_trading(random: Random, blocks: list[list[AnyStep]], first: int) -> None:
    wallets = [member.name for member in cast.WASH_OWNERS]
    held_too_much = 0
    at = first
    for trip in range(WASH_ROUND_TRIPS):
        buyer, seller = wallets if trip % 2 == 0 else reversed(wallets)
        bought = random.randrange(6_000, WASH_TRADE_AT_MOST)
        # Not quite the same amount, so that comparing sizes for equality finds nothing.
        sold = bought + random.randrange(-5, 6)
        if trip == WASH_ROUND_TRIPS - 1:
            sold = bought + held_too_much
        held_too_much += bought - sold
        blocks[at].append(Buy(trader=buyer, amount=bought, schemes=(WASH,)))
        blocks[at + 1].append(Sell(trader=seller, amount=sold, schemes=(WASH,)))
        at += random.choice((2, 3))


def _single_acts(random: Random, blocks: list[list[AnyStep]]) -> None:
    def at(block: int) -> list[AnyStep]:
        return blocks[block + random.randrange(2)]

    suspect, debtor, treasury = cast.SUSPECT.name, cast.DEBTOR.name, cast.TREASURY.name
    amount = LARGE_TRANSFER_AT_LEAST + random.randrange(20_000)
    at(16).append(
        Transfer(sender=cast.INSTITUTION.name, receiver="INV-0010", amount=amount, schemes=(LARGE,))
    )
    sanctioned = cast.SANCTIONED.name
    at(10).append(
        Transfer(sender="INV-0005", receiver=sanctioned, amount=1_200, schemes=(TO_SANCTIONED,))
    )
    at(28).append(
        Transfer(sender=sanctioned, receiver="INV-0006", amount=900, schemes=(FROM_SANCTIONED,))
    )
    for block, sender, receiver, tokens, scheme in (
        (8, "INV-0008", cast.STRANGER.name, 300, UNVERIFIED),
        (20, "INV-0002", cast.NON_RESIDENT.name, 450, WRONG_COUNTRY),
        (35, suspect, "INV-0009", 5_000, FROZEN_MOVES),
        (40, cast.INSTITUTION.name, cast.CUSTODIAN.name, 200_000, OVER_LIMIT),
    ):
        at(block).append(
            Transfer(
                sender=sender, receiver=receiver, amount=tokens, refused=True, schemes=(scheme,)
            )
        )
    at(31).append(Freeze(holder=suspect, schemes=(FROZEN,)))
    at(37).append(ForcedTransfer(sender=debtor, receiver=treasury, amount=6_000, schemes=(FORCED,)))

"""What only tokens of Solana tell: mints, token accounts, and instructions without a record.

Whatever means the same as on an EVM chain has the same record there: transfers, refusals, freezes,
approvals, pauses, roles.
"""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, described

DATASET = "tapewatch.solana"


class MintInitialized(ChainEvent, tag="mint-initialized", kw_only=True):
    """A token came into being, with who may do what to it (``InitializeMint``)."""

    dataset: str = field(name="event.dataset", default=DATASET)
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("creation",))
    decimals: Annotated[int, described("Number of decimals")] = field(
        name="token.information.decimals"
    )
    mint_authority: Annotated[Address | None, described("Who may mint")] = field(
        name="token.mint.authority", default=None
    )
    freeze_authority: Annotated[Address | None, described("Who may freeze accounts")] = field(
        name="token.mint.freeze_authority", default=None
    )
    permanent_delegate: Annotated[
        Address | None, described("Who may move or burn anybody's tokens")
    ] = field(name="token.mint.permanent_delegate", default=None)
    hook: Annotated[
        Address | None, described("Program that is asked at every transfer", personal="no")
    ] = field(name="token.transfer.hook", default=None)
    accounts_frozen: Annotated[bool, described("Whether new accounts begin frozen")] = field(
        name="token.mint.accounts_frozen", default=False
    )
    extensions: Annotated[Keywords, described("Extensions of Token-2022 that it began with")] = (
        field(name="token.mint.extensions", default=())
    )


class _AccountChange(ChainEvent, kw_only=True):
    dataset: str = field(name="event.dataset", default=DATASET)
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("user", "creation"))


class TokenAccountOpened(_AccountChange, tag="token-account-opened", kw_only=True):
    """A wallet, the party, got an account for a token. Anybody can open one for it."""

    frozen: Annotated[
        bool | None, described("Whether it begins frozen, by the mint's default state")
    ] = field(name="token.account.frozen", default=None)


class TokenAccountClosed(_AccountChange, tag="token-account-closed", kw_only=True):
    """A wallet's account for a token was closed."""

    type: Keywords = field(name="event.type", default=("user", "deletion"))


class ProgramInstruction(ChainEvent, tag="program-instruction", kw_only=True):
    """An instruction of a token program about a watched mint that has no record of its own."""

    dataset: str = field(name="event.dataset", default=DATASET)
    name: Annotated[str | None, described("What the instruction does, where it is known")] = field(
        name="blockchain.instruction.name", default=None
    )
    arguments: Annotated[
        str | None,
        described("Its values and accounts by role as JSON, where known", personal="encoded"),
    ] = field(name="blockchain.instruction.arguments", default=None)
    decoded: Annotated[bool, described("Whether the instruction is known")] = field(
        name="blockchain.instruction.decoded", default=False
    )
    confidential: Annotated[
        bool | None, described("True where amounts or balances are encrypted")
    ] = field(name="blockchain.instruction.confidential", default=None)
    data: Annotated[
        str | None, described("Data as it came, hexadecimal", personal="encoded", es="binary_text")
    ] = field(name="blockchain.instruction.data", default=None)


SolanaRecord = MintInitialized | TokenAccountOpened | TokenAccountClosed | ProgramInstruction

__all__ = [
    "DATASET",
    "MintInitialized",
    "ProgramInstruction",
    "SolanaRecord",
    "TokenAccountClosed",
    "TokenAccountOpened",
]

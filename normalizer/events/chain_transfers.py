"""Moves of tokens: done, refused, and allowed to others."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_checks import CheckedTransfer
from normalizer.events.chain_event import ChainEvent
from normalizer.events.chain_parties import SourceAndDestination as SourceAndDestination
from normalizer.events.fields import Address, Uint256, described


class _TransferParties(CheckedTransfer, kw_only=True):
    amount_raw: Annotated[Uint256, described("Amount in the token's smallest unit, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[
        float | None, described("Amount in whole tokens; for reading and thresholds, not exact")
    ] = field(name="token.amount", default=None)
    source_account: Annotated[
        Address | None, described("On Solana: the source's account for the token")
    ] = field(name="token.transfer.source_account", default=None)
    destination_account: Annotated[
        Address | None, described("On Solana: the destination's account for the token")
    ] = field(name="token.transfer.destination_account", default=None)
    authority: Annotated[
        Address | None,
        described("Whose authority moved the tokens: on Solana, and ERC-1155's operator"),
    ] = field(name="token.transfer.authority", default=None)
    hook: Annotated[
        Address | None, described("The transfer hook's program that was asked", personal="no")
    ] = field(name="token.transfer.hook", default=None)


class TokenTransfer(_TransferParties, tag="token-transfer", kw_only=True):
    """Tokens moved, were minted or burned (ERC-20 ``Transfer``; instructions of SPL Token).

    Also an item of an ERC-721 token, or some of one kind of an ERC-1155 token: then `item_id` says
    which. Amounts of ERC-1155 are of that kind, and `token.amount` is there where the token's
    decimals are known; of ERC-721 both are 1.

    Forced on Solana is what a permanent delegate did; where it burned, the tags say so. A fee is
    what T-REX's TransferFeesModule takes from the receiver, in the very call that paid it.
    """

    transfer_type: Annotated[str, described("transfer, mint, burn, forced, recovery or fee")] = (
        field(name="token.transfer.type", default="transfer")
    )
    item_id: Annotated[
        Uint256 | None, described("Which item of an ERC-721, or kind of an ERC-1155 token")
    ] = field(name="token.item.id", default=None)
    fee_raw: Annotated[
        Uint256 | None, described("Fee that stays with the token's issuer, where it is told")
    ] = field(name="token.transfer.fee_raw", default=None)


class TokenTransferRefused(_TransferParties, tag="token-transfer-refused", kw_only=True):
    """A transfer that the token refused: a transaction that failed, and moved nothing."""

    category: Keywords = field(name="event.category", default=("network",))
    type: Keywords = field(name="event.type", default=("denied",))
    outcome: str | None = field(name="event.outcome", default="failure")
    receiver_verified: Annotated[
        bool | None, described("isVerified(receiver) of the identity registry at that block")
    ] = field(name="token.transfer.receiver_verified", default=None)
    compliance_allows: Annotated[
        bool | None, described("canTransfer of the compliance contract at that block")
    ] = field(name="token.transfer.compliance_allows", default=None)
    status_code: Annotated[
        str | None, described("Status code, such as 0x52, where the token's reason is one")
    ] = field(name="token.transfer.status.code", default=None)
    status_meaning: Annotated[
        str | None, described("The code in words: by ERC-1400 in row 0x5_, else by ERC-1066")
    ] = field(name="token.transfer.status.meaning", default=None)
    status_in_erc1066: Annotated[
        str | None, described("What ERC-1066 means by the code, where that is something else")
    ] = field(name="token.transfer.status.erc1066", default=None)


class TokenApproval(ChainEvent, tag="token-approval", kw_only=True):
    """An owner allowed a spender an amount (ERC-20 ``Approval``). The owner is the party."""

    spender: Annotated[Address, described("Who may spend")] = field(name="token.spender.address")
    spender_labels: Annotated[Keywords, described("Labels of the spender")] = field(
        name="token.spender.labels", default=()
    )
    amount_raw: Annotated[Uint256, described("Allowed amount, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("Allowed amount in whole tokens")] = field(
        name="token.amount", default=None
    )

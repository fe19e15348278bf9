"""What the token's own contracts said of a transfer, at the transfer's block.

The collector asked (`pipeline/evm_payload.py`). What permits was asked of the states before the
block and, where it matters, after it. Where they differ, the one counts that agrees with what the
token did, since something in the block has changed it, and ``token.check.changed`` names it: so
"not verified" of a transfer that was done means that neither state knew the wallet.
"""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_parties import SourceAndDestination
from normalizer.events.fields import Uint256, described


class CheckedTransfer(SourceAndDestination, kw_only=True):
    """A transfer with what was asked about it; None: it wasn't asked, or there was no answer."""

    check_state: Annotated[
        str | None,
        described(
            "complete, partial, unavailable (the node has no state of that block), limit (too many"
            " calls) or failed; without it nothing was asked"
        ),
    ] = field(name="token.check.state", default=None)
    check_missing: Annotated[
        Keywords, described("Checks without an answer, and why: verified-source:unavailable, ...")
    ] = field(name="token.check.missing", default=())
    check_changed: Annotated[
        Keywords, described("Checks whose answers before and after the block differ")
    ] = field(name="token.check.changed", default=())
    check_preceded: Annotated[
        bool | None,
        described("Whether something before it in the block may have changed what it is judged by"),
    ] = field(name="token.check.preceded", default=None)
    check_source_verified: Annotated[
        bool | None,
        described("isVerified(source) of the identity registry", personal="attribute"),
    ] = field(name="token.check.source.verified", default=None)
    check_destination_verified: Annotated[
        bool | None,
        described("isVerified(destination) of the identity registry", personal="attribute"),
    ] = field(name="token.check.destination.verified", default=None)
    check_compliance_allows: Annotated[
        bool | None, described("canTransfer of the compliance contract (ERC-3643)")
    ] = field(name="token.check.compliance.allows", default=None)
    check_source_frozen: Annotated[
        bool | None, described("isFrozen(source) of the token", personal="attribute")
    ] = field(name="token.check.source.frozen", default=None)
    check_destination_frozen: Annotated[
        bool | None, described("isFrozen(destination) of the token", personal="attribute")
    ] = field(name="token.check.destination.frozen", default=None)
    check_paused: Annotated[bool | None, described("paused() of the token")] = field(
        name="token.check.paused", default=None
    )
    check_restriction_code: Annotated[
        int | None, described("detectTransferRestriction (ERC-1404); 0 is no restriction")
    ] = field(name="token.check.restriction.code", default=None)
    check_restriction_message: Annotated[
        str | None, described("messageForTransferRestriction of the code (ERC-1404)")
    ] = field(name="token.check.restriction.message", default=None)
    check_status_code: Annotated[
        str | None, described("Status code of canTransfer or canTransferByPartition, such as 0x54")
    ] = field(name="token.check.status.code", default=None)
    check_status_meaning: Annotated[
        str | None, described("The code in words: by ERC-1400 in row 0x5_, else by ERC-1066")
    ] = field(name="token.check.status.meaning", default=None)
    check_status_allows: Annotated[
        bool | None, described("Whether the code allows the transfer; without it, it doesn't say")
    ] = field(name="token.check.status.allows", default=None)
    check_status_reason: Annotated[
        str | None, described("The contract's own reason: as text where printable, else bytes32")
    ] = field(name="token.check.status.reason", default=None)
    check_source_balance: Annotated[
        Uint256 | None,
        described("balanceOf(source) after the block, exact", personal="attribute"),
    ] = field(name="token.check.source.balance_raw", default=None)
    check_destination_balance: Annotated[
        Uint256 | None,
        described("balanceOf(destination) after the block, exact", personal="attribute"),
    ] = field(name="token.check.destination.balance_raw", default=None)
    check_source_frozen_tokens: Annotated[
        Uint256 | None,
        described("getFrozenTokens(source) after the block, exact", personal="attribute"),
    ] = field(name="token.check.source.frozen_raw", default=None)
    check_supply: Annotated[Uint256 | None, described("totalSupply() after the block, exact")] = (
        field(name="token.check.supply_raw", default=None)
    )
    check_source_country: Annotated[
        int | None,
        described(
            "investorCountry(source), ISO 3166-1 numeric; 0: none is registered",
            personal="attribute",
        ),
    ] = field(name="token.check.source.country", default=None)
    check_destination_country: Annotated[
        int | None,
        described(
            "investorCountry(destination), ISO 3166-1 numeric; 0: none is registered",
            personal="attribute",
        ),
    ] = field(name="token.check.destination.country", default=None)

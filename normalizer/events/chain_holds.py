"""Holds: tokens set aside for a receiver until a notary decides (UniversalToken, ERC-1996)."""

from typing import Annotated

from msgspec import field

from normalizer.events.chain_event import ChainEvent
from normalizer.events.chain_transfers import SourceAndDestination
from normalizer.events.fields import Address, Hash, Nanoseconds, Uint256, described


class HoldCreated(SourceAndDestination, tag="hold-created", kw_only=True):
    """Tokens were set aside (``HoldCreated``)."""

    hold: Annotated[Hash, described("Id of the hold")] = field(name="token.hold.id")
    notary: Annotated[Address, described("Who decides on the hold")] = field(
        name="token.hold.notary"
    )
    partition: Annotated[Hash, described("The partition, bytes32")] = field(
        name="token.partition.id"
    )
    partition_name: Annotated[str | None, described("It as text, where it is printable")] = field(
        name="token.partition.name", default=None
    )
    amount_raw: Annotated[Uint256, described("Amount, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    expires: Annotated[
        Nanoseconds | None, described("When it ends by itself; missing where it never does")
    ] = field(name="token.hold.expires", default=None)
    secret_hash: Annotated[
        Hash | None, described("Hash of the secret that executes it, where there is one")
    ] = field(name="token.hold.secret_hash", default=None)


class _Hold(ChainEvent, kw_only=True):
    hold: Annotated[Hash, described("Id of the hold")] = field(name="token.hold.id")
    notary: Annotated[Address, described("Who decides on the hold")] = field(
        name="token.hold.notary"
    )


class HoldReleased(_Hold, tag="hold-released", kw_only=True):
    """Tokens set aside are the holder's again (``HoldReleased``)."""

    released_by: Annotated[
        str, described("notary, payee or expiration; a number where it is none of these")
    ] = field(name="token.hold.released_by")


class HoldRenewed(_Hold, tag="hold-renewed", kw_only=True):
    """A hold ends later or earlier than before (``HoldRenewed``)."""

    expires: Annotated[
        Nanoseconds | None, described("When it ends by itself; missing where it never does")
    ] = field(name="token.hold.expires", default=None)
    expired: Annotated[
        Nanoseconds | None, described("When it would have ended; missing where it never did")
    ] = field(name="token.hold.previous_expires", default=None)


class HoldExecuted(_Hold, tag="hold-executed", kw_only=True):
    """Tokens set aside went to their receiver (``HoldExecuted``, ``HoldExecutedAndKeptOpen``)."""

    held_raw: Annotated[Uint256, described("What was set aside, exact")] = field(
        name="token.hold.amount_raw"
    )
    amount_raw: Annotated[Uint256, described("What of it went to the receiver, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("It in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    secret: Annotated[
        Hash | None, described("The secret that executed it, where there was one")
    ] = field(name="token.hold.secret", default=None)
    kept_open: Annotated[bool, described("Whether the rest is still set aside")] = field(
        name="token.hold.kept_open", default=False
    )

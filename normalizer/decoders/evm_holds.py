"""Holds of UniversalToken: its contract of holds tells of tokens of many contracts."""

from typing import Any

from normalizer.decoders.evm_fields import (
    between,
    hexadecimal,
    named_partition,
    of_token,
    plain,
    tokens,
)
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import HoldCreated, HoldExecuted, HoldReleased, HoldRenewed

_SECOND = 10**9
#: What a signed 64-bit number of nanoseconds can say, in seconds: into the year 2262.
_LAST_SECOND = (2**63 - 1) // _SECOND
#: UniversalToken's HoldStatusCode, as far as it says who released.
_RELEASED_BY = {4: "notary", 5: "payee", 6: "expiration"}


def _time(seconds: int) -> int | None:
    """Zero is never; so is a time that no clock will show."""
    return seconds * _SECOND if 0 < seconds <= _LAST_SECOND else None


def hold_created(scope: LogScope, values: tuple[Any, ...]) -> HoldCreated:
    """Tokens were set aside."""
    token, hold, partition, source, destination, notary, amount, expires, secret_hash = values
    return HoldCreated(
        **(between(scope, source, destination, notary) | of_token(scope, token)),
        **named_partition(partition),
        **tokens(amount, scope.block.token_of(token)),
        hold=hexadecimal(hold),
        notary=notary,
        expires=_time(expires),
        secret_hash=hexadecimal(secret_hash) if any(secret_hash) else None,
    )


def _hold(scope: LogScope, token: str, hold: bytes, notary: str) -> dict[str, Any]:
    return (
        plain(scope, notary)
        | of_token(scope, token)
        | {"hold": hexadecimal(hold), "notary": notary}
    )


def hold_released(scope: LogScope, values: tuple[Any, ...]) -> HoldReleased:
    """Tokens set aside are the holder's again."""
    token, hold, notary, status = values
    return HoldReleased(
        **_hold(scope, token, hold, notary), released_by=_RELEASED_BY.get(status, str(status))
    )


def hold_renewed(scope: LogScope, values: tuple[Any, ...]) -> HoldRenewed:
    """A hold ends at another time."""
    token, hold, notary, before, after = values
    return HoldRenewed(
        **_hold(scope, token, hold, notary), expires=_time(after), expired=_time(before)
    )


def hold_executed(scope: LogScope, values: tuple[Any, ...]) -> HoldExecuted:
    """Tokens set aside went to their receiver, and the hold is over."""
    return _executed(scope, values, kept_open=False)


def hold_executed_and_kept_open(scope: LogScope, values: tuple[Any, ...]) -> HoldExecuted:
    """A part of what is set aside went to its receiver; the rest may follow."""
    return _executed(scope, values, kept_open=True)


def _executed(scope: LogScope, values: tuple[Any, ...], *, kept_open: bool) -> HoldExecuted:
    token, hold, notary, held, transferred, secret = values
    return HoldExecuted(
        **_hold(scope, token, hold, notary),
        **tokens(transferred, scope.block.token_of(token)),
        held_raw=str(held),
        secret=hexadecimal(secret) if any(secret) else None,
        kept_open=kept_open,
    )

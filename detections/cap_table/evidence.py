"""What the correlators on offerings keep as evidence, and how they name amounts and parties."""

import math
from decimal import Decimal

from detections.alerting.findings import Witness
from detections.alerting.wording import amount
from normalizer.events.chain import TokenTransfer


def trace(event: TokenTransfer) -> Witness:
    """A witness without what the alert has anyway: many are kept, for long."""
    return Witness(
        event.id,
        event.timestamp,
        event.original,
        event.transaction_hash,
        event.block_number,
        source=event.provider,
    )


def unit_of(event: TokenTransfer) -> int:
    """Smallest units of one whole token, as the event's two amounts tell it; 1 if they don't."""
    if not event.amount:
        return 1
    try:
        return 10 ** max(0, round(math.log10(int(event.amount_raw) / event.amount)))
    except (ValueError, OverflowError, ZeroDivisionError):
        return 1


def tokens(raw: int, unit: int) -> str:
    """An exact amount, in whole tokens, for people to read."""
    return amount(Decimal(raw) / unit) if unit > 1 else amount(int(raw))


def name_of(event: TokenTransfer) -> str:
    """The token as a sentence names it."""
    name = event.token_symbol or event.token_id or event.contract or "tokens"
    return f"{name} ({event.token_classification})" if event.token_classification else name


def party(address: str, investor: str | None) -> str:
    """`0x... (INV-0001)`."""
    return f"{address} ({investor})" if investor else address


def sender(event: TokenTransfer) -> str:
    """Who sent it, as a sentence names it."""
    return party(event.source_address, event.source_investor)


def receiver(event: TokenTransfer) -> str:
    """Who got it, as a sentence names it."""
    return party(event.destination_address, event.destination_investor)


def names(*texts: str | None) -> tuple[str, ...]:
    """Those that are known, each once: the entities of a finding."""
    return tuple(dict.fromkeys(text for text in texts if text))

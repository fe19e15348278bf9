"""What a pool lost, by whom, and what is said of it once it hasn't come back."""

from typing import Literal

from msgspec import Struct

from detections.alerting.findings import Finding, Witness, about
from detections.alerting.wording import amount, lapse, percent
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.parties import Party
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, PoolSwap, TokenTransfer
from pipeline.units import DAY

Kind = Literal["liquidity", "sale"]
_MOST_ENTITIES = 32
# Confidence before it is calibrated on labelled data.
_ALL_GONE, _SOLE, _BASE = 0.1, 0.15, 0.7
_SOLD_MINTED, _SOLD_PROVIDER, _SOLD = 0.95, 0.85, 0.6
_ABANDONED, _MOST = 0.1, 0.98
_UNSURE = 0.6
_ALL = 0.99


class Step(Struct, frozen=True, array_like=True):
    """A change of liquidity, or a sale."""

    timestamp: int
    before: Whole
    after: Whole
    price: float
    """The pool's before it."""
    quote: float
    tokens: float
    owner: str
    who: Party
    witness: Witness
    unsure: bool = False


class Where(Struct, array_like=True):
    """The pool that lost it."""

    token: str
    instrument: str
    currency: str
    symbol: str
    pool: str
    """Its address, or id."""
    about: dict[str, str]
    """What an alert says of its token and market."""


class Collapse(Struct, array_like=True):
    """What was lost, and until when it must not come back."""

    kind: Kind
    due: int
    owner: str
    steps: list[Step]
    low: Whole
    """Liquidity that was left."""
    lost: Whole
    low_price: float
    lost_price: float
    quote: float
    share: float
    where: Where
    minted: float = 0.0
    """What of the tokens that were sold had been minted to the seller."""
    provides: bool = False
    others: int = 0
    opened: int = 0
    """When the pool got its first liquidity; 0 if that isn't known."""


def token_of(event: TokenTransfer | PoolSwap | LiquidityAdded | LiquidityRemoved) -> str:
    """The token that an event is about, by the name that says most."""
    return event.token_id or event.token_address or event.contract or ""


def where(event: PoolSwap | LiquidityAdded | LiquidityRemoved) -> Where:
    """What is said of the pool: the event that confirms it is of another one, or a block."""
    return Where(
        token=token_of(event),
        instrument=event.instrument,
        currency=event.currency or "",
        symbol=event.token_symbol or "",
        pool=event.pool,
        about=about(event),
    )


def finding(collapse: Collapse, recovery_time: int, quiet_after: int = 0) -> Finding:
    """What is said of a collapse that was confirmed after this time."""
    steps, place = collapse.steps, collapse.where
    who = steps[-1].who if steps[-1].who.known else Party(collapse.owner, None, None)
    span = steps[-1].timestamp - steps[0].timestamp
    within = f" within {lapse(span)}" if span else " at once"
    money = f", {amount(collapse.quote)} {place.currency}".rstrip()
    worth = money if collapse.quote > 0 else ""
    later = lapse(recovery_time)
    if collapse.kind == "liquidity":
        what = (
            f"{who} took {percent(collapse.share)} of the liquidity out of the pool "
            f"{place.instrument}{within}{worth}, and {later} later it had not come back"
        )
        confidence = _BASE + (_SOLE if collapse.provides else 0.0)
        confidence += _ALL_GONE if collapse.share >= _ALL else 0.0
    else:
        sold = float_sum(one.tokens for one in steps)
        symbol = f" {place.symbol}" if place.symbol else ""
        minted = (
            f", {amount(min(collapse.minted, sold))} of it minted to it before"
            if collapse.minted
            else ""
        )
        what = (
            f"{who} sold {amount(sold)}{symbol} into the pool {place.instrument}{within}{worth}"
            f"{minted}: the price fell by {percent(collapse.share)} and had not recovered "
            f"{later} later"
        )
        confidence = _SOLD_PROVIDER if collapse.provides else _SOLD
        confidence = _SOLD_MINTED if collapse.minted else confidence
    if quiet_after:
        what += f", and nobody had traded or added there after the first {lapse(quiet_after)}"
        confidence = min(_MOST, confidence + _ABANDONED)
    known = {"pool_age_days": (steps[0].timestamp - collapse.opened) / DAY}
    unsure = any(one.unsure for one in steps)
    names = [name for one in steps for name in one.who.names]
    return Finding(
        entities=tuple(one for one in dict.fromkeys((place.instrument, place.pool, *names)) if one)[
            :_MOST_ENTITIES
        ],
        reason=what,
        witnesses=tuple(one.witness for one in steps),
        confidence=round(confidence * (_UNSURE if unsure else 1.0), 3),
        metrics={
            "share": collapse.share,
            "quote_quantity": collapse.quote,
            "steps": float(len(steps)),
            "other_traders": float(collapse.others),
            "provided_it": float(collapse.provides),
            "minted": collapse.minted,
            **(known if collapse.opened else {}),
        },
        tags=("unsure",) if unsure else (),
        about=place.about,
        of_event=False,  # what completes it is a later block, or another pool's event
    )

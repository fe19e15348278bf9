"""What a pool lost, by whom, and what is said of it once it hasn't come back."""

from typing import Literal

from msgspec import Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse, percent
from detections.engine.correlator_state import Whole
from detections.parties import Party

Kind = Literal["liquidity", "sale"]
_MOST_ENTITIES = 32
# Confidence before it is calibrated on labelled data.
_ALL_GONE, _SOLE, _BASE = 0.1, 0.15, 0.7
_SOLD_MINTED, _SOLD_PROVIDER, _SOLD = 0.95, 0.85, 0.6
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
    minted: float = 0.0
    """What of the tokens that were sold had been minted to the seller."""
    provides: bool = False
    others: int = 0
    token: str = ""
    instrument: str = ""
    currency: str = ""
    symbol: str = ""
    pool: str = ""
    """Its address, or id."""
    about: dict[str, str] = field(default_factory=dict[str, str])
    """What an alert says of its token and market."""


def finding(collapse: Collapse, recovery_time: int) -> Finding:
    """What is said of a collapse that was confirmed after this time."""
    steps = collapse.steps
    who = steps[-1].who if steps[-1].who.known else Party(collapse.owner, None, None)
    span = steps[-1].timestamp - steps[0].timestamp
    within = f" within {lapse(span)}" if span else " at once"
    money = f", {amount(collapse.quote)} {collapse.currency}".rstrip()
    worth = money if collapse.quote > 0 else ""
    later = lapse(recovery_time)
    if collapse.kind == "liquidity":
        what = (
            f"{who} took {percent(collapse.share)} of the liquidity out of the pool "
            f"{collapse.instrument}{within}{worth}, and {later} later it had not come back"
        )
        confidence = _BASE + (_SOLE if collapse.provides else 0.0)
        confidence += _ALL_GONE if collapse.share >= _ALL else 0.0
    else:
        sold = sum(one.tokens for one in steps)
        symbol = f" {collapse.symbol}" if collapse.symbol else ""
        minted = (
            f", {amount(min(collapse.minted, sold))} of it minted to it before"
            if collapse.minted
            else ""
        )
        what = (
            f"{who} sold {amount(sold)}{symbol} into the pool {collapse.instrument}{within}{worth}"
            f"{minted}: the price fell by {percent(collapse.share)} and had not recovered "
            f"{later} later"
        )
        confidence = _SOLD_PROVIDER if collapse.provides else _SOLD
        confidence = _SOLD_MINTED if collapse.minted else confidence
    unsure = any(one.unsure for one in steps)
    names = [name for one in steps for name in one.who.names]
    return Finding(
        entities=tuple(
            one for one in dict.fromkeys((collapse.instrument, collapse.pool, *names)) if one
        )[:_MOST_ENTITIES],
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
        },
        tags=("unsure",) if unsure else (),
        about=collapse.about,
        of_event=False,  # what completes it is a later block, or another pool's event
    )

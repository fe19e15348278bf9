"""The sentence that tells of a circle of trades or transfers."""

from collections.abc import Sequence

from detections.alerting.wording import amount, lapse, percent
from detections.markets.counterparties import Closeness, Deal
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade


def circle_sentence(
    event: Trade | TokenTransfer,
    deals: Sequence[Deal],
    members: Sequence[str],
    closeness: Closeness,
    net: float,
    value: float,
) -> str:
    """Who traded how much with whom, the largest ways first, and what is left over.

    `net` is that part of the volume (0 to 1), `value` what it is worth in the quote currency.
    """
    volumes: dict[tuple[str, str], float] = {}
    for deal in deals:
        edge = (deal.seller, deal.buyer)
        volumes[edge] = volumes.get(edge, 0.0) + deal.quantity
    largest = sorted(volumes.items(), key=lambda one: (-one[1], one[0]))
    flows = ", ".join(f"{s} to {b} {amount(volume)}" for (s, b), volume in largest[:4])
    more = f" and {len(largest) - 4} more ways" if len(largest) > 4 else ""
    if isinstance(event, Trade):
        money = f" {event.currency}" if event.currency else ""
        worth = f", worth {amount(value)}{money}"
        what, where = "trades", f"{event.instrument} on {event.venue}"
    else:
        worth, what = "", "transfers"
        where = event.token_symbol or event.contract or "a token"
    span = lapse(deals[-1].timestamp - deals[0].timestamp)
    left = "all are where they began" if net < 5e-4 else f"{percent(net)} of it is left over"
    lift = (
        f", {amount(round(closeness.lift, 1))} times what chance gives" if closeness.outside else ""
    )
    return (
        f"{_listed(members)} had {len(deals)} {what} in {where} with each other within {span}"
        f"{worth}: {flows}{more}; {left}, and each had {_at_least(closeness.share)} its {what} "
        f"within this circle{lift}"
    )


def _at_least(share: float) -> str:
    return "all" if share > 0.9995 else f"{percent(share)} or more of all"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]])

"""Taint: how much of what a wallet holds came from somewhere, over how many hops.

The haircut method: what leaves a wallet carries taint in proportion to what the wallet holds, so
taint thins out where it is mixed with other tokens, and never grows. (FIFO would follow the order
of receipt, poison would taint all: see M. Moser, R. Bohme and D. Breuker, Towards Risk Scoring of
Bitcoin Transactions, FC 2014.) All amounts are exact integers of the token's smallest unit.
"""

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.engine.correlator_state import Whole

#: Transfers on the way from the source that are kept.
MOST_PATH = 12


class Holding(Struct, array_like=True):
    """A wallet's tokens, as far as they were seen."""

    balance: Whole = Whole(0)
    tainted: Whole = Whole(0)
    hops: int = 0
    """Transfers from the source to here, the fewest; 0 without taint."""
    tainted_at: int = 0
    """When taint last came."""
    path: list[Witness] = field(default_factory=list[Witness])
    """The way that the newest taint took."""
    source: str = ""
    unsure: bool = False
    """It sent more than was seen to come: what it held before is not known."""


def outgoing(holding: Holding, amount: int) -> int:
    """Take an amount out of a holding. Returns how much of it is tainted."""
    balance = holding.balance
    if amount >= balance:
        taint = int(holding.tainted)
        holding.unsure = holding.unsure or amount > balance
        holding.balance = holding.tainted = Whole(0)
        holding.hops = 0
        return taint
    taint = holding.tainted * amount // balance
    holding.balance = Whole(balance - amount)
    holding.tainted = Whole(holding.tainted - taint)
    return taint


def incoming(
    holding: Holding, amount: int, taint: int, hops: int, time: int, source: str,
    path: list[Witness],
) -> None:  # fmt: skip
    """Put an amount, some of it tainted, into a holding."""
    holding.balance = Whole(holding.balance + amount)
    if not taint:
        return
    holding.hops = min(holding.hops, hops) if holding.tainted else hops
    holding.tainted = Whole(holding.tainted + taint)
    holding.tainted_at = time
    holding.source = source
    holding.path = path[:1] + path[1:][-(MOST_PATH - 1) :]

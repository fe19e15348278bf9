"""What one party gathered of a token, step by step."""

from collections import deque

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.float_sum import float_sum
from normalizer.events.market import Trade

MOST_STEPS = 200


class Step(Struct, array_like=True):
    """Tokens that came or went."""

    timestamp: int
    quantity: float
    """Whole tokens; negative where they went."""
    kind: int
    """0: from or to another holder; 1: out of or into an exchange or custodian; 2: a trade."""
    place: str
    witness: Witness
    other: str = ""
    """The holder at the other end; empty where many are behind it: a pool, an exchange, a venue."""


class Gatherer(Struct):
    """A party's steps within the window, and the sums of each kind."""

    steps: list[Step] = []
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    bought: float = 0.0
    sold: float = 0.0
    next_share: float = 0.0
    alerts: int = 0
    kept: float = 0.0
    """What it brought to custodians and hasn't had back."""

    def net(self) -> float:
        """What it gathered: what it took out of an exchange it may have bought there."""
        others, taken, traded = self.sums
        return others + max(taken, traded)

    def handed_over(self) -> float:
        """What of it a single holder gave who gave more than half of it, and it still has."""
        net, of_each = self.net(), self._of_each()
        blocks = float_sum(one for one in of_each.values() if one > net / 2)
        if not blocks:
            return 0.0
        of_many = net - float_sum(of_each.values())
        passed_on = -float_sum(one for one in (*of_each.values(), of_many) if one < 0)
        return max(0.0, blocks - passed_on)

    def origin(self, who: str, amount: float) -> str:
        """Of which holder it is what this party, called so, hands on: its own, unless it got half
        of it or more within the window. Empty where that is of several.

        What it got first it hands on first, and what it had before the window last.
        """
        got: deque[tuple[str, float]] = deque()
        for step in self.steps:
            left = step.quantity
            if left > 0:
                got.append((step.other, left))
            while left < 0 and got:
                other, quantity = got.popleft()
                left += quantity
                if left > 0:
                    got.appendleft((other, left))
        of_each: dict[str, float] = {}
        for other, quantity in got:
            of_each[other] = of_each.get(other, 0.0) + quantity
        whole = float_sum(of_each.values())
        if 2 * whole < amount:
            return who
        return next((other for other, one in of_each.items() if one > whole / 2), "")

    def _of_each(self) -> dict[str, float]:
        of_each: dict[str, float] = {}
        for step in self.steps:
            if step.other:
                of_each[step.other] = of_each.get(step.other, 0.0) + step.quantity
        return of_each

    def forget(self, oldest: int) -> None:
        """Steps before this time are too old."""
        steps, stale = self.steps, 0
        while stale < len(steps) and steps[stale].timestamp < oldest:
            self.count(steps[stale].kind, -steps[stale].quantity, back=True)
            stale += 1
        if stale:
            del steps[:stale]
            if not steps:
                self.next_share = 0.0
                self.alerts = 0

    def count(self, kind: int, quantity: float, *, back: bool = False) -> None:
        """Add to the sums, or take away again what is too old."""
        self.sums[kind] += quantity
        if kind == 2:
            came = quantity > 0 if not back else quantity < 0
            if came:
                self.bought += quantity
            else:
                self.sold -= quantity

    def revise(self, trade: Trade, before: float, after: float) -> None:
        """A trade of so much, positive where it bought, is one of another quantity; 0: of none."""
        of_this = [
            one for one in self.steps if one.kind == 2 and (one.quantity > 0) is (before > 0)
        ]
        step = next((one for one in of_this if one.witness.id == trade.id), None)
        if step is None:  # it may be part of one that was summed up, and has the time of its last
            step = next((one for one in of_this if one.timestamp >= trade.timestamp), None)
        if step is None:
            return
        self.count(2, -before, back=True)
        if after:
            self.count(2, after)
        step.quantity += after - before
        self.next_share = 0.0  # what comes true without it hasn't been told
        if abs(step.quantity) <= 1e-9 * abs(before):
            self.steps.remove(step)


def sum_up(steps: list[Step]) -> None:
    """The oldest quarter becomes one step of each kind and direction, with the first's evidence
    and the last's time; who gave most of it stays apart. So many at once that it is seldom done."""
    many = max(2, len(steps) // 4)
    given: dict[str, float] = {}
    for step in steps[:many]:
        if step.other and step.quantity > 0:
            given[step.other] = given.get(step.other, 0.0) + step.quantity
    most = max(given, key=lambda other: given[other], default="")
    merged: dict[tuple[int, bool, str], Step] = {}
    for step in steps[:many]:
        if step.other != most:
            step.other = ""
        of = step.kind, step.quantity > 0, step.other
        before = merged.get(of)
        if before is not None:
            step.quantity += before.quantity
            step.witness = before.witness
        merged[of] = step
    steps[:many] = sorted(merged.values(), key=lambda one: one.timestamp)

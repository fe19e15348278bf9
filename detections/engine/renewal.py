"""What must be made anew, once, behind all busts and corrections of trades that come in a row."""

from collections.abc import Sequence
from typing import Any

from detections.correlators.base import Correlator
from detections.engine.problems import Problems
from detections.markets.recent_trades import RecentTrades
from detections.rules.model import Rule


class Renewal:
    """The correlators that make anew what rests on trades which were taken back or corrected."""

    def __init__(
        self,
        trades: RecentTrades,
        correlators: Sequence[tuple[Rule, Correlator[Any]]],
        problems: Problems,
    ) -> None:
        self._trades = trades
        self._correlators = [one for one in correlators if renews(one[1])]
        self._problems = problems

    def before(self, event: Any) -> None:
        """Another event comes."""
        if self._trades.revisions:
            self.renew()

    def renew(self) -> None:
        """Do it now, if there is anything to do. Who fails doesn't keep the others from it."""
        for market, revisions in self._trades.take_revisions().items():
            for rule, one in self._correlators:
                try:
                    one.renewed(market, list(revisions.values()))
                except Exception as error:
                    self._problems.fail(rule, next(iter(revisions.values()))[0].id, error)


def renews(correlator: Correlator[Any]) -> bool:
    """Whether there is anything that it makes anew."""
    return type(correlator).renewed is not Correlator[Any].renewed

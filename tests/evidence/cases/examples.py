"""Alerts and cases to test with."""

from collections.abc import Sequence
from typing import Any

from evidence.cases.actions import About, Wish, do, opened
from evidence.cases.state import Case
from normalizer.events import SEVERITY, Alert, CaseActivity, Level
from normalizer.events.case import CaseAction
from pipeline.units import MINUTE

#: 2026-03-02, in nanoseconds.
START = 1_772_409_600 * 10**9
WASH, SPOOF = "11111111-0000-0000-0000-000000000001", "11111111-0000-0000-0000-000000000002"


def alert(
    number: int,
    *,
    after: int = 0,
    level: Level = "high",
    entities: Sequence[str] = ("0xaaa", "0xbbb"),
    rule: str = WASH,
    author: str = "Dana Quant",
    typology: str = "wash_trading",
    token: str = "acme",
    **more: Any,
) -> Alert:
    """An alert `after` nanoseconds after START."""
    return Alert(
        id=f"alert-{number}",
        timestamp=START + after,
        provider="venue",
        severity=SEVERITY[level],
        risk_score=float(SEVERITY[level]),
        reason=f"reason {number}",
        message=f"Rule: reason {number}",
        rule_id=rule,
        rule_name=f"Rule {rule[-1]}",
        rule_version="1",
        rule_hash="ab" * 32,
        rule_author=(author,),
        level=level,
        typology=typology,
        entities=tuple(entities),
        token_id=token,
        token_symbol=token.upper(),
        **more,
    )


class Worked:
    """A case that things are done to, minute by minute."""

    def __init__(self, level: Level = "high", *, authors: Sequence[str] = ("Dana Quant",)) -> None:
        self.activities: list[CaseActivity] = []
        about = About(title="Wash trading in ACME", typology="wash_trading", entities=("0xaaa",))
        wish = self._wish("opened", "tapewatch", origin="tapewatch", alerts=["alert-1"])
        wish.rule_id, wish.rule_name, wish.authors = WASH, "Wash trades", authors
        wish.alerts_first = wish.alerts_last = START
        wish.level, wish.four_eyes = level, level in ("high", "critical")
        activity, self.case = opened("TW-1", about, wish)
        self.activities.append(activity)

    def do(self, action: CaseAction, who: str, **wish: Any) -> Case:
        """Do it. Raises ActionRefused."""
        activity, self.case = do(self.case, self._wish(action, who, **wish))
        self.activities.append(activity)
        return self.case

    def join(self, number: int, **wish: Any) -> Case:
        """An alert joins the case."""
        given: dict[str, Any] = {
            "origin": "tapewatch", "alerts": [f"alert-{number}"], "rule_id": WASH,
            "rule_name": "Wash trades", "alerts_first": START + number, "level": "high",
            "alerts_last": START + number, "four_eyes": True,
        }  # fmt: skip
        return self.do("alerts-joined", "tapewatch", **{**given, **wish})

    def _wish(self, action: CaseAction, who: str, **wish: Any) -> Wish:
        at = START + len(self.activities) * MINUTE
        return Wish(action=action, who=who, at=at, **wish)

"""Cases of the rule on large transfers that somebody has closed."""

from evidence.cases.actions import About, Wish, do, opened
from normalizer.events import CaseActivity
from normalizer.events.case import Resolution
from tests.backtest.samples import LARGE

NOON = 1_768_000_000 * 10**9


def case(number: int, alerts: list[str], resolution: Resolution | None) -> list[CaseActivity]:
    """All that was done to a case with these alerts; without a resolution it is open."""
    wish = Wish(action="opened", who="tapewatch", at=NOON, origin="tapewatch", alerts=alerts)
    wish.rule_id, wish.rule_name, wish.authors, wish.level = LARGE, "Large", ["Tester"], "medium"
    first, found = opened(f"TW-{number}", About(title="Large transfer"), wish)
    if resolution is None:
        return [first]
    closing = Wish(action="closed", who="bob", at=NOON + 1, why="seen", resolution=resolution)
    last, _ = do(found, closing)
    return [first, last]

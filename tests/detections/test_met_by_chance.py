"""What is usual of a book's trades is told without those that are judged."""

from detections.alerting.findings import Witness
from detections.books.met_by_chance import MetByChance
from detections.books.pulled_sets import Criteria, Traded
from pipeline.units import MILLISECOND, MINUTE, SECOND

CRITERIA = Criteria(
    orders=3,
    placement_window=5 * SECOND,
    pull_window=50 * MILLISECOND,
    maximum_lifetime=30 * SECOND,
    maximum_fill_share=0.1,
    quantity_tolerance=0.3,
    reaction_window=500 * MILLISECOND,
    after_window=50 * MILLISECOND,
)
TRADES = [
    Traded(True, 20 * SECOND, Witness(f"trade-{number}", number * 20 * SECOND))
    for number in range(1, 10)
]


def chance(*judged: Traded) -> float:
    usual = MetByChance(0)
    for one in TRADES:
        usual.note_trade(one.buys, one.gap, CRITERIA)
    usual.note_set(2 * MINUTE, met=True)
    return usual.chance(3 * MINUTE, judged, CRITERIA)


def test_a_trade_that_is_judged_does_not_count_as_usual() -> None:
    assert chance(TRADES[3], TRADES[6]) < chance(TRADES[3]) < chance()


def test_one_that_two_sets_met_is_left_out_once() -> None:
    assert chance(TRADES[3], TRADES[3]) == chance(TRADES[3])

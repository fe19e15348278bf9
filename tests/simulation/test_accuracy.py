"""The measuring itself, and floors under what is measured, over a few small sessions.

The long form is ``make accuracy``, which has seeds of its own.
"""

from collections.abc import Sequence

import pytest

from simulation.accuracy.judging import Found, Judged
from simulation.accuracy.measuring import Measured, measure
from simulation.accuracy.page import render
from simulation.accuracy.plan import CHECKED, FIRST_PUBLISHED_SEED, Task, published
from simulation.accuracy.statistics import bootstrap, median, rate, share
from simulation.accuracy.summary import Summary, summarise
from simulation.catalogue import CONDUCTS


def test_wilson_and_garwood_agree_with_the_tables() -> None:
    found = share(8, 10)
    assert found is not None
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)
    none = rate(0, 2.0)
    assert none is not None
    assert (none.low, round(none.high, 3)) == (0.0, 1.844)  # 3.689 / 2
    some = rate(10, 1.0)
    assert some is not None
    assert (round(some.low, 2), round(some.high, 2)) == (4.80, 18.39)
    assert share(0, 0) is None
    assert rate(3, 0.0) is None


def test_bootstrap_is_the_same_again_and_holds_the_value() -> None:
    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    first = bootstrap([0.0, 1.0, 1.0, 1.0], mean)
    assert first == bootstrap([0.0, 1.0, 1.0, 1.0], mean)
    assert first is not None
    assert first.low < first.value == 0.75 < first.high
    assert median([3.0, 1.0, 2.0, 10.0]) == 2.5


def judged(verdict: str, typology: str = "layering", level: str = "high") -> Judged:
    return Judged(
        rule="R", typology=typology, level=level, score=75.0, verdict=verdict, seconds=None
    )


def session(name: str, *alerts: Judged, found: float | None, honest: bool = False) -> Measured:
    episode = Found(
        abuse=name, intensity=0.5, seconds=found, related=False, rules=("R",) if found else ()
    )
    return Measured(
        task=Task(purpose="honest" if honest else "abuse", name="liquid" if honest else name),
        market="liquid",
        events=500_000,
        dead=0,
        failures=0,
        days=1.0,
        seconds=1.0,
        alerts=alerts,
        episodes=() if honest else (episode,),
    )


def test_recall_precision_and_false_alerts_are_counted() -> None:
    summary = summarise(
        [
            session("layering", judged("hit"), judged("false"), found=2.0),
            session("layering", judged("related", "spoofing"), found=None),
            session(
                "layering", judged("false"), judged("false", level="low"), found=None, honest=True
            ),
        ]
    )
    (abuse,) = summary.abuses
    assert (abuse.medium.found, abuse.medium.episodes) == (1, 2)
    assert abuse.seconds == 2.0
    assert abuse.precision is not None
    assert abuse.precision.value == pytest.approx(2 / 3)
    (market,) = summary.markets
    assert market.high is not None
    assert market.all is not None
    assert (market.high.value, market.all.value) == (2.0, 4.0)
    (rule,) = [one for one in summary.rules if one.typology == "layering"]
    assert (rule.right, rule.false, rule.honest) == (1, 1, 2)
    page = render(summary, 60.0)
    assert "| layering | layering | 1 of 2 | 50% (9% to 91%) | 2.0 s | 67%" in page


def test_published_seeds_are_apart() -> None:
    tasks = published()
    assert {task.name for task in tasks if task.purpose == "abuse"} == set(CONDUCTS)
    assert all(task.seed >= FIRST_PUBLISHED_SEED for task in tasks if task.purpose != "recording")
    assert all(task.seed < 100 for task in CHECKED)


@pytest.fixture(scope="module")
def checked() -> Summary:
    return summarise(list(measure(CHECKED, workers=1)))


def test_nothing_is_dead_and_no_rule_fails(checked: Summary) -> None:
    assert (checked.dead, checked.failures) == (0, 0)


def test_plain_abuse_is_found(checked: Summary) -> None:
    assert len(checked.abuses) == 5
    missed = [one.name for one in checked.abuses if one.medium.found < one.medium.episodes]
    assert not missed


def test_honest_markets_stay_mostly_quiet(checked: Summary) -> None:
    assert sum(market.events for market in checked.markets) > 2_000
    for market in checked.markets:
        assert market.counts[0] == 0
        assert sum(market.counts[:2]) <= 2

"""The measuring itself, and floors under what is measured, over a few small sessions.

The long form is ``make accuracy``, which has seeds of its own.
"""

from collections.abc import Sequence

import msgspec
import pytest

from simulation.accuracy.judging import Found, Judged
from simulation.accuracy.meant_for import MEANT, UNMEASURED
from simulation.accuracy.measuring import Measured, measure, measure_one
from simulation.accuracy.offline import shipped_rules
from simulation.accuracy.page import render
from simulation.accuracy.plan import CHECKED, FIRST_PUBLISHED_SEED, Task, published
from simulation.accuracy.reliability import reliability
from simulation.accuracy.statistics import bootstrap, median, rate, share
from simulation.accuracy.summary import Summary, summarise
from simulation.catalogue import CONDUCTS, MARKETS


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


def judged(
    verdict: str, typology: str = "layering", level: str = "high", confidence: float = 0.8
) -> Judged:
    return Judged(
        rule="R", typology=typology, level=level, score=75.0, confidence=confidence,
        verdict=verdict, seconds=None,
    )  # fmt: skip


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


def test_what_is_found_without_accounts_is_counted_apart() -> None:
    told = session("layering", judged("hit"), judged("false"), found=4.0)
    missed = session("layering", found=None)
    public = [
        msgspec.structs.replace(one, task=msgspec.structs.replace(one.task, wire="coinbase"))
        for one in (told, missed)
    ]
    summary = summarise([session("layering", judged("hit"), found=2.0), *public])
    (abuse,) = summary.abuses
    assert (abuse.medium.found, abuse.medium.episodes, abuse.seconds) == (1, 1, 2.0)
    assert abuse.public is not None
    assert (abuse.public.found, abuse.public.episodes, abuse.public_seconds) == (1, 2, 4.0)
    assert abuse.public_precision is not None
    assert abuse.public_precision.value == 0.5
    page = render(summary, 60.0)
    assert "| layering | 2 | 50% (9% to 91%) | 4.0 s | 50% (50% to 50%) |" in page


def test_a_rule_is_measured_by_itself_beside_what_all_rules_find() -> None:
    rule = "Orders at several prices, pulled once the other side had traded"
    right = msgspec.structs.replace(judged("hit"), rule=rule)
    told = session("layering", right, found=2.0)
    by_it, by_another = (
        msgspec.structs.replace(
            told, episodes=(msgspec.structs.replace(told.episodes[0], told_by=(name,)),)
        )
        for name in (rule, "R")
    )
    missed = session("layering", found=None)
    summary = summarise([by_it, by_another, missed])
    (alone,) = [one for one in summary.alone if one.name == rule]
    assert (alone.found, alone.together, alone.episodes) == (1, 2, 3)
    page = render(summary, 60.0)
    assert (
        f"| {rule} | layering, dynamic-layering | 1 of 3 | 33% (6% to 79%) | 100% (34% to 100%) "
        "| 2 of 3 | recall |"
    ) in page
    assert "rules with a correlator reach both" in page


def test_a_correlator_is_measured_by_what_any_of_its_rules_finds() -> None:
    modes = (
        "A party set the price before a reference time",
        "Who holds a position made the last price",
    )
    told = session("marking-the-close", found=2.0)
    by_one, by_the_other, by_another = (
        msgspec.structs.replace(
            told, episodes=(msgspec.structs.replace(told.episodes[0], told_by=(name,)),)
        )
        for name in (*modes, "A party set the first price of the day")
    )
    summary = summarise([by_one, by_the_other, by_another])
    (mine,) = [one for one in summary.correlators if one.name == "marking_the_close"]
    assert (mine.found, mine.together, mine.episodes) == (2, 3, 3)
    assert {one.name: one.found for one in summary.alone} == dict.fromkeys(modes, 1)
    page = render(summary, 60.0)
    row = "| `marking_the_close` | 5 | marking-the-close, last-seconds, marking-the-close without"
    assert row in page
    assert "0 of 1 correlators reach both" in page


def test_each_shipped_rule_with_a_correlator_is_measured_by_itself_or_says_why_not() -> None:
    shipped = {one.rule.title for one in shipped_rules().correlators}
    assert not set(MEANT) & set(UNMEASURED)
    assert {*MEANT, *UNMEASURED} == shipped
    abuses = {abuse for meant in MEANT.values() for abuse in meant.abuses}
    assert abuses <= set(CONDUCTS)
    public = {abuse for meant in MEANT.values() if meant.public for abuse in meant.abuses}
    assert not [name for name in public if CONDUCTS[name].needs_accounts]


def test_confidence_is_held_against_how_often_alerts_are_right() -> None:
    sure = [judged("hit", confidence=0.9)] * 6 + [judged("false", confidence=0.9)] * 6
    unsure = [judged("hit", "spoofing", confidence=0.4)] * 12
    few = [judged("false", "ramping", confidence=1.0)] * 3
    found = reliability([*sure, *unsure, *few])
    assert {one.typology: one.verdict for one in found.rules} == {
        "layering": "too sure",
        "spoofing": "too unsure",
        "ramping": "",  # of so few nothing is said
    }
    assert [(one.low, one.alerts) for one in found.bands] == [
        *((0.0, 0), (0.3, 12), (0.5, 0), (0.7, 0), (0.85, 15)),
    ]
    assert sum(one.alerts for one in found.bands) == 27
    last = found.bands[-1].right
    assert last is not None
    assert last.value == pytest.approx(6 / 15)
    squares = 6 * 0.1**2 + 6 * 0.9**2 + 12 * 0.6**2 + 3
    assert found.brier == pytest.approx(squares / 27)


def test_the_page_tells_how_reliable_confidence_is() -> None:
    alerts = [judged("hit", confidence=0.75)] * 9 + [judged("false", confidence=0.4)]
    page = render(summarise([session("layering", *alerts, found=1.0)]), 60.0)
    assert "| 0.7 to 0.85 | 9 | 100% (70% to 100%) |" in page
    assert "| layering | – | 0 of 1 (0% to 79%) | – | 9 of 9 (70% to 100%) | – |" in page
    assert "| R | 10 | 0.72 | 90% (60% to 98%) |  |" in page
    assert "Brier score of all alerts: 0.072." in page


def test_of_each_abuse_twelve_episodes_or_more_are_published_at_medium_intensity() -> None:
    """Four of four may be one of two in truth (Wilson: 51% at least), twelve of twelve 76%."""
    played = dict.fromkeys(CONDUCTS, 0)
    for task in published():
        if task.purpose == "abuse" and task.intensity == 0.5 and task.wire == "order-log":
            played[task.name] += CONDUCTS[task.name].episodes
    assert min(played.values()) >= 12


def test_every_market_is_published_honest_as_well() -> None:
    assert {task.name for task in published() if task.purpose == "honest"} == set(MARKETS)


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


@pytest.mark.parametrize("name", ["flipping", "pinging", "marking-the-open"])
def test_without_accounts_there_are_leads_of_low_and_medium_level(name: str) -> None:
    (told,) = measure_one(Task(purpose="abuse", name=name, seed=4, wire="coinbase"))
    assert 2 * sum(one.seconds is not None for one in told.episodes) >= len(told.episodes)
    assert {one.level for one in told.alerts} <= {"low", "medium"}
    assert not [one for one in told.alerts if one.verdict == "false"]


@pytest.mark.parametrize(("name", "seed"), [("layering", 31_008), ("vacuuming", 31_000)])
def test_without_accounts_the_last_of_a_series_is_told_too(name: str, seed: int) -> None:
    (told,) = measure_one(Task(purpose="abuse", name=name, seed=seed, wire="coinbase"))
    assert not [one for one in told.episodes if one.seconds is None]
    assert not [one for one in told.alerts if one.verdict == "false"]


def test_honest_markets_stay_mostly_quiet(checked: Summary) -> None:
    assert sum(market.events for market in checked.markets) > 2_000
    for market in checked.markets:
        assert market.counts[0] == 0
        assert sum(market.counts[:2]) <= 2

"""Which alerts of a session count, and what of them is right."""

from typing import Any

from normalizer.events import Alert
from pipeline.reference_records import Reference
from simulation.accuracy.judging import Verdicts, judge
from simulation.session import Session
from simulation.truth import Episode
from tests.evidence.cases.examples import START, alert

COUNTS = {"mint-and-sell": ("liquidity_removal", "administration")}


def judged(*alerts: Alert) -> Verdicts:
    episode = Episode(
        abuse="mint-and-sell",
        typology="liquidity_removal",
        accepted=(),
        parties=("0xaaa",),
        intensity=0.5,
        begin=START,
        end=START + 10**9,
    )
    session = Session(sources=(), frames=[], reference=Reference(), episodes=(episode,))
    return judge(session, list(alerts), COUNTS)


def told(name: str, **more: Any) -> Alert:
    made = alert(1, typology="administration", **more)
    made.rule_name = name
    return made


def test_a_fact_is_neither_right_nor_wrong_and_finds_nothing() -> None:
    """To count it only where it fits would be to choose what is counted."""
    fitting, other = told("Large amount minted"), told("Large amount minted", entities=("0xz",))
    found = judged(fitting, other)
    assert found.alerts == []
    assert found.episodes[0].seconds is None


def test_what_is_a_suspicion_among_facts_is_right_or_wrong() -> None:
    name = "Minted, and sold within a day"
    found = judged(told(name), told(name, entities=("0xz",)))
    assert [one.verdict for one in found.alerts] == ["hit", "false"]
    assert found.episodes[0].rules == (name,)

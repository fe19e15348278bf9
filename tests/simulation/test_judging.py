"""Which alerts of a session count, and what of them is right."""

from typing import Any

from normalizer.events import Alert
from pipeline.reference_records import Reference
from simulation.accuracy.judging import (
    NAMELESS,
    OF_TALK,
    OF_VOLUME,
    SUSPICIONS,
    Verdicts,
    judge,
)
from simulation.accuracy.meant_for import FACTS
from simulation.accuracy.offline import shipped_rules
from simulation.catalogue import CONDUCTS
from simulation.session import Session
from simulation.truth import Episode
from tests.evidence.cases.examples import START, alert

COUNTS = {"mint-and-sell": ("liquidity_removal", "administration")}


def judged(*alerts: Alert, accepted: tuple[str, ...] = ()) -> Verdicts:
    episode = Episode(
        abuse="mint-and-sell",
        typology="liquidity_removal",
        accepted=accepted,
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


def test_rules_that_are_judged_by_their_titles_are_shipped() -> None:
    """A rule that gets another title would silently be judged as any other."""
    shipped = {one.title for one in shipped_rules().rules}
    assert {*SUSPICIONS, *NAMELESS, *OF_TALK, *OF_VOLUME, *FACTS} <= shipped
    assert set[str]().union(*OF_VOLUME.values()) <= set(CONDUCTS)


def test_a_fact_is_neither_right_nor_wrong_and_finds_nothing() -> None:
    """To count it only where it fits would be to choose what is counted."""
    fitting, other = told("Large amount minted"), told("Large amount minted", entities=("0xz",))
    found = judged(fitting, other)
    assert found.alerts == []
    assert found.episodes[0].seconds is None


def test_that_liquidity_left_is_a_fact_and_that_it_stayed_away_a_suspicion() -> None:
    def left(name: str, *entities: str) -> Alert:
        made = alert(1, typology="liquidity_removal", entities=entities)
        made.rule_name = name
        return made

    found = judged(*(left(name, one) for name in FACTS for one in ("0xaaa", "0xz")))
    assert found.alerts == []
    assert found.episodes[0].told_by == ()
    found = judged(left("Rug pull", "0xaaa"), left("Rug pull", "0xz"))
    assert [one.verdict for one in found.alerts] == ["hit", "false"]


def test_what_is_a_suspicion_among_facts_is_right_or_wrong() -> None:
    name = "Minted, and sold within a day"
    found = judged(told(name), told(name, entities=("0xz",)))
    assert [one.verdict for one in found.alerts] == ["hit", "false"]
    assert found.episodes[0].rules == (name,)


def test_an_alert_on_another_who_traded_with_the_abuser_is_false() -> None:
    name = "Minted, and sold within a day"
    found = judged(told(name, entities=("0xz",), related_user=("0xz", "0xaaa")))
    assert [one.verdict for one in found.alerts] == ["false"]
    assert found.episodes[0].seconds is None


def test_on_a_feed_that_names_nobody_a_call_to_buy_is_of_the_pump_that_it_calls_for() -> None:
    pump = Episode(
        abuse="pump-and-dump",
        typology="pump_and_dump",
        accepted=("price_and_volume", "momentum_ignition"),
        parties=("a-1",),
        intensity=0.5,
        begin=START,
        end=START + 10**9,
    )
    session = Session(
        sources=(),
        frames=[],
        reference=Reference(),
        episodes=(pump,),
        evidence={"pump-and-dump-1": ("trade-1",)},
        public=True,
    )

    def verdict(rule: str, typology: str, *events: str, at: int = START) -> str:
        made = alert(1, typology=typology)
        made.rule_name, made.evidence_events = rule, events
        made.timestamp = made.created = made.ended = at
        (found,) = judge(session, [made], {"pump-and-dump": ("pump_and_dump",)}).alerts
        return found.verdict

    call, talk, rise = "A call to buy at once", "Far more is said of an asset than usual", "A rise"
    assert verdict(call, "pump_and_dump", "social:1") == "hit"
    assert verdict(talk, "price_and_volume", "social:2") == "related"
    assert verdict(call, "pump_and_dump", "social:1", at=START + 10**12) == "false"
    assert verdict(rise, "pump_and_dump", "trade-1") == "hit"
    # The crowd's purchases are what it is made of, but found is only what rests on its own trades.
    assert verdict(rise, "pump_and_dump", "trade-2") == "related"
    assert verdict(rise, "pump_and_dump", "trade-2", at=START + 10**12) == "false"
    assert verdict("A fall", "price_and_volume", "trade-2") == "related"
    assert verdict("A fall", "price_and_volume", "trade-2", at=START + 10**12) == "false"
    steady = "A price that goes one way, step by step, for hours"
    assert verdict(steady, "momentum_ignition", "trade-2") == "related"
    assert verdict("A run", "momentum_ignition", "trade-2") == "false"


def test_made_up_sizes_are_of_who_made_up_the_volume_then_and_of_no_other_wash() -> None:
    made = alert(1, typology="wash_trading", entities=("POP-USD", "sim-p"))
    made.rule_name = "Sizes of a day's trades look made up"

    def verdict(abuse: str, begin: int, *, public: bool = False) -> str:
        episode = Episode(
            abuse=abuse,
            typology="wash_trading",
            accepted=(),
            parties=("A-1",),
            intensity=0.5,
            begin=begin,
            end=begin + 10**9,
        )
        session = Session(
            sources=(), frames=[], reference=Reference(), episodes=(episode,), public=public
        )
        return judge(session, [made], {abuse: ("wash_trading",)}).alerts[0].verdict

    assert verdict("made-up-sizes", made.timestamp) == "hit"
    assert verdict("made-up-sizes", made.timestamp, public=True) == "hit"
    assert verdict("made-up-sizes", made.timestamp + 10**12) == "false"
    assert verdict("self-trade", made.timestamp) == "related"


def test_a_close_that_is_told_of_by_its_market_is_of_who_marked_it_then_and_no_hit() -> None:
    made = alert(1, typology="marking_the_close", entities=("sim-ats THIN-USD",))
    made.rule_name = "The price moved oddly just before a reference time"

    def verdict(begin: int) -> str:
        close = Episode(
            abuse="marking-the-close",
            typology="marking_the_close",
            accepted=(),
            parties=("A-1",),
            intensity=0.5,
            begin=begin,
            end=begin + 10**9,
        )
        session = Session(sources=(), frames=[], reference=Reference(), episodes=(close,))
        found = judge(session, [made], {"marking-the-close": ("marking_the_close",)})
        assert found.episodes[0].seconds is None
        return found.alerts[0].verdict

    assert verdict(made.timestamp) == "related"
    assert verdict(made.timestamp + 60 * 10**9) == "false"


def test_who_told_of_an_episode_is_known_whether_it_is_a_hit_or_related() -> None:
    hit, related = told("Minted, and sold within a day"), alert(2, typology="price_and_volume")
    related.rule_name = "Price fell by a tenth within minutes"
    other = alert(3, typology="wash_trading")
    found = judged(hit, related, other, accepted=("price_and_volume",)).episodes[0]
    assert found.rules == ("Minted, and sold within a day",)
    assert found.told_by == (
        "Minted, and sold within a day",
        "Price fell by a tenth within minutes",
    )

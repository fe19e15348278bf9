"""The stage on a real bus: alerts into cases, whoever is faster, and whenever it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from evidence.cases.actions import Wish, case_id
from evidence.cases.by_hand import open_by_hand
from evidence.cases.stage import CaseStage
from evidence.cases.state import ActionRefused, Case
from evidence.cases.store import CaseChanged, CaseStore
from normalizer.events import Alert, AlertUpdate, CaseActivity, RulesChanged
from pipeline.bus import Bus, Stream
from pipeline.config.cases import (
    CaseAssignment,
    CaseEscalation,
    CasePerson,
    Cases,
    CaseSuppression,
)
from pipeline.units import DAY, HOUR, MINUTE
from tests.evidence.cases.examples import SPOOF, START, WASH, Worked, alert

CLOCK = START + DAY


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


async def tell(bus: Bus, *alerts: Alert | AlertUpdate) -> None:
    """All in one message, as a lane writes them."""
    data = b"\n".join(msgspec.json.encode(one) for one in alerts)
    await bus.jetstream.publish(bus.names.subject(Stream.ALERTS, "lane"), data)


@asynccontextmanager
async def running(
    bus: Bus, settings: Cases | None = None, clock: Callable[[], int] = lambda: CLOCK
) -> AsyncGenerator[CaseStage]:
    stage = CaseStage(bus, settings or Cases(), clock=clock)
    task = asyncio.create_task(stage.run())
    try:
        async with asyncio.timeout(20):
            while stage.state.position < await bus.last_sequence(Stream.ALERTS):
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        yield stage
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def cases_of(bus: Bus, *alerts: Alert | AlertUpdate, settings: Cases | None = None) -> Any:
    if alerts:
        await tell(bus, *alerts)
    async with running(bus, settings):
        pass
    return await cases(bus)


async def cases(bus: Bus) -> list[Case]:
    found = (await (await CaseStore.open(bus)).all()).values()
    return sorted(
        (one.case for one in found if one.case), key=lambda one: (one.first_alert, one.id)
    )


# -- grouping --------------------------------------------------------------------------------------


async def test_alerts_of_one_kind_about_the_same_are_one_case_with_counts(bus: Bus) -> None:
    (case,) = await cases_of(
        bus,
        alert(1),
        alert(2, after=HOUR, level="critical"),
        alert(3, after=2 * HOUR, rule=SPOOF),
        alert(4, after=3 * HOUR, entities=("0xbbb", "0xaaa")),
    )
    assert [(rule.name, rule.alerts) for rule in case.rules.values()] == [
        ("Rule 1", 3),
        ("Rule 2", 1),
    ]
    assert (case.level, case.four_eyes, case.status) == ("critical", True, "open")
    assert case.title == "Wash trading in ACME: 0xaaa, 0xbbb"


@pytest.mark.parametrize(
    "other",
    [
        {"typology": "spoofing"},
        {"entities": ("0xaaa",)},
        {"token": "other"},
        {"after": 2 * DAY},
    ],
    ids=lambda one: next(iter(one)),
)
async def test_what_is_of_another_kind_entity_asset_or_day_is_another_case(
    bus: Bus, other: dict[str, Any]
) -> None:
    assert len(await cases_of(bus, alert(1), alert(2, **other))) == 2


async def test_overlapping_entities_are_one_case_where_that_is_wanted(bus: Bus) -> None:
    told = alert(1), alert(2, entities=("0xbbb", "0xccc")), alert(3, entities=("0xddd",))
    assert len(await cases_of(bus, *told, settings=Cases(entities="overlapping"))) == 2


async def test_a_case_ends_by_its_length_and_its_size(bus: Bus) -> None:
    days = [alert(day, after=day * 20 * HOUR) for day in range(12)]
    found = await cases_of(bus, *days, settings=Cases(longest=3 * DAY, most_alerts=100))
    assert [len(case.alerts) for case in found] == [4, 4, 4]


async def test_alerts_on_trial_and_below_the_level_open_none(bus: Bus) -> None:
    assert await cases_of(bus, alert(1, staged=True), alert(2, level="informational")) == []


async def test_the_cases_are_the_same_however_the_alerts_come(bus: Bus) -> None:
    alerts = [alert(n, after=n * 7 * HOUR, entities=(f"0x{n % 2}",)) for n in range(10)]
    for one in alerts[:5]:
        await tell(bus, one)
    (first, *_) = together = await cases_of(bus, *alerts[5:])
    assert [len(case.alerts) for case in together] == [5, 5]
    again = await cases_of(bus, *alerts)  # all of them once more
    assert [list(case.alerts) for case in again] == [list(case.alerts) for case in together]
    assert again[0].number == first.number


async def test_a_retracted_alert_is_noted_and_a_reinstated_one(bus: Bus) -> None:
    def update(status: Any) -> AlertUpdate:
        return AlertUpdate(
            id=f"u-{status}", timestamp=START, provider="node", reason="a fork", message="m",
            alert_id="alert-1", status=status, rule_id=WASH, rule_name="Rule 1", level="high",
            typology="wash_trading",
        )  # fmt: skip

    (case,) = await cases_of(bus, alert(1), update("retracted"), update("retracted"))
    assert (case.retracted, case.number) == (1, 2)
    (case,) = await cases_of(bus, update("reinstated"))
    assert (case.retracted, case.number) == (0, 3)


async def test_what_became_of_an_alerts_trades_is_noted_once_and_the_alert_stands(bus: Bus) -> None:
    def update(trade: str) -> AlertUpdate:
        return AlertUpdate(
            id=f"u-{trade}", timestamp=START, provider="venue", reason=f"trade {trade} was busted",
            message="m", alert_id="alert-1", status="amended", rule_id=WASH, rule_name="Rule 1",
            level="high", typology="wash_trading",
        )  # fmt: skip

    (case,) = await cases_of(bus, alert(1), update("t1"), update("t2"), update("t1"))
    assert (case.retracted, case.number) == (0, 3)
    assert case.alerts["alert-1"].amended == ("trade t1 was busted", "trade t2 was busted")


# -- suppression and repetition --------------------------------------------------------------------


async def test_a_suppression_window_holds_what_fits_and_nobody_has_to_work_on_it(bus: Bus) -> None:
    window = CaseSuppression(
        name="issuance",
        reason="primary issuance",
        owner="carol",
        begin=datetime.fromtimestamp(START / 1e9, UTC),
        end=datetime.fromtimestamp((START + 2 * HOUR) / 1e9, UTC),
        token="acme",
        maximum_level="high",
    )
    held, *others = sorted(
        await cases_of(
            bus,
            alert(1),
            alert(2, after=HOUR),
            alert(3, after=2 * HOUR),
            alert(4, level="critical", entities=("0xeee",)),
            settings=Cases(suppress=[window]),
        ),
        key=lambda case: case.status != "suppressed",
    )
    assert (held.id, held.status, len(held.alerts)) == ("suppressed-issuance", "suppressed", 2)
    assert sorted(one for case in others for one in case.alerts) == ["alert-3", "alert-4"]


async def test_what_a_suppression_window_holds_a_person_takes_up_all_the_same(bus: Bus) -> None:
    window = CaseSuppression(
        name="issuance",
        reason="primary issuance",
        owner="carol",
        begin=datetime.fromtimestamp(START / 1e9, UTC),
        end=datetime.fromtimestamp((START + 2 * HOUR) / 1e9, UTC),
        token="acme",
        maximum_level="high",
    )
    settings = Cases(suppress=[window])
    await cases_of(bus, alert(1), alert(2, after=HOUR), settings=settings)
    store = await CaseStore.open(bus)

    async def by_hand() -> CaseActivity:
        return await open_by_hand(
            store, alert(1), settings, {}, who="alice", at=CLOCK, why="it is no issuance"
        )

    opened = await by_hand()
    with pytest.raises(ActionRefused, match=f"it is in {opened.case_id} already, which is open"):
        await by_hand()
    retracted = AlertUpdate(
        id="u-1", timestamp=START, provider="node", reason="a fork", message="m",
        alert_id="alert-1", status="retracted", rule_id=WASH, rule_name="Rule 1", level="high",
        typology="wash_trading",
    )  # fmt: skip
    found = {one.id: one for one in await cases_of(bus, retracted, settings=settings)}
    assert found[opened.case_id].four_eyes
    assert {name: (list(one.alerts), one.retracted) for name, one in found.items()} == {
        "suppressed-issuance": (["alert-1", "alert-2"], 0),
        opened.case_id: (["alert-1"], 1),
    }


async def test_a_repetition_of_what_was_judged_a_short_time_ago_opens_nothing(bus: Bus) -> None:
    (case,) = await cases_of(bus, alert(1, level="medium"))
    store = await CaseStore.open(bus)
    wish = Wish(action="closed", who="bob", at=CLOCK - HOUR, resolution="explained", why="mm")
    await store.do(await store.load(case.id), wish)
    found = await cases_of(
        bus,
        alert(2, after=HOUR, level="medium"),
        alert(3, after=HOUR, level="high"),
        alert(4, after=HOUR, level="medium", rule=SPOOF),
    )
    assert [(list(case.alerts), case.status) for case in found] == [
        (["alert-1", "alert-2"], "closed"),
        (["alert-3", "alert-4"], "open"),
    ]


# -- duties ----------------------------------------------------------------------------------------


async def test_who_changed_a_rule_by_the_stream_can_not_close_its_alerts(bus: Bus) -> None:
    changed = RulesChanged(
        id="c1", timestamp=START, ingested=START, original="", provider="tapewatch", rules="b",
        changed=(WASH,), author="Gina <gina@example.com>", operator="oscar",
    )  # fmt: skip
    for data in (b"{", msgspec.json.encode(changed)):  # what can't be read is passed over
        await bus.jetstream.publish(bus.names.subject(Stream.EVENTS, "rules"), data)
    people = [CasePerson(user="gk", also=["gina@example.com"]), CasePerson(user="bob")]
    settings = Cases(people=people, assign=[CaseAssignment(to=["gk", "bob"])])
    (case,) = await cases_of(bus, alert(1, level="medium"), settings=settings)
    assert case.assignee == "bob"
    assert [bool(case.conflicted(who)) for who in ("gk", "oscar", "gina", "Dana Quant", "bob")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert await cases_of(bus, alert(2, entities=("0xnew",), level="low"), settings=settings)
    assert (await cases(bus))[1].assignee == "bob"


async def test_of_two_who_decide_at_once_one_is_told_to_look_again(bus: Bus) -> None:
    (case,) = await cases_of(bus, alert(1, level="medium"))
    store = await CaseStore.open(bus)
    stored = await store.load(case.id)

    async def decide(who: str, action: Any, **more: Any) -> str:
        try:
            await store.do(stored, Wish(action=action, who=who, at=CLOCK, **more))
        except CaseChanged:
            return "changed"
        return "done"

    results = await asyncio.gather(
        decide("alice", "closed", resolution="explained"),
        decide("bob", "closed", resolution="reported"),
        decide("carol", "assigned", assignee="erin"),
    )
    assert sorted(results) == ["changed", "changed", "done"]
    history = await store.history(case.id)
    assert [one.number for one in history] == [1, 2]


async def test_an_alert_that_joins_before_the_approval_stops_it(bus: Bus) -> None:
    (case,) = await cases_of(bus, alert(1))
    store = await CaseStore.open(bus)
    for wish in (
        Wish(action="assigned", who="boss", at=CLOCK, assignee="alice"),
        Wish(action="resolution-proposed", who="alice", at=CLOCK, resolution="explained"),
    ):
        await store.do(await store.load(case.id), wish)
    seen = await store.load(case.id)
    await cases_of(bus, alert(2, after=HOUR))
    approval = Wish(action="closed", who="bob", at=CLOCK, resolution="explained")
    with pytest.raises(CaseChanged):
        await store.do(seen, approval)
    with pytest.raises(ActionRefused, match="two people"):
        await store.do(await store.load(case.id), approval)


async def test_the_stage_judges_anew_where_somebody_was_faster(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed a moment before the alert: it opens another case, since it's of another rule."""
    (case,) = await cases_of(bus, alert(1, level="medium"))
    store = await CaseStore.open(bus)
    stage_do = CaseStore.do

    async def slower(self: CaseStore, stored: Any, wish: Wish) -> Any:
        if wish.action == "alerts-joined" and "alert-2" in wish.alerts:
            monkeypatch.setattr(CaseStore, "do", stage_do)
            close = Wish(action="closed", who="bob", at=CLOCK, resolution="explained")
            await store.do(await store.load(case.id), close)
        return await stage_do(self, stored, wish)

    monkeypatch.setattr(CaseStore, "do", slower)
    found = await cases_of(bus, alert(2, level="medium", rule=SPOOF))
    assert sorted((list(case.alerts), case.status) for case in found) == [
        (["alert-1"], "closed"),
        (["alert-2"], "open"),
    ]


# -- what is no activity ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["first", "later"])
async def test_what_somebody_else_writes_there_changes_no_case_and_stops_none(
    bus: Bus, at: str
) -> None:
    """Garbage, an activity of a later version, another case's: they are passed over."""
    name = case_id("wash_trading", ("0xaaa", "0xbbb"), "acme", "alert-1")
    if at == "later":
        await cases_of(bus, alert(1))
    forged = msgspec.json.encode(Worked().activities[0])
    subject = bus.names.subject(Stream.CASES, name)
    for data in (b"{", b'{"event.action":"case-activity"}', forged):
        await bus.jetstream.publish(subject, data)
    (case,) = await cases_of(bus, *([] if at == "later" else [alert(1)]), alert(2, after=HOUR))
    assert (case.id, list(case.alerts), case.refused) == (name, ["alert-1", "alert-2"], [])
    store = await CaseStore.open(bus)
    assert [one.number for one in await store.history(name)] == list(range(1, case.number + 1))
    assert await store.load_named("TW-1") is None


# -- ages ------------------------------------------------------------------------------------------

STEPS = [
    CaseEscalation(step="nobody", when="unassigned", after=30 * MINUTE, notify=["on-call"]),
    CaseEscalation(step="old", when="working", after=4 * HOUR, minimum_level="critical"),
    CaseEscalation(step="waits", when="pending", after=HOUR),
]


def steps(found: Sequence[Case]) -> list[list[str]]:
    return [case.steps for case in found]


async def test_cases_are_escalated_by_age_and_level_and_once(bus: Bus) -> None:
    now = START
    settings = Cases(escalate=STEPS, look_every=DAY)
    await tell(bus, alert(1), alert(2, level="critical", entities=("0xc",)),
               alert(3, level="medium", entities=("0xd",)))  # fmt: skip
    async with running(bus, settings, clock=lambda: now) as stage:
        now += 29 * MINUTE
        await stage.escalate()
        assert steps(await cases(bus)) == [[], [], []]
        now += MINUTE
        await stage.escalate()
        await stage.escalate()
        found = {case.level: case for case in await cases(bus)}
        assert found["high"].steps == found["critical"].steps == ["nobody"]
        assert found["medium"].steps == []
        now += 4 * HOUR
        await stage.escalate()
        found = {case.level: case for case in await cases(bus)}
        assert (found["high"].steps, found["critical"].steps) == (["nobody"], ["nobody", "old"])
        store = await CaseStore.open(bus)
        high = found["high"].id
        for wish in (
            Wish(action="assigned", who="boss", at=now, assignee="alice"),
            Wish(action="resolution-proposed", who="alice", at=now, resolution="explained"),
        ):
            await store.do(await store.load(high), wish)
        now += HOUR
        await stage.escalate()  # hasn't seen that yet, and learns it when it writes
        async with asyncio.timeout(10):
            while (await store.load(high)).case.steps != ["nobody", "waits"]:  # type: ignore[union-attr]
                await stage.escalate()
                await asyncio.sleep(0.02)
        escalated = (await store.history(high))[-1]
    assert (escalated.step, escalated.why) == (
        "waits",
        "nobody approves or rejects what is proposed",
    )

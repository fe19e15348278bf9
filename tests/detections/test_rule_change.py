"""Rules that change while events come, on a real bus: from one message on, in every run."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from detections.engine.engine import Engine
from detections.lanes.lane import Lane
from detections.lanes.rule_change import differences
from detections.lanes.rule_news import telling, telling_left_out
from detections.lanes.ruled_engine import RuledEngine
from detections.lanes.rules_in_force import RulesInForce
from detections.lanes.stage import lane_places
from detections.replay.result import Replay
from detections.replay.run import Plan, replay
from detections.replay.span import Span
from detections.rules import RuleSet, load_rules
from detections.rules.loading import parse_rules
from normalizer.events import Alert, Record
from pipeline.bus import Bus, Stream
from pipeline.cli.reloading import announce
from pipeline.config.schema import Detections, ExternalBus
from pipeline.reload import ReloadRequest, RulesReloaded
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.detections.replay.live_run import alert_lines, publish, taken
from tests.detections.samples import HEADER, START, Tape, transfer
from tests.detections.test_event_time import BASE

#: Three transfers of a sender within ten minutes.
BURST = f"""{HEADER.replace("A rule", "Burst").strip()}
correlation:
  type: event_count
  rules: [moved]
  group-by: [source.address]
  timespan: 10m
  condition: {{gte: 3}}
---
{BASE.strip()}
"""


SELF_TRADE = f"""{HEADER.replace("A rule", "Wash").replace("7d0f3a6e", "33333333").strip()}
correlator: wash_trading
parameters: {{pattern: self_trade, minimum_trades: 2, window: 1h}}
"""


def large(amount: int, more: str = "") -> str:
    return (
        HEADER.replace("A rule", "Large").replace("7d0f3a6e", "11111111").strip()
        + "\nlogsource: {product: tapewatch, service: chain}\n"
        + f"detection: {{s: {{token.amount|gte: {amount}}}, condition: s}}\n{more}"
    )


class Site:
    """A folder of rules, a bus, and detections that may be stopped at any moment."""

    def __init__(self, bus: Bus, folder: Path) -> None:
        self.bus = bus
        self.settings = Detections(rules=[folder])
        self._folder = folder

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    def rules(self) -> RuleSet:
        return load_rules([self._folder])

    async def reload(self, reason: str | None = None) -> RulesReloaded | None:
        return await announce(self.bus, self.settings, ReloadRequest(reason=reason))

    @asynccontextmanager
    async def live(self, *, to_the_end: bool = True) -> AsyncGenerator[None]:
        """The detections; nothing is saved on their way out."""
        in_force = await RulesInForce.open(self.bus)
        engine = RuledEngine(
            Engine(self.rules()),
            Engine,
            in_force,
            on_switch=telling("detections"),
            on_left_out=telling_left_out("detections"),
        )
        lane = Lane(self.bus, engine, warm_up=0, checkpoint_every=SECOND // 20)
        task = asyncio.create_task(lane.run())
        try:
            yield
            if to_the_end:
                await taken(self.bus)
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def replayed(self, given: RuleSet | None = None) -> tuple[Replay, list[bytes]]:
        found: list[Alert] = []
        plan = Plan(
            span=Span(),
            configured=RuleSet(),
            given=given,
            given_name="today's",
            make=Engine,
            lanes=lane_places(1),
        )
        result = await replay(self.bus, plan, on_alert=found.append)
        return result, [msgspec.json.encode(alert) for alert in found]

    async def alerts(self) -> list[tuple[str, tuple[str, ...]]]:
        """Titles of rules, with the events that each alert rests on."""
        return [(one.rule_name, one.evidence_events) for one in await decoded(self)]


async def decoded(site: Site) -> list[Alert]:
    return [msgspec.json.decode(line, type=Alert) for line in await alert_lines(site.bus)]


@pytest.fixture
async def site(nats_url: str, stream_prefix: str, tmp_path: Path) -> AsyncIterator[Site]:
    settings = ExternalBus(urls=[SecretText(nats_url)], prefix=stream_prefix)
    folder = tmp_path / "rules"
    folder.mkdir()
    async with await Bus.connect(settings, name="test") as connected:
        found = Site(connected, folder)
        found.write("burst.yml", BURST)
        yield found


def sent(number: int, amount: float = 1.0) -> Record:
    return transfer(number, timestamp=START + number * SECOND, amount=amount)


def traded(number: int) -> Record:
    tape = Tape(buyer_account="a", seller_account="a")
    return tape.trade(number * 1_000, 10.0, 5.0, id=f"trade-{number}")


async def test_windows_of_unchanged_rules_go_on_over_the_change(site: Site) -> None:
    site.write("large.yml", large(100))
    await site.reload()
    async with site.live():
        await publish(site.bus, [sent(1, 150)], [sent(2, 50)])
        await taken(site.bus)
        site.write("large.yml", large(40))
        site.write("tiny.yml", large(0).replace("11111111", "22222222").replace("Large", "Any"))
        change = await site.reload("lower")
        await publish(site.bus, [sent(3, 50)])

    assert change is not None
    assert (change.added, change.changed, change.removed) == (("Any",), ("Large",), ())
    assert await site.alerts() == [
        ("Large", ("transfer-1",)),
        ("Large", ("transfer-3",)),
        ("Any", ("transfer-3",)),
        ("Burst", ("transfer-1", "transfer-2", "transfer-3")),
    ]


async def test_a_replay_over_the_change_gives_the_same_bytes(site: Site) -> None:
    await site.reload()
    async with site.live():
        for number in range(1, 40):
            await publish(site.bus, [sent(number, number)])
            if number in (10, 20, 30):
                site.write("large.yml", large(number))
                await site.reload(f"from {number}")

    found, lines = await site.replayed()

    assert found.agrees
    assert lines == await alert_lines(site.bus)
    assert [switch.reason for switch in found.switches] == ["from 10", "from 20", "from 30"]
    assert [bool(switch.added) for switch in found.switches] == [True, False, False]

    today, _ = await site.replayed(site.rules())
    assert not today.agrees
    assert today.rules == "today's"
    large_ones = next(one for one in today.by_rule if one.title == "Large")
    assert {reason.name for reason in large_ones.reasons} == {"the rule was changed"}


async def test_a_changed_correlation_knows_what_came_before_also_in_a_replay(site: Site) -> None:
    await site.reload()
    async with site.live():
        await publish(site.bus, [sent(1), sent(2)])
        await taken(site.bus)
        site.write("burst.yml", BURST.replace("gte: 3", "gte: 4"))
        await site.reload("fewer alerts")
        await publish(site.bus, [sent(3)], [sent(4)])

    assert await site.alerts() == [
        ("Burst", ("transfer-1", "transfer-2", "transfer-3", "transfer-4"))
    ]
    result, lines = await site.replayed()
    assert lines == await alert_lines(site.bus)
    assert result.agrees


async def test_other_words_are_in_force_at_once_and_the_state_goes_on(site: Site) -> None:
    site.write("wash.yml", SELF_TRADE)
    await site.reload()
    with structlog.testing.capture_logs() as logs:
        async with site.live():
            await publish(site.bus, [sent(1), sent(2), traded(2)])
            await taken(site.bus)
            site.write("burst.yml", BURST.replace("title: Burst", "title: Rush"))
            site.write("wash.yml", f"{SELF_TRADE}calibration: {{judged: 22, right: 6, said: 0.9}}")
            change = await site.reload("as sure as it should be")
            await publish(site.bus, [sent(3)], [traded(3)])

    assert change is not None
    assert change.changed == change.kept == ("Wash", "Rush")
    assert change.rebuilt == ()
    assert await site.alerts() == [
        ("Rush", ("transfer-1", "transfer-2", "transfer-3")),
        ("Wash", ("trade-2", "trade-3")),
    ]
    (calibrated,) = [one for one in await decoded(site) if one.rule_name == "Wash"]
    assert calibrated.confidence < 0.95
    told = [(log["event"], log.get("title")) for log in logs if "the state of a" in log["event"]]
    assert told == [
        ("the state of a rule goes on", "Wash"),
        ("the state of a rule goes on", "Rush"),
    ]
    result, lines = await site.replayed()
    assert lines == await alert_lines(site.bus)
    assert result.agrees
    assert [switch.rebuilt for switch in result.switches] == [()]


async def test_it_is_said_which_rules_are_rebuilt(site: Site) -> None:
    await site.reload()
    with structlog.testing.capture_logs() as logs:
        async with site.live():
            await publish(site.bus, [sent(1), sent(2)])
            await taken(site.bus)
            site.write("burst.yml", BURST.replace("gte: 3", "gte: 4"))
            change = await site.reload()
            await publish(site.bus, [sent(3)], [sent(4)])

    assert change is not None
    assert (change.kept, change.rebuilt) == ((), ("Burst",))
    told = [(log["event"], log.get("title")) for log in logs if "the state of a" in log["event"]]
    assert told == [("the state of a rule was rebuilt", "Burst")]


@pytest.mark.parametrize("stops", [[5], [10], [3, 10, 11, 12], list(range(1, 20))])
async def test_restarts_anywhere_around_the_change_change_nothing(
    site: Site, stops: Sequence[int]
) -> None:
    await site.reload()
    number = 0
    for stop in (*stops, 24):
        async with site.live(to_the_end=stop % 2 == 0):
            while number < stop:
                number += 1
                await publish(site.bus, [sent(number, number)])
                if number == 10:
                    site.write("large.yml", large(8))
                    await site.reload()
    async with site.live():
        pass

    found, lines = await site.replayed()

    assert lines == await alert_lines(site.bus)
    assert found.agrees
    assert ("Large", ("transfer-9",)) not in await site.alerts(), "it was not in force yet"
    assert ("Large", ("transfer-11",)) in await site.alerts()


async def test_a_change_is_in_the_stream_once_however_often_it_is_asked_for(site: Site) -> None:
    first = await site.reload()
    assert first is not None
    assert first.first
    assert [await site.reload() for _ in range(3)] == [None, None, None]

    in_force = await RulesInForce.open(site.bus)
    assert await in_force.changes() == [], "the first set changes nothing"
    site.write("large.yml", large(100))
    second = await site.reload()
    assert second is not None
    assert [await site.reload() for _ in range(3)] == [None, None, None]
    assert [change.record.rules for change in await in_force.changes()] == [second.rules]


async def test_killed_in_the_middle_of_a_change_it_is_done_once_or_not_at_all(site: Site) -> None:
    first = await site.reload()
    assert first is not None
    site.write("large.yml", large(100))
    in_force = await RulesInForce.open(site.bus)

    # Behind each step of a change, at random moments: whoever asks again completes it.
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
        task = asyncio.create_task(site.reload())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await site.reload()

    changes = await in_force.changes()
    assert len(changes) == 1
    assert changes[0].record.previous == first.rules
    assert await in_force.now() == changes[0].record.rules


async def test_old_rules_come_back_as_another_change(site: Site) -> None:
    await site.reload()
    site.write("large.yml", large(100))
    await site.reload()
    site.remove("large.yml")
    back = await site.reload()

    assert back is not None
    assert back.removed == ("Large",)
    in_force = await RulesInForce.open(site.bus)
    changes = await in_force.changes()
    assert len({change.record.id for change in changes}) == 2
    assert changes[0].record.previous == changes[1].record.rules


async def test_what_is_in_force_is_known_when_the_change_has_left_the_stream(site: Site) -> None:
    first = await site.reload()
    site.write("large.yml", large(100))
    second = await site.reload()
    assert first is not None
    assert second is not None
    in_force = await RulesInForce.open(site.bus)
    stream = site.bus.names.stream(Stream.EVENTS)

    assert await in_force.at(0) == first.rules, "the change tells what was before it"
    assert await in_force.at(1) == second.rules
    await site.bus.jetstream.purge_stream(stream)
    assert await in_force.at(99) == await in_force.now() == second.rules
    assert await site.reload() is None


async def test_an_exception_is_a_part_of_the_rules(site: Site) -> None:
    site.write("large.yml", large(100))
    await site.reload()
    async with site.live():
        await publish(site.bus, [sent(1, 150)])
        await taken(site.bus)
        site.write(
            "ours.exceptions.yml",
            "exceptions:\n  - rules: [11111111-6f6b-4f6e-9a43-3f4be2c9b0aa]\n"
            f"    entities: ['0x{'a' * 40}']\n    owner: jane@example.com\n"
            "    reason: Omnibus account\n    expires: 2027-01-31\n",
        )
        change = await site.reload()
        await publish(site.bus, [sent(2, 150)])

    assert change is not None
    assert change.changed == ("Large",)
    assert await site.alerts() == [("Large", ("transfer-1",))]
    today, _ = await site.replayed(site.rules())
    (reason,) = today.by_rule[0].reasons
    assert reason.name.startswith("it is excepted, by ")


async def test_a_start_with_other_rules_begins_with_those_that_were_in_force(site: Site) -> None:
    site.write("large.yml", large(100))
    await site.reload()
    await publish(site.bus, [sent(1, 150)])
    site.write("large.yml", large(200))
    await site.reload()
    await publish(site.bus, [sent(2, 150), sent(3, 250)])

    async with site.live():  # its own files are those of today
        pass

    assert await site.alerts() == [
        ("Large", ("transfer-1",)),
        ("Large", ("transfer-3",)),
        ("Burst", ("transfer-1", "transfer-2", "transfer-3")),
    ]


def test_differences_are_of_what_rules_do() -> None:
    def rules(text: str) -> RuleSet:
        return parse_rules(text.encode())

    same = large(100).replace("A rule", "A  rule").replace("title:", "title:   ")
    assert not differences(rules(large(100)), rules(same))
    assert differences(rules(large(100)), rules(large(99))).changed
    assert differences(rules(large(100)), rules(large(100, "staged: true\n"))).changed
    assert differences(None, rules(large(100))).added
    assert differences(rules(large(100)), RuleSet()).removed

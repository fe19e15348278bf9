"""The detections on a real bus: what correlations knew outlives the process, however it ends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec
import structlog.testing

from detections.engine.engine import Engine
from detections.lanes.events import LaneEvents
from detections.lanes.lane import Lane
from detections.lanes.past import LanePast
from detections.lanes.rebuilding import Rebuilding
from detections.lanes.ruled_engine import RuledEngine
from detections.rules import RuleSet
from normalizer.events import Alert, Record
from pipeline.bus import Bus, Stream
from pipeline.bus.checkpoints import packed
from pipeline.bus.positions import Position, Positions, created_at
from pipeline.bus.publisher import publish_once
from pipeline.units import MINUTE, SECOND
from tests.detections.samples import HEADER, Tape, correlator
from tests.detections.test_event_time import BURST, correlation, move

_decode = msgspec.json.Decoder(Alert).decode

#: Three transfers within a day: far more than any warm-up reads again.
DAY_LONG = correlation(
    "  type: event_count\n  rules: [moved]\n  group-by: [source.address]\n"
    "  timespan: 1d\n  condition: {gte: 3}"
)


async def publish(bus: Bus, events: Sequence[Record]) -> None:
    writer = bus.writer(Stream.EVENTS, "test")
    await writer.newest()
    for event in events:
        await writer.write(msgspec.json.encode(event), event.id)


@asynccontextmanager
async def running(
    bus: Bus, rules: RuleSet, *, lateness: int = 0, warm_up: int = 0, every: int = SECOND // 20
) -> AsyncGenerator[None]:
    """A stage that ends as a crash does: nothing is saved on the way out."""
    engine = Engine(rules, allowed_lateness=lateness)
    stage = Lane(bus, RuledEngine(engine), warm_up=warm_up, checkpoint_every=every)
    task = asyncio.create_task(stage.run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def taken(bus: Bus) -> None:
    """Wait until the stage has taken all events, and says so durably."""
    last = await bus.last_sequence(Stream.EVENTS)
    async with asyncio.timeout(20):
        while True:
            positions = await Positions.open(bus, bus.names.bucket("POSITIONS"))
            if (await positions.load("detections")).done >= last:
                return
            await asyncio.sleep(0.05)


async def saved(bus: Bus) -> None:
    """Wait until a checkpoint holds all events."""
    info = await bus.info(Stream.EVENTS)
    here = Position(created_at(info), info.state.last_seq)
    checkpoints = await bus.checkpoints("detections")
    async with asyncio.timeout(20):
        while True:
            newest = await checkpoints.newest(here)
            if newest is not None and newest.sequence == here.done:
                return
            await asyncio.sleep(0.02)


async def alerts(bus: Bus) -> list[Alert]:
    last = await bus.last_sequence(Stream.ALERTS)
    reader = bus.reader(Stream.ALERTS, after=0)
    found: list[Alert] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            found += map(_decode, message.data.split(b"\n"))
    await reader.close()
    return found


async def test_a_correlation_goes_on_where_a_killed_process_was(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 3_600)])
    async with running(bus, DAY_LONG):
        await taken(bus)
        await saved(bus)
    await publish(bus, [move(3, 40_000)])
    async with running(bus, DAY_LONG):
        await taken(bus)
    (alert,) = await alerts(bus)
    assert alert.evidence_events == ("transfer-1", "transfer-2", "transfer-3")


async def test_what_came_after_the_checkpoint_is_read_again_and_alerts_once(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 1)])
    async with running(bus, BURST):
        await taken(bus)
        await saved(bus)
    await publish(bus, [move(3, 2)])
    async with running(bus, BURST, every=3_600 * SECOND):
        await taken(bus)
    assert len(await alerts(bus)) == 1
    await publish(bus, [move(4, 3), move(5, 4), move(6, 5)])
    async with running(bus, BURST):
        await taken(bus)
    first, second = await alerts(bus)
    assert len(first.evidence_events) == 3
    assert len(second.evidence_events) == 6, "the series has doubled, with all that it had"


async def test_events_that_wait_for_late_ones_are_kept(bus: Bus) -> None:
    lateness = 60 * SECOND
    await publish(bus, [move(1, 5), move(2, 3)])
    async with running(bus, BURST, lateness=lateness):
        await taken(bus)
        await saved(bus)
    await publish(bus, [move(3, 4), move(4, 70, "b"), move(5, 80, "b")])
    async with running(bus, BURST, lateness=lateness):
        await taken(bus)
    (alert,) = await alerts(bus)
    assert alert.evidence_events == ("transfer-2", "transfer-3", "transfer-1")


async def test_an_event_that_comes_again_after_the_restart_counts_once(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 1)])
    async with running(bus, BURST):
        await taken(bus)
        await saved(bus)
    subject = bus.names.subject(Stream.EVENTS, "again")
    await publish_once(bus, subject, msgspec.json.encode(move(2, 1)), "again")
    async with running(bus, BURST):
        await taken(bus)
    assert await alerts(bus) == []


async def test_changed_rules_rebuild_the_state_and_say_so(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 1)])
    async with running(bus, DAY_LONG):
        await taken(bus)
        await saved(bus)
    await publish(bus, [move(3, 2)])
    with structlog.testing.capture_logs() as logs:
        async with running(bus, BURST, warm_up=15 * MINUTE):
            await taken(bus)
    assert len(await alerts(bus)) == 1
    (told,) = [log for log in logs if log["event"] == "the state of a rule was rebuilt"]
    assert told["reason"] == (
        "what shapes the state has changed, in the rule or in one that feeds it"
    )


async def test_what_a_correlator_knew_before_any_warm_up_outlives_the_process(bus: Bus) -> None:
    rules = correlator(
        "wash_trading",
        "{pattern: self_trade, minimum_trades: 3, window: 12h}",
        HEADER.replace("7d0f3a6e", "aaaaaaaa"),
    )
    both = RuleSet(
        sigma=BURST.sigma, correlations=BURST.correlations, correlators=rules.correlators
    )
    tape = Tape()

    def trade(second: float) -> Record:
        return tape.trade(second * 1_000, 10, 5, buyer_account="a", seller_account="a")

    trades = [trade(1), trade(3), trade(5 * 3_600)]
    (undisturbed,) = Engine(both).process(trades)
    await publish(bus, [move(1, 0), trades[0], move(2, 2), trades[1]])
    async with running(bus, both, warm_up=MINUTE):
        await taken(bus)
        await saved(bus)
    # What a warm-up could read is gone; only the checkpoint knows it.
    await bus.jetstream.purge_stream(bus.names.stream(Stream.EVENTS))
    await publish(bus, [move(3, 4), trades[2]])
    async with running(bus, both, warm_up=MINUTE):
        await taken(bus)
    found = await alerts(bus)
    assert [len(alert.evidence_events) for alert in found] == [3, 3]
    assert undisturbed.id in [alert.id for alert in found]


async def test_a_rule_that_is_new_is_rebuilt_from_as_far_back_as_its_window(bus: Bus) -> None:
    """Far further than the warm-up; the rule beside it keeps what it knew."""
    tape = Tape()

    def trade(second: float) -> Record:
        return tape.trade(second * 1_000, 10, 5, buyer_account="a", seller_account="a")

    wash = correlator(
        "wash_trading",
        "{pattern: self_trade, minimum_trades: 3, window: 12h}",
        HEADER.replace("7d0f3a6e", "aaaaaaaa"),
    )
    both = RuleSet(sigma=BURST.sigma, correlations=BURST.correlations, correlators=wash.correlators)
    await publish(bus, [trade(0), trade(7_200), move(1, 14_400), move(2, 14_401)])
    async with running(bus, BURST, warm_up=MINUTE):
        await taken(bus)
        await saved(bus)
    await publish(bus, [move(3, 14_402), trade(14_403)])
    with structlog.testing.capture_logs() as logs:
        async with running(bus, both, warm_up=MINUTE):
            await taken(bus)
    assert [len(alert.evidence_events) for alert in await alerts(bus)] == [3, 3]
    told = {log["event"]: log for log in logs}
    assert told["state restored"]["rules"] == 1
    assert told["the state of a rule was rebuilt"]["reason"] == "the rule is new"
    assert told["the state of a rule was rebuilt"]["events"] == 4


async def test_a_damaged_checkpoint_leaves_the_one_before_it(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 3_600)])
    async with running(bus, DAY_LONG):
        await taken(bus)
        await saved(bus)
    created = created_at(await bus.info(Stream.EVENTS))
    await publish(bus, [move(3, 3_700, "b")])
    async with running(bus, DAY_LONG, every=3_600 * SECOND):
        await taken(bus)
    checkpoints = await bus.checkpoints("detections")
    await checkpoints.save(created, 3, b"".join(packed([b"nonsense"])))
    await publish(bus, [move(4, 40_000)])
    with structlog.testing.capture_logs() as logs:
        async with running(bus, DAY_LONG):
            await taken(bus)
    (alert,) = await alerts(bus)
    assert alert.evidence_events == ("transfer-1", "transfer-2", "transfer-4")
    assert any(log["event"] == "a checkpoint is not used" for log in logs)


async def test_a_checkpoint_ahead_of_the_outputs_is_not_used(bus: Bus) -> None:
    await publish(bus, [move(n, n) for n in range(1, 5)])
    created = created_at(await bus.info(Stream.EVENTS))
    checkpoints = await bus.checkpoints("detections")
    for sequence in range(1, 7):
        stored = b"".join(packed([f"state {sequence}".encode()]))
        await checkpoints.save(created, sequence, stored, rules="abc")
    newest = await checkpoints.newest(Position(created, 4))
    assert newest is not None
    assert (newest.sequence, newest.data) == (4, b"state 4")
    assert [one.sequence for one in await checkpoints.all()] == [1, 4, 5, 6], "one grows old"
    assert await checkpoints.needed(created, 9, spare=True) == 4, (
        "EVENTS needs to reach back so far"
    )
    assert await checkpoints.newest(Position(created + 1, 9)) is None, "another stream's life"


async def test_a_rule_that_changes_with_the_first_message_has_no_past_to_be_rebuilt_from(
    bus: Bus,
) -> None:
    engine = RuledEngine(Engine(DAY_LONG))
    past = LanePast(bus, engine, LaneEvents(bus), "detections")
    rebuilding = Rebuilding(bus, past, "detections", warm_up=MINUTE)
    with structlog.testing.capture_logs() as logs:
        await rebuilding.rebuild(engine.engine, engine.engine.stateful, 0)
    assert [one["event"] for one in logs] == ["the state of a rule begins empty"]

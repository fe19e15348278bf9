"""A replay on a real bus: what was alerted live comes again, and what differs is told with why."""

import re
from collections.abc import Sequence

import msgspec
import pytest

from detections.engine.engine import Engine
from detections.lanes.stage import lane_places
from detections.replay.amendments import Amended
from detections.replay.result import Replay
from detections.replay.run import Plan, replay
from detections.replay.span import Span
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Alert, ChainReorganised, Record
from normalizer.events.market import TradeBusted, TradeCorrected
from pipeline.bus import Bus, Stream
from pipeline.bus.positions import Position, created_at
from pipeline.bus.publisher import publish_once
from pipeline.bus.relay_outlets import ALONE
from pipeline.cli.moments import moment_of
from pipeline.units import DAY, HOUR, SECOND
from tests.detections.replay.live_run import alert_lines, alerts, live, publish
from tests.detections.samples import HEADER, START, Tape, correlator
from tests.detections.test_event_time import BASE, BURST, move
from tests.detections.test_revised_evidence import RULES as AMENDED
from tests.detections.test_revised_evidence import selves
from tests.detections.test_revised_trades import MINUTE, revised

OF_ALICE = "0x" + "a" * 40


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


def burst(least: int = 3, exceptions: str = "") -> RuleSet:
    return parse_rules(
        f"{HEADER}correlation:\n  type: event_count\n  rules: [moved]\n"
        "  group-by: [source.address]\n  timespan: 10s\n"
        f"  condition: {{gte: {least}}}\n---\n{BASE}{exceptions}".encode()
    )


async def replayed(
    bus: Bus,
    rules: RuleSet = BURST,
    *,
    given: RuleSet | None = None,
    lateness: int = 0,
    warm_up: int | None = None,
    **span: int,
) -> tuple[Replay, list[Alert]]:
    found: list[Alert] = []
    plan = Plan(
        span=Span(**span),
        configured=rules,
        given=given,
        given_name="" if given is None else "others",
        make=lambda one: Engine(one, allowed_lateness=lateness),
        lanes=lane_places(1),
        warm_up=warm_up,
        allowed_lateness=lateness,
    )
    return await replay(bus, plan, on_alert=found.append), found


async def test_all_that_was_alerted_comes_again_byte_by_byte(bus: Bus) -> None:
    await publish(bus, [move(1, 0), move(2, 1)], [move(3, 2)], *([move(n, n)] for n in (4, 5, 6)))
    async with live(bus, BURST):
        pass

    found, again = await replayed(bus)

    assert found.agrees
    assert (found.live, found.replayed, found.same) == (2, 2, 2)
    assert [msgspec.json.encode(alert) for alert in again] == await alert_lines(bus)


async def test_windows_are_filled_from_before_the_span(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 7)))
    async with live(bus, BURST):
        pass

    found, again = await replayed(bus, first=6)

    assert found.agrees, "the series' second alert, not a first one"
    assert (found.events, found.warm_up, found.same) == (1, 5, 1)
    assert len(again[0].evidence_events) == 6


async def test_with_less_before_it_a_window_is_not_full(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    async with live(bus, BURST):
        pass

    plan_from_there, _ = await replayed(bus, first=3)
    assert plan_from_there.agrees
    found, _ = await replayed(bus, since=START + 3 * SECOND, until=START + HOUR)
    assert found.agrees, "times say what belongs to it, and all before fills the windows"


@pytest.mark.parametrize(("first", "last", "same"), [(1, 2, 0), (1, 3, 1), (3, 5, 1), (4, 6, 1)])
async def test_live_alerts_are_those_of_the_span_though_they_were_written_together(
    bus: Bus, first: int, last: int, same: int
) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 7)))  # alerts at the 3rd and the 6th
    async with live(bus, BURST):
        pass

    found, _ = await replayed(bus, first=first, last=last)

    assert found.agrees
    assert (found.live, found.same) == (same, same)


async def test_times_are_of_events_and_the_end_is_not_included(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 7)))
    async with live(bus, BURST):
        pass

    until_6, _ = await replayed(bus, until=START + 6 * SECOND)
    after_6, _ = await replayed(bus, until=START + 6 * SECOND + 1)

    assert (until_6.agrees, until_6.same) == (True, 1)
    assert (after_6.agrees, after_6.same) == (True, 2)


async def test_a_time_in_which_nothing_happened_is_said_with_the_times_that_there_are(
    bus: Bus,
) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 7)))
    async with live(bus, BURST):
        pass
    found, _ = await replayed(bus, since=START + 2 * HOUR)
    assert found.agrees
    (note,) = [one for one in found.notes if "no event happened then" in one]
    said = re.search(r"`--from (\S+)`, or name messages, as in `--from (\d+)`", note)
    assert said is not None
    moment = moment_of(said[1], "--from", now=0)
    found, _ = await replayed(bus, since=moment)
    assert found.events == 6
    found, _ = await replayed(bus, first=int(said[2]))
    assert found.events == 6


async def test_events_that_waited_for_late_ones_alert_the_same(bus: Bus) -> None:
    await publish(bus, [move(1, 5)], [move(2, 3)], [move(3, 4)], [move(4, 100, "b")])
    async with live(bus, BURST, lateness=60 * SECOND):
        pass

    found, _ = await replayed(bus, lateness=60 * SECOND)

    assert (found.agrees, found.same) == (True, 1)


async def test_what_the_live_detections_have_not_read_is_no_difference(bus: Bus) -> None:
    await publish(bus, [move(1, 0)])
    async with live(bus, BURST):
        pass
    await publish(bus, [move(2, 1), move(3, 2)])

    found, _ = await replayed(bus)

    assert found.agrees
    assert (found.unread, found.replayed, found.live) == (1, 1, 0)


async def test_an_alert_that_was_lost_is_told(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    async with live(bus, BURST):
        pass
    await bus.jetstream.purge_stream(bus.names.stream(Stream.ALERTS))

    found, _ = await replayed(bus)

    assert not found.agrees
    assert (found.missing_live, found.only_live, found.same) == (1, 0, 0)
    (rule,) = found.by_rule
    assert rule.missing_examples[0].alert.entities == (OF_ALICE,)


async def test_an_alert_that_nobody_should_have_given_is_told(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    async with live(bus, burst(least=2)):
        pass

    found, _ = await replayed(bus, burst(least=2), given=burst(least=9))

    (rule,) = found.by_rule
    assert (found.only_live, found.missing_live) == (1, 0)
    assert [(one.name, one.count) for one in rule.reasons] == [("the rule was changed", 1)]
    assert rule.live_examples[0].why == "the rule was changed"


async def test_a_rule_of_today_that_was_not_there_is_told(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    async with live(bus, RuleSet()):
        pass

    found, _ = await replayed(bus, RuleSet(), given=BURST)

    assert found.missing_live == 1
    assert found.by_rule[0].missing_examples[0].why == "the rule is new"
    assert found.rules == "others"


async def test_an_alert_that_a_changed_rule_gives_in_another_form_is_paired(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    async with live(bus, BURST):
        pass

    lower = parse_rules(
        f"{HEADER.replace('level: high', 'level: low')}correlation:\n  type: event_count\n"
        "  rules: [moved]\n  group-by: [source.address]\n  timespan: 10s\n"
        f"  condition: {{gte: 3}}\n---\n{BASE}".encode()
    )
    found, _ = await replayed(bus, given=lower)

    assert (found.changed, found.missing_live, found.only_live) == (1, 0, 0)
    assert found.by_rule[0].changes[0].fields == ("level",)


async def test_a_retracted_alert_does_not_count_and_a_reinstated_one_does(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 7)))
    async with live(bus, BURST):
        pass
    first, second = await alerts(bus)
    for status, about in (
        ("retracted", first), ("retracted", second), ("reinstated", second),
    ):  # fmt: skip
        update = (
            b'{"event.action":"alert-update","event.id":"%s-%s","@timestamp":%d,'
            b'"surveillance.alert.id":"%s","surveillance.alert.status":"%s"}'
        ) % (about.id.encode(), status.encode(), START, about.id.encode(), status.encode())
        subject = bus.names.subject(Stream.ALERTS, "detections")
        await publish_once(bus, subject, update, f"{about.id}-{status}")

    found, _ = await replayed(bus)

    assert (found.retracted, found.same, found.missing_live) == (1, 1, 1)


async def test_events_of_blocks_that_the_chain_left_are_left_out(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 3)))
    orphan = msgspec.structs.replace(move(3, 3), block_hash="0x" + "d" * 64)
    await publish(bus, [orphan])
    async with live(bus, RuleSet()):
        pass
    reorganised = ChainReorganised(
        id="fork", timestamp=START + 2 * SECOND, ingested=START, original="RAW/9/0",
        provider="chain", chain_id=31337, common_number=2, common_hash="0x" + "b" * 64, depth=1,
        old_number=3, old_hash="0x" + "d" * 64, new_number=4, new_hash="0x" + "e" * 64,
    )  # fmt: skip
    await publish_once(
        bus,
        bus.names.subject(Stream.EVENTS, "all"),
        msgspec.json.encode(reorganised),
        "fork",
        {ALONE: "1"},
    )

    found, _ = await replayed(bus)

    assert (found.orphaned, found.replayed) == (1, 0)
    await publish(bus, [move(4, 4)])
    found, again = await replayed(bus)
    assert [alert.evidence_events for alert in again] == [
        ("transfer-1", "transfer-2", "transfer-4")
    ], "what the chain holds at the end"


async def test_lines_that_are_no_events_are_noted(bus: Bus) -> None:
    await publish_once(bus, bus.names.subject(Stream.EVENTS, "test"), b"{}", "bad")

    found, _ = await replayed(bus)

    assert "1 lines are no events that this version knows" in found.notes


async def test_what_has_expired_is_noted(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 5)))
    async with live(bus, BURST):
        pass
    await bus.jetstream.purge_stream(bus.names.stream(Stream.EVENTS), seq=3)

    found, _ = await replayed(bus, first=1)

    assert found.notes[0] == "2 messages at the range's beginning have expired"
    assert found.by_rule[0].live_examples[0].why == "it rests on events that were not read"


async def test_a_span_behind_the_end_is_empty(bus: Bus) -> None:
    await publish(bus, [move(1, 0)])

    found, _ = await replayed(bus, first=5)

    assert found.agrees
    assert found.notes == ("the stream ends with message 1",)


async def test_reading_stops_where_all_is_later_than_the_span(bus: Bus) -> None:
    await publish(bus, *([move(n, n)] for n in range(1, 4)))
    await publish(bus, *([move(n, DAY / SECOND + n, "b")] for n in range(4, 150)))
    async with live(bus, BURST):
        pass
    progress: list[int] = []
    plan = Plan(span=Span(until=START + HOUR), configured=BURST, make=Engine, lanes=lane_places(1))

    found = await replay(bus, plan, on_progress=lambda one: progress.append(one.done))

    assert (found.agrees, found.same, found.events) == (True, 1, 3)
    assert progress[-1] < 149


async def test_a_correlators_state_comes_again(bus: Bus) -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 2, window: 1m}")
    tape = Tape()
    trades: Sequence[Record] = [
        tape.trade(n * 1_000, 10, 5, buyer_account="a", seller_account="a") for n in range(8)
    ]
    await publish(bus, *([trade] for trade in trades))
    async with live(bus, rules):
        pass

    found, _ = await replayed(bus, rules, first=5)

    assert found.agrees
    assert found.same >= 1


# -- busts and corrections of trades ---------------------------------------------------------------


async def test_what_busts_amended_live_is_amended_again_byte_by_byte(bus: Bus) -> None:
    first, second = selves(2)
    busted = revised(TradeBusted, first, 5 * MINUTE)
    corrected = revised(TradeCorrected, second, 6 * MINUTE, price=9.0)
    rules = parse_rules(AMENDED.encode())
    await publish(bus, [first], [second], [busted], [corrected])
    async with live(bus, rules):
        pass
    assert len(await alert_lines(bus)) == 3

    found, again = await replayed(bus, rules)
    assert found.agrees
    assert (found.same, found.amended) == (1, Amended(same=2))
    assert len(again) == 1

    found, _ = await replayed(bus, rules, first=4)
    assert found.agrees
    assert (found.same, found.amended) == (0, Amended(same=1)), "of an alert before the span"


async def test_an_amendment_that_was_not_given_live_is_a_difference(bus: Bus) -> None:
    first, second = selves(2)
    rules = parse_rules(AMENDED.encode())
    await publish(bus, [first], [second])
    async with live(bus, rules):
        pass
    await publish(bus, [revised(TradeBusted, first, 5 * MINUTE)])
    found, _ = await replayed(bus, rules)
    assert found.agrees
    assert found.amended == Amended(unread=1), "the live detections haven't come so far"

    written = created_at(await bus.info(Stream.EVENTS))
    await bus.positions.save("detections", Position(written, 3))
    found, _ = await replayed(bus, rules)
    assert not found.agrees
    assert found.amended == Amended(differing=1)

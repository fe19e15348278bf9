"""What an engine knows, rule by rule: saved, restored, and handed on where rules change."""

import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detections.correlators.wash_trading import WashTrading
from detections.engine.engine import Engine
from detections.engine.state import CannotRestore, Common, read_state, write_state
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from normalizer.events import Record
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections.random_records import all_actions, records
from tests.detections.samples import START, Tape
from tests.detections.test_event_time import encoded, move
from tests.fixtures.shipped_rules import shipped_rules

SHIPPED = shipped_rules()

BASE = """
title: Moved
id: 11111111-0000-0000-0000-000000000000
name: moved
status: test
level: low
description: A token moved.
author: Tester
date: 2026-01-31
falsepositives: []
references: []
typology: spoofing
logsource: {{product: tapewatch}}
detection:
  selection:
    event.action: token-transfer
    token.amount|gte: {least}
  condition: selection
"""
COUNT = """
---
title: {title}
id: {id}
{name}status: test
level: high
description: Several within the timespan.
author: Tester
date: 2026-01-31
falsepositives: []
references: []
typology: spoofing
correlation:
  type: event_count
  rules: [{rules}]
  group-by: [source.address]
  timespan: {span}
  condition: {{gte: {count}}}
"""
WASH = """
---
title: Wash
id: 44444444-0000-0000-0000-000000000000
status: test
level: high
description: Trades with itself.
author: Tester
date: 2026-01-31
falsepositives: []
references: []
typology: wash_trading
correlator: wash_trading
parameters: {{pattern: self_trade, minimum_trades: 2, window: {window}}}
"""
FIRST, SECOND_RULE = "22222222-0000-0000-0000-000000000000", "33333333-0000-0000-0000-000000000000"
WASH_RULE = "44444444-0000-0000-0000-000000000000"


def rules(
    *, least: str = "1", first: int = 2, second: int = 3, window: str = "1h", with_wash: bool = True
) -> RuleSet:
    """A base rule, two correlations of it and a correlator rule."""
    text = BASE.format(least=least)
    for title, id_, count in (("First", FIRST, first), ("Second", SECOND_RULE, second)):
        text += COUNT.format(title=title, id=id_, name="", rules="moved", span="1h", count=count)
    return parse_rules((text + (WASH.format(window=window) if with_wash else "")).encode())


def trade(second: float) -> Record:
    tape = Tape(buyer_account="a", seller_account="a")
    return tape.trade(second * 1_000, 10.0, 5.0, id=f"trade-{second}")


def begun(of: RuleSet) -> Engine:
    """An engine that has seen one transfer and one trade."""
    engine = Engine(of)
    assert engine.process([move(1, 0), trade(0)]) == []
    return engine


def some_records(seed: int) -> list[Record]:
    """Of some kinds each time: an engine compiles its rules anew for each kind that comes."""
    chance = random.Random(seed)
    return records(chance.sample(all_actions(), 16), 60, chance)


def titles(engine: Engine, events: list[Record]) -> list[str]:
    return [alert.rule_name for alert in engine.process(events)]


# -- saved and restored ----------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([0, 5 * SECOND]))
@example(16_883, 1, 5 * SECOND)  # an oracle's answer waits, of which only the time matters
@example(49, 42, 0)  # a price far off is the only one of its part of the window
def test_all_shipped_rules_go_on_as_if_nothing_had_been(seed: int, cut: int, lateness: int) -> None:
    events = some_records(seed)
    straight = Engine(SHIPPED, allowed_lateness=lateness)
    straight.process(events[:cut])
    taken = straight.snapshot()
    assert straight.snapshot() == taken

    restored = Engine(SHIPPED, allowed_lateness=lateness)
    assert restored.restore(taken) == []
    assert restored.snapshot() == taken
    assert encoded(restored.process(events[cut:])) == encoded(straight.process(events[cut:]))
    assert restored.snapshot() == straight.snapshot()


def test_what_waits_and_claims_to_come_from_the_future_is_the_same_evidence_after_a_restart() -> (
    None
):
    future = msgspec.structs.replace(move(2, 3_600), ingested=START + 2 * SECOND)
    straight = Engine(rules(with_wash=False), allowed_lateness=5 * SECOND)
    straight.process([move(1, 1), future])
    restored = Engine(rules(with_wash=False), allowed_lateness=5 * SECOND)
    assert restored.restore(straight.snapshot()) == []
    assert restored.snapshot() == straight.snapshot()
    told = straight.finish()
    assert [alert.rule_name for alert in told] == ["First"]
    assert encoded(restored.finish()) == encoded(told)


def test_it_can_be_read_in_pieces_of_any_size() -> None:
    taken = begun(rules()).snapshot()
    for size in (1, 7, 1_000):
        engine = Engine(rules())
        assert engine.restore(taken[at : at + size] for at in range(0, len(taken), size)) == []
        assert engine.snapshot() == taken


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_damage_is_noticed_and_changes_nothing(data: st.DataObject) -> None:
    taken = bytearray(begun(rules()).snapshot())
    place = data.draw(st.integers(0, len(taken) - 1))
    if data.draw(st.booleans()):
        taken[place] ^= data.draw(st.integers(1, 255))
    else:
        del taken[place:]
    engine = begun(rules(first=4))
    before = engine.snapshot()
    with pytest.raises(CannotRestore):
        engine.restore(bytes(taken))
    assert engine.snapshot() == before


def test_a_waiting_event_that_this_version_cannot_read_spoils_the_state_and_nothing_else() -> None:
    before = Engine(rules(), allowed_lateness=HOUR)
    before.process([move(1, 0)])
    common = next(read_state(before.snapshot()))
    assert isinstance(common, Common)
    common.waiting[0].record = b"\x80"  # as after an upgrade that changed the record
    engine = begun(rules(first=4))
    known = engine.snapshot()
    with pytest.raises(CannotRestore):
        engine.restore(b"".join(write_state(common, ())))
    assert engine.snapshot() == known


def test_unchanged_rules_keep_their_state_where_others_change() -> None:
    engine = Engine(rules(second=4))
    (unfit,) = engine.restore(begun(rules()).snapshot())
    assert (unfit.id, unfit.title, unfit.horizon) == (SECOND_RULE, "Second", 2 * HOUR)
    assert unfit.why == "what shapes the state has changed, in the rule or in one that feeds it"
    assert titles(engine, [move(2, 1), trade(1)]) == ["First", "Wash"]


def test_a_new_rule_begins_and_one_that_is_gone_does_no_harm() -> None:
    engine = Engine(rules())
    (unfit,) = engine.restore(begun(rules(with_wash=False)).snapshot())
    assert (unfit.id, unfit.why, unfit.horizon) == (WASH_RULE, "the rule is new", 3 * DAY)
    assert Engine(rules(with_wash=False)).restore(begun(rules()).snapshot()) == []


def test_a_changed_rule_takes_those_with_it_that_it_feeds() -> None:
    unfit = Engine(rules(least="2")).restore(begun(rules()).snapshot())
    assert [one.id for one in unfit] == [FIRST, SECOND_RULE]


def test_another_version_of_the_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = begun(rules()).snapshot()
    monkeypatch.setattr(WashTrading, "state_version", WashTrading.state_version + 1)
    (unfit,) = Engine(rules()).restore(taken)
    assert unfit.id == WASH_RULE
    assert unfit.why == "this version of the program keeps its state in another way"


class Rate(msgspec.Struct):
    total: float = 0.0


class FullerRate(msgspec.Struct):
    total: float = 0.0
    newest: list[float] = msgspec.field(default_factory=list[float])


class Rates(msgspec.Struct):
    groups: dict[str, list[Rate]] = msgspec.field(default_factory=dict[str, list[Rate]])


class FullerRates(msgspec.Struct):
    groups: dict[str, list[FullerRate]] = msgspec.field(default_factory=dict[str, list[FullerRate]])


def test_other_fields_deep_in_a_state_are_told_as_another_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has to raise a version for them: of what many states share it would be forgotten."""
    monkeypatch.setattr(WashTrading, "state_type", Rates)
    taken = Engine(rules()).snapshot()
    assert Engine(rules()).restore(taken) == []
    monkeypatch.setattr(WashTrading, "state_type", FullerRates)
    engine = Engine(rules())
    (unfit,) = engine.restore(taken)
    assert unfit.id == WASH_RULE
    assert unfit.why == "this version of the program keeps its state in another way"
    assert isinstance(engine.book.correlators[0].correlator.state, FullerRates)


def test_a_state_that_cannot_be_written_keeps_no_other_from_being_saved() -> None:
    engine = begun(rules())
    engine.process([trade(1)])
    (group,) = engine.book.correlators[0].correlator.state.groups.values()
    group.series_until = 2**70
    restored = Engine(rules())
    (unfit,) = restored.restore(engine.snapshot())
    assert unfit.id == WASH_RULE
    assert "could not be written" in unfit.why
    assert titles(restored, [move(2, 1)]) == ["First"]


def test_other_limits_of_time_keep_the_state() -> None:
    before = Engine(rules(), allowed_lateness=60 * SECOND)
    assert before.process([move(1, 0), move(2, 1)]) == []
    after = Engine(rules(), allowed_lateness=5 * SECOND)
    assert after.restore(before.snapshot()) == []
    assert titles(after, [move(3, 30, "b")]) == ["First"]


# -- handed on -------------------------------------------------------------------------------------


def test_an_engine_of_other_rules_goes_on_where_the_one_before_it_was() -> None:
    after = Engine(rules(second=4))
    (unfit,) = after.carry_over(begun(rules()))
    assert unfit.id == SECOND_RULE
    assert titles(after, [move(1, 0)]) == [], "it was taken already"
    assert titles(after, [move(2, 1), trade(1)]) == ["First", "Wash"]


def test_what_waits_is_taken_by_the_rules_of_its_time() -> None:
    before = Engine(rules(first=9), allowed_lateness=10 * SECOND)
    before.process([move(1, 0), move(2, 1)])
    after = Engine(rules(), allowed_lateness=10 * SECOND)
    after.carry_over(before)
    assert titles(after, [move(3, 30, "b")]) == ["First"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([0, 5 * SECOND]))
def test_with_the_same_rules_nothing_changes(seed: int, cut: int, lateness: int) -> None:
    events = some_records(seed)
    straight = Engine(SHIPPED, allowed_lateness=lateness)
    first = Engine(SHIPPED, allowed_lateness=lateness)
    for one in (straight, first):
        one.process(events[:cut])
    second = Engine(SHIPPED, allowed_lateness=lateness)
    assert second.carry_over(first) == []
    assert second.snapshot() == straight.snapshot()
    assert encoded(second.process(events[cut:])) == encoded(straight.process(events[cut:]))
    assert second.snapshot() == straight.snapshot()


# -- rebuilt ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([0, 5 * SECOND]))
def test_rebuilt_from_the_whole_past_a_rule_is_as_if_it_had_always_been(
    seed: int, cut: int, lateness: int
) -> None:
    events = some_records(seed)
    straight = Engine(SHIPPED, allowed_lateness=lateness)
    straight.process(events[:cut])
    stateful = [one.id for one in straight.stateful]
    ids = random.Random(seed).sample(stateful, len(stateful) // 2)
    engine = Engine(SHIPPED, allowed_lateness=lateness)
    engine.restore(straight.snapshot())
    for one in ids:
        empty = engine.for_rebuilding([one])
        engine.adopt(empty, [one])  # as if it had begun empty
    past = engine.for_rebuilding(ids)
    past.process(events[:cut])
    engine.adopt(past, ids)
    assert encoded(engine.process(events[cut:])) == encoded(straight.process(events[cut:]))
    assert encoded(engine.finish()) == encoded(straight.finish())


def test_an_engine_for_rebuilding_has_what_feeds_the_rules_and_nothing_else() -> None:
    part = Engine(rules()).for_rebuilding([SECOND_RULE])
    assert [one.title for one in part.stateful] == ["Second"]
    assert [one.rule.title for one in part.ruleset.sigma] == ["Moved"]


def test_a_correlation_of_correlations_reaches_as_far_as_both() -> None:
    text = BASE.format(least="1")
    text += COUNT.format(
        title="Below", id=FIRST, name="name: below\n", rules="moved", span="1h", count=2
    )
    text += COUNT.format(title="Above", id=SECOND_RULE, name="", rules="below", span="5m", count=2)
    below, above = Engine(parse_rules(text.encode())).stateful
    assert (below.horizon, above.horizon) == (2 * HOUR, 2 * HOUR + 10 * MINUTE)
    assert START > 0

"""Rules whose words change: these are in force at once, and the state goes on."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detections.engine.engine import Engine
from detections.lanes.rule_change import differences
from detections.rules import RuleSet
from detections.rules.document import OF_ALERTS, RuleDocument
from detections.rules.files import rule_files
from detections.rules.loading import parse_rules, rules_of
from detections.rules.model import Rule
from normalizer.events import Record
from pipeline.units import SECOND
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode
from pipeline.yaml_source import Parsed, parse_bytes, read_file
from tests.detections.samples import Tape
from tests.detections.test_engine_state import some_records
from tests.detections.test_event_time import encoded, move
from tests.fixtures.shipped_rules import shipped_rules

SHIPPED = shipped_rules()

#: What a rule's state depends on, or its place: the keys that are of no alert alone.
SHAPING = {
    *("id", "name", "taxonomy", "logsource", "detection", "filter", "correlation", "generate"),
    *("correlator", "parameters", "partition_by"),
}
#: Other words for each key of alerts, but for `finality`: they go out later then.
WORDS = """
description: Said in another way.
author: Somebody else
date: 2026-02-01
modified: 2026-02-02
license: Apache-2.0
references: [https://example.com/law]
related: [{id: 5f2c1f0e-8a3c-4a0e-9b57-1f7e2f3a4b5c, type: derived}]
status: stable
level: informational
tags: [attack.t1]
falsepositives: [A market maker]
fields: [event.action]
scope: [server]
typology: other_things
note: Ask the desk.
staged: true
calibration: {judged: 22, right: 6, said: 0.91}
"""

TEXT = """
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
logsource: {product: tapewatch}
detection: {s: {event.action: token-transfer, token.amount|gte: 1}, condition: s}
---
title: Several
id: 22222222-0000-0000-0000-000000000000
name: several
status: test
level: high
description: Several within the timespan.
author: Tester
date: 2026-01-31
falsepositives: []
references: []
typology: spoofing
reason: "{source.address} sent {correlation.count}"
correlation:
  {type: event_count, rules: [moved], group-by: [source.address], timespan: 1h,
   condition: {gte: 3}}
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
parameters: {pattern: self_trade, minimum_trades: 2, window: 1h}
---
title: Not of a custodian
id: 55555555-0000-0000-0000-000000000000
logsource: {product: tapewatch}
filter: {rules: [moved], s: {source.address: custodian}, condition: not s}
"""
SEVERAL, WASH = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "24")
RULES = parse_rules(TEXT.encode())


def with_other_words(parsed: Parsed) -> Parsed:
    """The rules with other words for everything that only their alerts say."""
    (words,) = parse_bytes(WORDS.encode(), name=parsed.source.name).documents
    assert isinstance(words, MappingNode)
    documents: list[Node] = []
    for document in parsed.documents:
        if isinstance(document, MappingNode) and isinstance(
            title := document.get("title"), ScalarNode
        ):
            pairs = [pair for pair in document.pairs if pair[0].text not in OF_ALERTS]
            named = replace(title, text=f"{title.text} or so")
            key = next(key for key, _ in document.pairs if key.text == "title")
            document = replace(document, pairs=[*pairs, *words.pairs, (key, named)])
        documents.append(document)
    return replace(parsed, documents=documents)


def other_words() -> RuleSet:
    return rules_of([with_other_words(parse_bytes(TEXT.encode(), name="rules.yml"))])


@cache
def shipped_with_other_words() -> RuleSet:
    folder = Path(__file__).parents[2] / "sigma_rules"
    return rules_of(with_other_words(read_file(file)) for file in rule_files(folder))


def trade(second: float) -> Record:
    tape = Tape(buyer_account="a", seller_account="a")
    return tape.trade(second * 1_000, 10.0, 5.0, id=f"trade-{second}")


def rebuilt(after: RuleSet, before: RuleSet = RULES) -> list[str]:
    """Ids of rules that an engine of other rules can't go on with, in every way."""
    engine = Engine(before)
    engine.process([move(1, 0), trade(0)])
    restored = [one.id for one in Engine(after).restore(engine.snapshot())]
    found = differences(before, after)
    assert [one.id for one in Engine(after).carry_over(engine)] == restored == [*found.rebuilt]
    return restored


def test_every_key_of_a_rule_is_known_to_shape_state_or_not() -> None:
    assert set(RuleDocument.__struct_fields__) == SHAPING | OF_ALERTS
    assert not SHAPING & OF_ALERTS
    changed = {line.split(":")[0] for line in WORDS.strip().splitlines()}
    assert changed | {"title", "reason", "finality"} == OF_ALERTS


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([0, 5 * SECOND]))
def test_shipped_rules_with_other_words_go_on_as_if_they_had_always_had_them(
    seed: int, cut: int, lateness: int
) -> None:
    other, events = shipped_with_other_words(), some_records(seed)
    straight = Engine(other, allowed_lateness=lateness)
    straight.process(events[:cut])
    before = Engine(SHIPPED, allowed_lateness=lateness)
    before.process(events[:cut])
    restored, after = (Engine(other, allowed_lateness=lateness) for _ in range(2))
    assert restored.restore(before.snapshot()) == []
    assert after.carry_over(before) == []
    rest = encoded(straight.process(events[cut:]))
    assert encoded(after.process(events[cut:])) == rest
    assert encoded(restored.process(events[cut:])) == rest
    assert after.snapshot() == restored.snapshot() == straight.snapshot(), "no word is in a state"


def test_alerts_are_those_of_an_undisturbed_run_but_for_the_words() -> None:
    other = other_words()
    events = [move(1, 0), trade(0), move(2, 1), move(3, 2), trade(3)]
    undisturbed = Engine(RULES).process(events)
    before = Engine(RULES)
    before.process(events[:3])
    after = Engine(other)
    after.carry_over(before)
    found = after.process(events[3:])
    assert [one.rule_name for one in found] == ["Several or so", "Wash or so"]
    assert [(one.level, one.staged, one.rule_note) for one in found] == [
        ("informational", True, "Ask the desk.")
    ] * 2
    for was, now in zip(undisturbed, found, strict=True):
        assert now.rule_hash != was.rule_hash
        assert (now.rule_id, now.evidence_events, now.metrics, now.entities) == (
            *(was.rule_id, was.evidence_events, was.metrics, was.entities),
        )
        assert now.confidence < was.confidence, "by its calibration"


def test_what_is_waited_for_is_no_state_either() -> None:
    assert (
        rebuilt(
            parse_rules(TEXT.replace("level: high", "finality: finalized\nlevel: low").encode())
        )
        == []
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("gte: 1}", "gte: 2}", [SEVERAL]),
        ("timespan: 1h", "timespan: 2h", [SEVERAL]),
        ("{gte: 3}", "{gte: 4}", [SEVERAL]),
        ("group-by: [source.address]", "group-by: [destination.address]", [SEVERAL]),
        ("address: custodian", "address: bank", [SEVERAL]),
        ("window: 1h", "window: 2h", [WASH]),
        ("correlator: wash", "partition_by: market\ncorrelator: wash", [WASH]),
        ("name: several", "name: some", [SEVERAL]),
        ("title: Not of a custodian", "title: No custodian", []),
    ],
)
def test_what_shapes_a_state_rebuilds_it(old: str, new: str, expected: list[str]) -> None:
    assert old in TEXT
    assert rebuilt(parse_rules(TEXT.replace(old, new).encode())) == expected


def test_a_value_of_a_list_shapes_the_state() -> None:
    def listed(value: str) -> RuleSet:
        text = TEXT.replace("source.address: custodian", "source.address|expand: '%banks%'")
        return rules_of(
            [
                parse_bytes(text.encode(), name="rules.yml"),
                parse_bytes(f"lists: {{banks: [{value}]}}".encode(), name="our.lists.yml"),
            ]
        )

    assert rebuilt(listed("two"), listed("one")) == [SEVERAL]
    assert rebuilt(listed("one"), listed("one")) == []


def test_a_pipeline_may_ask_for_any_word() -> None:
    """Such as tags: with another one it may be another detection."""
    pipeline = """
transformations:
  - {type: add_condition, conditions: {token.amount|gte: 5},
     rule_conditions: [{type: tag, tag: attack.t1}]}
  - {type: add_condition, conditions: {token.amount|gte: 7},
     rule_conditions: [{type: tag, tag: attack.t2}]}
"""

    def piped(tag: str) -> RuleSet:
        text = TEXT.replace("level: low", f"level: low\ntags: [attack.{tag}]")
        parsed = [parse_bytes(text.encode(), name="rules.yml")]
        return rules_of(parsed, pipelines=[parse_bytes(pipeline.encode(), name="p.yml")])

    assert rebuilt(piped("t2"), piped("t1")) == [SEVERAL]
    assert rebuilt(piped("t1"), piped("t1")) == []


def old_checkpoint() -> bytes:
    """A state that was saved by a version that took every word of a rule for a part of it."""
    of = RuleSet(
        sigma=tuple(replace(one, rule=of_then(one.rule)) for one in RULES.sigma),
        correlations=tuple(replace(one, rule=of_then(one.rule)) for one in RULES.correlations),
        correlators=tuple(replace(one, rule=of_then(one.rule)) for one in RULES.correlators),
    )
    engine = Engine(of)
    engine.process([move(1, 0), move(2, 1), trade(0)])
    return engine.snapshot()


def of_then(rule: Rule) -> Rule:
    return replace(rule, state_hash=rule.hash)


def test_a_state_of_before_that_is_still_restored() -> None:
    engine = Engine(RULES)
    assert engine.restore(old_checkpoint()) == []
    assert [one.rule_name for one in engine.process([move(3, 2), trade(3)])] == ["Several", "Wash"]


def test_a_state_of_before_that_and_of_other_words_is_rebuilt() -> None:
    unfit = Engine(other_words()).restore(old_checkpoint())
    assert [one.id for one in unfit] == [SEVERAL, WASH]
    assert {one.why for one in unfit} == {
        "what shapes the state has changed, in the rule or in one that feeds it"
    }

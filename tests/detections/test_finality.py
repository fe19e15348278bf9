"""Rules that wait for finality: alerts come when the node has called their blocks final enough."""

from typing import Any

import pytest

from detections.engine.engine import Engine
from detections.rules.loading import parse_rules
from normalizer.events import ChainFinality
from pipeline.problems import ProblemsFound
from tests.detections.samples import HEADER, START, transfer

SIGMA = """
logsource: {product: tapewatch, service: chain}
detection:
  selection: {event.action: token-transfer}
  condition: selection
"""


def engine(finality: str = "") -> Engine:
    line = f"finality: {finality}\n" if finality else ""
    return Engine(parse_rules((HEADER + line + SIGMA).encode()))


def told(**more: Any) -> ChainFinality:
    fields: dict[str, Any] = {
        "id": f"finality-{more}",
        "timestamp": START,
        "ingested": START,
        "original": "RAW/9/0",
        "provider": "chain",
        "chain_id": 31337,
        **more,
    }
    return ChainFinality(**fields)


def test_an_alert_says_how_final_its_block_is():
    one = engine()
    assert [alert.finality for alert in one.process([transfer(5)])] == ["latest"]
    one.process([told(safe_number=7, finalized_number=6)])
    alerts = one.process([transfer(6), transfer(7), transfer(8)])
    assert [alert.finality for alert in alerts] == ["finalized", "safe", "latest"]


def test_what_the_node_said_with_the_block_counts_too():
    (alert,) = engine("safe").process([transfer(5, finality="finalized")])
    assert alert.finality == "finalized"


@pytest.mark.parametrize(("finality", "at"), [("latest", 0), ("safe", 2), ("finalized", 3)])
def test_an_alert_waits_for_the_finality_that_its_rule_asks_for(finality: str, at: int):
    one = engine(finality)
    steps = [
        transfer(5),
        told(safe_number=4, finalized_number=1),
        told(safe_number=5, finalized_number=4),
        told(safe_number=9, finalized_number=5),
    ]
    counts = [len(one.process([step])) for step in steps]
    assert counts == [int(number == at) for number in range(4)]


def test_an_alert_that_waited_is_the_same_but_for_its_finality():
    (at_once,) = engine().process([transfer(5)])
    waiting = engine("safe")
    assert waiting.process([transfer(5)]) == []
    (later,) = waiting.process([told(safe_number=5)])
    assert later.finality == "safe"
    assert (later.timestamp, later.entities) == (at_once.timestamp, at_once.entities)
    assert (later.evidence_events, later.reason) == (at_once.evidence_events, at_once.reason)


def test_another_chain_s_finality_lets_nothing_through():
    one = engine("safe")
    one.process([transfer(5)])
    assert one.process([told(safe_number=9, chain_id=1)]) == []


def test_what_waits_is_in_the_saved_state():
    before, after = engine("finalized"), engine("finalized")
    before.process([told(safe_number=3), transfer(4), transfer(5)])
    after.restore(before.snapshot())
    assert [len(one.process([told(finalized_number=4)])) for one in (before, after)] == [1, 1]
    assert after.snapshot() == before.snapshot()


def test_a_finality_that_there_is_not_is_told_with_what_was_meant():
    with pytest.raises(ProblemsFound) as raised:
        engine("finalised")
    (problem,) = raised.value.problems
    assert "finality" in problem.path or "finalised" in problem.message
    assert problem.hint == "finalized"


def test_a_correlator_s_rule_can_wait_as_well():
    rules = parse_rules(
        (
            HEADER.replace("spoofing", "wash_trading")
            + "finality: safe\ncorrelator: wash_trading\nparameters: {pattern: self_trade}\n"
        ).encode()
    )
    assert rules.correlators[0].rule.finality == "safe"

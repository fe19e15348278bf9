"""Whatever an event holds, it is explained; and an explanation agrees with the engine."""

import random
from typing import Any

import pytest

from detections.engine.engine import Engine
from detections.explanation import explain_event
from detections.sigma.documents import flatten
from pipeline.cli.printing import as_text
from pipeline.cli.rule_explanation_text import event_text
from tests.detections.samples import START, sigma, transfer

VALUES: tuple[Any, ...] = (
    *("cmd.exe", "", "a" * 1_000, "\x1b[31m", "‮", "1", "true", "10.0.0.1", None, True),
    *(0, -1, 1.5, float("inf"), float("nan"), 10**30, [], ["a", 1, True], [["x"]], {"deep": "x"}),
)
RULES = [
    sigma(f"  s: {{{item}}}\n  condition: {condition}", product="windows")
    for item in (
        "a: cmd.exe",
        "a|contains: m",
        "a|gte: 1",
        "a|re: '^c'",
        "a|cidr: 10.0.0.0/8",
        "a|exists: true",
        "a: null",
        "a|fieldref: b",
        "a|all: ['*c*', '*m*']",
        "a: [x, cmd.exe, 1]",
    )
    for condition in ("s", "not s")
]


@pytest.mark.parametrize("seed", range(4))
def test_an_explanation_says_what_the_engine_does(seed: int) -> None:
    draw = random.Random(seed)
    for number in range(40):
        event = {name: draw.choice(VALUES) for name in draw.sample(("a", "b", "c.d", "A"), 3)}
        document = {"@timestamp": START, "event.id": str(number), **flatten(event)}
        for rules in RULES:
            (found,) = explain_event(rules, document).rules
            alerts = Engine(rules).process_documents([document])
            assert (found.verdict == "matched") == bool(alerts)
            assert as_text(event_text(explain_event(rules, document)))


def test_what_an_event_holds_does_not_command_the_terminal() -> None:
    event = transfer(token_symbol="\x1b[31mACME‮")
    rules = sigma("  s: {token.symbol: ACME}\n  condition: s")
    said = as_text(event_text(explain_event(rules, event)))
    assert "\x1b" not in said
    assert "‮" not in said

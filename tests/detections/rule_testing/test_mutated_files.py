"""Whatever stands in a test file: it runs, or all that is wrong is said; nothing else is raised."""

import random

import pytest

from detections.rule_testing import run_text
from pipeline.problems import ProblemsFound
from tests.detections.explanation.rules import rules

RULES = rules()
TEXT = b"""\
defaults: {event.action: token-transfer, token.symbol: ACME, investor.source.id: INV-1}
tests:
  - name: one
    events: [{token.amount: 100}, {at: 1m, token.amount: 99.5, tags: [a]}]
    alerts: [{rule: large, event.reason: 100 ACME*}]
  - name: three
    events: [{repeat: 3, every: 1m, token: {amount: 500}}]
    until: 1h
    as_of: 2026-02-03
    allowed_lateness: 5m
    exceptions: true
    alerts: [{}, {rule: many, surveillance.metrics: {count: 3}}, {event.severity: 99}]
"""
PIECES = (
    *(b"{", b"}", b"[", b"]", b": ", b"\n", b"- ", b"*", b"&a ", b"'", b'"', b"|", b">", b"?"),
    *(b"null", b"1e999", b"-1", b"9" * 40, b"\xff", b"{n}", b".nan", b'"\\ud800"', b"!!python"),
    *(b"repeat: 3", b"event.id: x", b"'@timestamp': 5", b"event.sequence: 1", b"290y", b"0x1"),
)


@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_file_runs_or_is_refused(seed: int) -> None:
    draw = random.Random(seed)
    ran = 0
    for _ in range(150):
        text = bytearray(TEXT)
        for _ in range(draw.randrange(1, 3)):
            at = draw.randrange(len(text) + 1)
            text[at : at + draw.choice((0, 0, 1, 3))] = draw.choice(PIECES)
        try:
            run_text(bytes(text), RULES)
        except ProblemsFound:
            continue
        ran += 1
    assert ran, "all were refused: that tries too little"

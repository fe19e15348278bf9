"""What firings say, in words."""

from typing import Any

import pytest

from detections.rules.model import Junction, Negation, Reference
from tests.detections.correlations.made import Run, correlation, hit

A, B, C = Reference("a"), Reference("b"), Reference("c")
WHO = ["investor.id"]
N = ["token.amount"]


def said(run: Run, hits: str = "a", count: int = 1, **values: Any) -> str:
    """The sentence of the last firing, after so many rounds of hits."""
    values = {"investor__id": "INV-0008", "token__amount": 1_250.5, **values}
    for at in range(count):
        run.all([hit(rule, at + n / 10, **values) for n, rule in enumerate(hits.split())])
    run.until(100_000)
    return run.fired[-1].sentence


@pytest.mark.parametrize(
    ("rule", "hits", "count", "sentence"),
    [
        (
            correlation("event_count", "a", within=600, by=WHO, gte=10),
            "a",
            10,
            '10 matches of "Refused transfer" within 10 min for investor.id INV-0008 '
            "(alert from 10)",
        ),
        (
            correlation("event_count", "a b", within=86_400, gt=1_000, lte=2_000),
            "a b",
            501,
            '1,002 matches of "Refused transfer" or "Allowed transfer" within 24 h '
            "(alert above 1,000 and up to 2,000)",
        ),
        (
            correlation("event_count", "a", within=5, eq=1),
            "a",
            1,
            '1 match of "Refused transfer" within 5 s (alert at exactly 1)',
        ),
        (
            correlation("value_count", "a", by=WHO, fields=["to"], gte=1),
            "a",
            1,
            '1 different value of to in matches of "Refused transfer" within 10 s '
            "for investor.id INV-0008 (alert from 1)",
        ),
        (
            correlation("value_count", "a", fields=["to", "token.amount"], gte=1),
            "a",
            1,
            '1 different combination of to and token.amount in matches of "Refused transfer" '
            "within 10 s (alert from 1)",
        ),
        (
            correlation("value_sum", "a", within=3_600 * 3, by=WHO, fields=N, gt=5_000),
            "a",
            4,
            'token.amount adds up to 5,002 over 4 matches of "Refused transfer" within 3 h '
            "for investor.id INV-0008 (alert above 5,000)",
        ),
        (
            correlation("value_avg", "a", fields=N, gte=0.5),
            "a",
            1,
            'token.amount averages 1,250.5 over 1 match of "Refused transfer" within 10 s '
            "(alert from 0.5)",
        ),
        (
            correlation("value_median", "a", fields=N, neq=0),
            "a",
            1,
            'the median of token.amount is 1,250.5 over 1 match of "Refused transfer" '
            "within 10 s (alert at any but 0)",
        ),
        (
            correlation("value_percentile", "a", fields=N, percentile=99.5, gte=0),
            "a",
            1,
            'percentile 99.5 of token.amount is 1,250.5 over 1 match of "Refused transfer" '
            "within 10 s (alert from 0)",
        ),
        (
            correlation("temporal", "a b c", by=WHO),
            "c b a",
            1,
            '"Refused transfer", "Allowed transfer" and "Frozen wallet" within 10 s '
            "for investor.id INV-0008",
        ),
        (
            correlation("temporal", "a b c", gte=2),
            "c b",
            1,
            '2 of the rules "Refused transfer", "Allowed transfer" and "Frozen wallet" '
            "within 10 s (alert from 2)",
        ),
        (
            correlation(
                "temporal",
                "a b c",
                expression=Junction("and", (A, Negation(Junction("or", (B, C))))),
            ),
            "a",
            1,
            '"Refused transfer" and not ("Allowed transfer" or "Frozen wallet") within 10 s',
        ),
        (
            correlation("temporal_ordered", "a b", by=WHO),
            "a b",
            1,
            '"Refused transfer", then "Allowed transfer" within 10 s for investor.id INV-0008',
        ),
        (
            correlation("absence", "a b", by=WHO),
            "a",
            2,
            'no match of "Allowed transfer" within 10 s after 2 matches of "Refused transfer" '
            "for investor.id INV-0008",
        ),
        (
            correlation("absence", "a", within=900, by=WHO),
            "a",
            1,
            'no match of "Refused transfer" for 15 min after the last one for investor.id INV-0008',
        ),
    ],
)
def test_each_type_says_what_it_found(rule: Any, hits: str, count: int, sentence: str) -> None:
    assert said(Run(rule), hits, count, to="0x1") == sentence


def test_a_further_alert_tells_of_the_series() -> None:
    run = Run(correlation("event_count", "a", by=WHO, gte=10))
    assert said(run, count=20) == (
        '11 matches of "Refused transfer" within 10 s for investor.id INV-0008 (alert from 10); '
        "the series has 20 events over 19 s so far"
    )


def test_another_correlation_goes_by_its_title_and_an_unknown_rule_by_its_id() -> None:
    run = Run(
        correlation("event_count", "unknown", id="many", gte=1),
        correlation("temporal", "many"),
    )
    run.take(hit("unknown", 0))
    assert [fired.sentence for fired in run.fired] == [
        '1 match of "unknown" within 10 s (alert from 1)',
        '"Title of many" within 10 s',
    ]


def test_what_stands_in_events_cannot_break_the_sentence() -> None:
    run = Run(correlation("event_count", "a", by=["who"], gte=1))
    (fired,) = run.take(hit("a", 0, who="x\n\x1b[31m\u202e" + "y" * 1_000))
    assert fired.sentence.isprintable()
    assert len(fired.sentence) < 400
    assert fired.group["who"].startswith("x\n")  # the value itself is what it is

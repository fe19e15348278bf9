"""What a timeline says of social feeds, and which of their events belong to it."""

from typing import Any

import pytest

from evidence.investigation.scope import Scope, concerns
from evidence.sentences import sentence
from pipeline.units import MINUTE
from tests.detections.social import START, call, said


def test_how_much_was_said_and_how_it_sounded() -> None:
    event = said(0, 1_340, authors=12, sentiment=-0.25, token_symbol="ACME")
    assert sentence(event) == (
        "telegram had 1,340 messages about ACME by 12 authors within 5 min, sentiment -0.25"
    )
    plain = said(0, 3, token_id=None, instrument="ACME-USD")
    assert sentence(plain) == "telegram had 3 messages about ACME-USD within 5 min"


def test_a_call_to_buy_and_where_it_stood() -> None:
    assert sentence(call(0)) == "a call to buy acme came on telegram"
    event = call(0, announcement="news", medium="news", channel="The Paper")
    assert sentence(event) == "news about acme came on news in The Paper"


@pytest.mark.parametrize(
    ("event", "belonging"),
    [
        (call(MINUTE), True),
        (call(MINUTE, token_id="other"), False),
        (call(10 * MINUTE), False),
        (said(0, 3, width=MINUTE), False),
        (said(0, 3, width=MINUTE, id="evidence"), True),
    ],
)
def test_calls_about_the_token_are_of_an_investigation_and_counts_where_they_are_evidence(
    event: Any, belonging: bool
) -> None:
    scope = Scope(
        names=frozenset(),
        evidence={"evidence": ("alert",)},
        alerts=frozenset(),
        rules=frozenset(),
        tokens=frozenset({"acme"}),
        providers=frozenset(),
        since=START,
        until=START + 5 * MINUTE,
    )
    assert concerns(scope, event) is belonging

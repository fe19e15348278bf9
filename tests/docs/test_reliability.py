"""The page about reliability says what the results say, and nothing better."""

from docs.generator import reliability
from docs.generator.reliability_results import read_published
from tests.chaos.catalogue import SCENARIOS


def test_the_tables_are_those_of_the_results() -> None:
    written = reliability.PAGE.read_text(encoding="utf-8")
    assert written == reliability.page(written), "run: python -m tests.chaos --publish"


def test_every_published_scenario_is_one_that_can_be_played_again() -> None:
    for result in read_published().scenarios:
        assert result.scenario in SCENARIOS
        assert result.title == SCENARIOS[result.scenario].title
        assert result.rounds > 0
        assert len(result.failed) <= result.rounds


def test_a_result_with_losses_is_not_a_good_one() -> None:
    for result in read_published().scenarios:
        bad = result.lost or result.changed or (result.doubled and not result.may_double)
        assert bool(bad) <= bool(result.failed), result.scenario

"""`simulate`: what it refuses, and that a backtest takes what it writes."""

import json
from pathlib import Path

import pytest

from simulation.catalogue import CONDUCTS, ENDLESS, play
from simulation.venue.kinds import VENUE_MARKETS
from tests.cli.command_line import RULES, tapewatch


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--abuse", "marking-the-close", "--episodes", "9"),
            "--episodes: a session has room for 7 of marking-the-close",
        ),
        (("--market", "offerings", "--minutes", "5"), "--minutes: offerings has an end of its own"),
        (("--abuse", "dormant", "--wire", "kraken"), "--wire: pool has no feed of a venue"),
        (
            ("--abuse", "item-passed-back", "--wire", "coinbase"),
            "--wire: chain-items has no feed of a venue",
        ),
    ],
)
def test_what_would_do_nothing_is_refused(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    answer = tapewatch("simulate", *options, "--out", "x", folder=tmp_path)
    assert answer.code == 2
    assert said in answer.error
    assert not (tmp_path / "x").exists()


def test_a_session_has_room_for_as_many_episodes_as_are_allowed_and_no_more() -> None:
    bound = {name: one.most for name, one in CONDUCTS.items() if one.most is not None}
    assert len(bound) > 8
    for name, most in bound.items():
        assert most >= CONDUCTS[name].episodes
        assert len(play(name, 3, episodes=most).episodes) == most


def test_markets_with_an_end_of_their_own_are_known() -> None:
    ends = {name for name, made in VENUE_MARKETS.items() if (one := made(1)).days or one.until}
    assert ends.isdisjoint(ENDLESS)
    assert ends | set(ENDLESS) >= set(VENUE_MARKETS)


@pytest.mark.parametrize("wire", ["order-log", "coinbase", "kraken"])
def test_a_backtest_reads_the_events_and_the_labels(wire: str, tmp_path: Path) -> None:
    options = ("--abuse", "layering", "--seed", "7", "--episodes", "2", "--wire", wire)
    assert tapewatch("simulate", *options, "--out", "x", folder=tmp_path).code == 0
    files = ("--events", "x/events.ndjson", "--labels", "x/labels.yml", "--json", "-")
    told = tapewatch("backtest", "--rules", RULES / "layering", *files, folder=tmp_path)
    assert told.code == 0, told
    score = json.loads(told.out)["labels"]["score"]
    assert score["expected"] == 2
    assert score["found"] == 2 or wire != "order-log"


def test_an_offerings_terms_are_broken_in_the_market_of_offerings(tmp_path: Path) -> None:
    options = ("--market", "offerings", "--abuse", "reg-s-flow-back", "--episodes", "1")
    answer = tapewatch("simulate", *options, "--out", "x", folder=tmp_path)
    assert answer.code == 0, answer
    assert "1 labels" in answer.out

"""When what is said of an asset is unusual, and when it was said before a price rose."""

import random
from typing import Any

import pytest

from detections.markets.social_activity import (
    FEWEST_STRETCHES,
    MOST_ASSETS,
    MOST_FEEDS,
    MOST_STRETCHES,
    SocialActivity,
    Talk,
    Terms,
    hear,
    said_before,
)
from normalizer.events.social import SocialVolume
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections.social import START, call, said

TERMS = Terms(messages=10, sigmas=6, multiple=3)


def usual(stretches: int, *, every: int = 5 * MINUTE, **more: Any) -> list[SocialVolume]:
    """Some messages, now more and now less."""
    return [said(n * every, (3, 5, 2, 4, 6)[n % 5], **more) for n in range(stretches)]


def heard(events: list[Any]) -> tuple[SocialActivity, list[Talk]]:
    known: SocialActivity = {}
    found = [hear(known, event, TERMS) for event in events]
    return known, [talk for talk in found if talk is not None]


def test_far_more_than_the_median_is_unusual() -> None:
    at = 50 * 5 * MINUTE
    _, (talk,) = heard([*usual(50), said(at, 60, authors=20)])
    assert (talk.messages, talk.authors, talk.usual, talk.multiple) == (60, 20, 4, 15)
    assert talk.sigmas > 20


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("twice the usual is chance", [*usual(50), said(50 * 5 * MINUTE, 11)]),
        ("nobody knows yet what is usual", [*usual(20), said(20 * 5 * MINUTE, 60)]),
        ("of another medium", [*usual(50), said(50 * 5 * MINUTE, 60, medium="reddit")]),
        ("of another asset", [*usual(50), said(50 * 5 * MINUTE, 60, token_id="other")]),
        ("of another length", [*usual(50), said(50 * 5 * MINUTE, 60, width=HOUR)]),
        ("of a stretch that was told", [*usual(50), said(49 * 5 * MINUTE, 60)]),
        ("hardly anybody", [*[said(n * MINUTE * 5, 0) for n in range(50)], said(5 * HOUR, 9)]),
    ],
)
def test_what_is_not_unusual(why: str, events: list[SocialVolume]) -> None:
    assert heard(events)[1] == [], why


def test_where_all_stretches_are_alike_the_root_of_their_number_is_chance() -> None:
    alike = [said(n * 5 * MINUTE, 100) for n in range(50)]
    assert heard([*alike, said(5 * HOUR, 159)])[1] == []
    assert len(heard([*alike, said(5 * HOUR, 320)])[1]) == 1


def test_what_was_unusual_is_not_learnt_until_it_is_how_it_is_now() -> None:
    loud = [said((50 + n) * 5 * MINUTE, 60) for n in range(300)]
    known, talks = heard([*usual(50), *loud])
    assert 48 < len(talks) < 150
    assert talks[0].usual == talks[40].usual == 4
    feed = known["acme"].feeds["social:chatter/telegram"]
    assert feed.withheld == 0


def test_an_hour_of_the_day_is_held_against_itself_once_it_was_seen_on_three_days() -> None:
    def day(number: int) -> list[SocialVolume]:
        # At nine everybody talks, and else hardly anybody.
        return [
            said(number * DAY + n * 15 * MINUTE, 80 + n if 36 <= n < 40 else 2, width=15 * MINUTE)
            for n in range(96)
        ]

    lively = heard([*day(0), *day(1), *day(2), *day(3), *day(4)])[1]
    assert {one.start // DAY for one in lively} == {START // DAY + n for n in range(3)}
    at_three = said(5 * DAY + 3 * HOUR, 80, width=15 * MINUTE)
    known, talks = heard([*day(0), *day(1), *day(2), *day(3), *day(4), at_three])
    assert talks[-1].usual == 2
    assert len(known) == 1


def test_a_feed_of_a_price_that_nobody_moved_is_silent_all_week() -> None:
    chance = random.Random(3)
    events = [said(n * 5 * MINUTE, round(chance.gauss(30, 8))) for n in range(7 * 288)]
    assert heard(events)[1] == []


def signal(events: list[Any], since: int, *, now: int | None = None, window: int = HOUR) -> Any:
    known, _ = heard(events)
    moment = START + since
    return said_before(
        known,
        "acme",
        since=moment,
        now=moment + (now if now is not None else MINUTE),
        window=window,
    )


def test_only_what_was_said_before_a_rise_counts() -> None:
    at = 50 * 5 * MINUTE
    events = [*usual(50), said(at, 60)]
    assert signal(events, at + 5 * MINUTE).talk.messages == 60
    assert signal(events, at + 50 * MINUTE).talk.messages == 60
    assert signal(events, at + 2 * HOUR) is None, "too long ago"
    assert signal(events, at - MINUTE, now=HOUR) is None, "it followed the rise"
    assert signal(events, at + 4 * MINUTE, now=HOUR) is None, "the rise began in it"
    events = [*usual(50, every=MINUTE, width=MINUTE), said(50 * MINUTE, 60, width=MINUTE)]
    within = 50 * MINUTE + 40 * SECOND
    assert signal(events, within, now=HOUR).talk is not None, "and nobody is that quick"
    assert signal(events, within - 20 * SECOND, now=HOUR) is None, "most of it followed"
    assert signal(events, within, now=0) is None, "nobody could know it then"


def test_of_an_hour_in_which_a_rise_began_nobody_knows_what_came_first() -> None:
    events = [*usual(50, every=HOUR, width=HOUR), said(50 * HOUR, 60, width=HOUR)]
    assert signal(events, 50 * HOUR + 10 * MINUTE, now=2 * HOUR) is None
    assert signal(events, 51 * HOUR).talk.messages == 60


def test_a_call_to_buy_counts_if_it_came_before() -> None:
    assert signal([call(HOUR)], HOUR + MINUTE).call.medium == "telegram"
    assert signal([call(HOUR + 2 * MINUTE)], HOUR + MINUTE, now=HOUR) is None
    assert signal([call(HOUR, announcement="news")], HOUR + MINUTE) is None


def test_how_it_sounds_is_held_against_how_it_usually_does() -> None:
    at = 50 * 5 * MINUTE
    _, (talk,) = heard([*usual(50, sentiment=0.1), said(at, 60, sentiment=0.75)])
    assert (talk.usual_sentiment, round(talk.turn, 9)) == (0.1, 0.65)
    _, (talk,) = heard([*usual(50), said(at, 60, sentiment=0.75)])
    assert talk.turn == 0, "nobody knows how it usually sounds"


def test_what_is_kept_is_bounded() -> None:
    known, _ = heard(usual(2 * MOST_STRETCHES, every=MINUTE, width=MINUTE))
    (feed,) = known["acme"].feeds.values()
    assert FEWEST_STRETCHES < len(feed.counts) == len(feed.times) == MOST_STRETCHES
    known, _ = heard([said(0, 1, medium=f"m{n}") for n in range(3 * MOST_FEEDS)])
    assert len(known["acme"].feeds) == MOST_FEEDS
    known, _ = heard([said(0, 1, token_id=f"t{n}") for n in range(2 * MOST_ASSETS)])
    assert len(known) <= MOST_ASSETS

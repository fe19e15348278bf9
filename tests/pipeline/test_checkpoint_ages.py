"""Which checkpoints are kept: the newest, and a sparse row of older ones to go back to."""

from datetime import UTC, datetime, timedelta

from pipeline.bus.checkpoint_ages import AGES, NEWEST, superfluous

START = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = timedelta(seconds=30)


def kept_after(hours: float) -> list[timedelta]:
    """Ages of what is kept when one was saved every half minute, the newest first."""
    saved: list[datetime] = []
    now = START
    while now < START + timedelta(hours=hours):
        now += EVERY
        saved.append(now)
        gone = set(superfluous(saved, now))
        saved = [when for place, when in enumerate(saved) if place not in gone]
    return [now - when for when in reversed(saved)]


def test_the_newest_are_always_kept() -> None:
    assert kept_after(3)[:NEWEST] == [n * EVERY for n in range(NEWEST)]


def test_there_are_few_of_them_however_long_it_runs() -> None:
    assert all(len(kept_after(hours)) <= NEWEST + len(AGES) for hours in (0.5, 2, 7, 13))


def test_one_of_each_age_is_there_to_go_back_to() -> None:
    for hours in (7, 7.5, 9.25):
        ages = kept_after(hours)
        for longer in AGES[1:]:
            assert any(age >= longer / 6 for age in ages if age <= longer), (hours, longer)


def test_what_is_older_than_the_last_age_goes() -> None:
    assert all(age < AGES[-1] + EVERY for age in kept_after(13))


def test_few_that_are_all_old_are_kept() -> None:
    old = [START, START + EVERY]
    assert superfluous(old, START + timedelta(days=3)) == []

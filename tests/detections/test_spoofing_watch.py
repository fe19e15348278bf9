"""What is watched for spoofing is let go of in time, also where events came late."""

from detections.alerting.findings import Step, Witness
from detections.books.spoofing_candidate import Candidate, Watch
from detections.parties import Party

LIFETIME, WINDOW, MOST = 100, 10, 50


def candidate(name: str, placed: int) -> Candidate:
    how = Step(name, placed, "", (), ())
    return Candidate(name, True, Party("acct-1", None, None), 10.0, 500.0, 100.0, how, False)


def ended(candidate: Candidate, at: int) -> Candidate:
    candidate.ended = Witness(id=f"{candidate.order_id} ended", timestamp=at)
    return candidate


def test_an_order_that_was_placed_too_long_ago_goes() -> None:
    watch = Watch()
    watch.add(candidate("a", 1_000), MOST)
    watch.forget(1_000 + LIFETIME, LIFETIME, WINDOW)
    assert list(watch.live) == ["a"]
    watch.forget(1_001 + LIFETIME, LIFETIME, WINDOW)
    assert not watch.live


def test_one_that_came_late_goes_in_time_once_it_is_the_first() -> None:
    watch = Watch()
    for name, placed in (("a", 1_000), ("late", 950)):
        watch.add(candidate(name, placed), MOST)
    watch.forget(1_010, LIFETIME, WINDOW)  # now it is known until when the first one is watched
    watch.drop("a")
    watch.forget(951 + LIFETIME, LIFETIME, WINDOW)
    assert not watch.live


def test_one_that_ended_late_goes_in_time_once_it_is_the_first() -> None:
    watch = Watch()
    for name, at in (("a", 1_000), ("late", 995)):
        one = candidate(name, 990)
        watch.add(one, MOST)
        watch.end(ended(one, at), MOST)
    watch.forget(1_001, LIFETIME, WINDOW)
    watch.drop("a")
    watch.forget(996 + WINDOW, LIFETIME, WINDOW)
    assert not watch.ended


def test_one_that_came_late_goes_in_time_once_the_one_before_it_has_ended() -> None:
    watch = Watch()
    for name, placed in (("a", 1_000), ("late", 950)):
        watch.add(candidate(name, placed), MOST)
    watch.forget(1_010, LIFETIME, WINDOW)
    watch.end(ended(watch.live["a"], 1_045), MOST)
    watch.forget(951 + LIFETIME, LIFETIME, WINDOW)
    assert not watch.live

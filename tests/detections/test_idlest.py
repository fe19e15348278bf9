"""Who goes where there is no more room, and how long that takes."""

import time

from detections.idlest import drop_idlest, latest


def test_the_first_go_a_few_at_once() -> None:
    known = dict.fromkeys(range(101))
    drop_idlest(known, 101)
    assert len(known) == 101
    drop_idlest(known, 100)
    assert list(known) == list(range(2, 101))
    gone = list[int]()
    drop_idlest(known, 90, gone.append)
    assert gone == list(range(2, 12))


def test_few_are_dropped_one_by_one() -> None:
    known = dict.fromkeys("abc")
    drop_idlest(known, 2)
    assert list(known) == ["b", "c"]


def test_whom_it_hears_of_is_last_from_then_on_and_made_where_it_is_new() -> None:
    known: dict[str, list[int]] = {}
    for name in "abc":
        latest(known, name, 3, list[int]).append(1)
    latest(known, "a", 3, list[int]).append(2)
    assert list(known) == ["b", "c", "a"]
    latest(known, "d", 3, list[int])
    assert known == {"c": [1], "a": [1, 2], "d": []}


def test_room_is_made_in_next_to_no_time() -> None:
    """Taking the first key of a dict each time costs some 40 us with so many."""
    most = 50_000
    known = dict.fromkeys(range(most))
    start = time.process_time()
    for number in range(most, 2 * most):
        known[number] = None
        if len(known) > most:
            drop_idlest(known, most)
    assert (time.process_time() - start) / most < 10e-6
    assert most * 63 // 64 <= len(known) <= most

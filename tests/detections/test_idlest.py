"""Who goes where there is no more room, and how long that takes."""

import time

from detections.idlest import Room, drop_idlest, latest


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


def test_there_never_are_more_in_all_though_what_goes_is_not_counted() -> None:
    room, most = Room(), 80
    markets = {name: dict[int, int]() for name in "abc"}
    largest = 0
    for number in range(1_000):
        market = markets["abc"[number % 7 % 3]]
        market[number] = number
        if number % 5 == 0:
            market.pop(number - 7, None)  # goes by itself
        if room.take(most):
            known = [
                (seen, 1, (name, key))
                for name, market in markets.items()
                for key, seen in market.items()
            ]
            room.make(most, known, lambda one: markets[one[0]].pop(one[1]))
        largest = max(largest, sum(map(len, markets.values())))
    assert most * 7 // 8 < largest <= most
    left = sorted(seen for market in markets.values() for seen in market.values())
    gone = {one for one in range(1_000) if one % 5 == 0}
    assert set(range(left[0], 1_000)) - set(left) <= {one - 7 for one in gone}  # the newest stay


def test_the_idlest_go_by_how_much_they_are_and_of_one_rank_the_first() -> None:
    gone = list[str]()
    known = [(2, 30, "late"), (1, 10, "first"), (1, 20, "second"), (1, 30, "third")]
    room = Room(99)
    room.make(80, known, gone.append)
    assert gone == ["first", "second"]
    assert room.added == 0


def test_nothing_goes_where_there_is_room_for_an_eighth_more() -> None:
    gone = list[str]()
    Room().make(80, [(1, 70, "all")], gone.append)
    assert not gone
    Room().make(80, [(1, 71, "all")], gone.append)
    assert gone == ["all"]

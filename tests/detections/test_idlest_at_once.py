"""Where more and more come and there is no more room, the idlest go a few at once."""

from collections.abc import Callable, Sized
from types import SimpleNamespace
from typing import Any

import pytest

from detections.cap_table.lot_book import LotBook, Room, move
from detections.cap_table.series import Series, extend
from detections.clusters.anchors import Anchors, Child
from detections.clusters.links import Proof
from detections.windows import Group, Key, SlidingGroups
from pipeline.config.clusters import ClusterLimits, Clusters
from tests.detections.cap_table.movements import Log
from tests.detections.clusters.chain_tape import ChainTape, Watching, wallet

_MOST = 640


def _windows(count: int) -> Sized:
    windows, groups = SlidingGroups[Any](10, most_groups=_MOST), dict[Key, Group[Any]]()
    for number in range(count):
        windows.add(groups, (str(number),), SimpleNamespace(timestamp=number))
    return groups


def _series(count: int) -> Sized:
    series = dict[str, Series]()
    for number in range(count):
        extend(series, str(number), 1, [], number, 10)
    return series


def _purses(count: int) -> Sized:
    book, log = LotBook(), Log()
    for number in range(count):
        issued = log.issued(f"0x{number + 1:040x}", 1, "2026-01-05")
        move(book, issued, 0, room=Room(wallets=_MOST))
    return book.purses


def _anchors(count: int) -> Sized:
    anchors = Anchors()
    for number in range(count):
        child = Child(str(number), Proof(number, str(number), ""))
        anchors.share(str(number), child, window=None, most=3, room=_MOST)
    return anchors.known


def _receivers(count: int) -> Sized:
    watching = Watching(Clusters(limits=ClusterLimits(most_receivers=_MOST)))
    tape = ChainTape()
    for number in range(count):
        watching.take(tape.pays(wallet(f"s{number}"), wallet(f"r{number}")))
    return watching.clustering.state.receipts.received


def _addresses(count: int) -> Sized:
    watching = Watching(Clusters(limits=ClusterLimits(most_addresses=_MOST)))
    tape, payer = ChainTape(), wallet("payer")
    for number in range(count):
        watching.take(tape.pays(payer, wallet(f"r{number}")))
    return watching.clustering.state.funding.seen


@pytest.mark.parametrize("fill", [_windows, _series, _purses, _anchors, _receivers, _addresses])
def test_where_many_come_a_few_go_at_once(
    fill: Callable[[int], Sized], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, with all that is known each took longer than all else done with an event."""
    monkeypatch.setattr("detections.cap_table.series._MOST_SERIES", _MOST)
    assert _MOST * 63 // 64 <= len(fill(_MOST + 1)) < _MOST

"""The state of a correlation as bytes: the same state, the same bytes.

Tallies and timers are not kept: they follow from the events.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from detections.correlations.absence import SilentGroup
from detections.correlations.chains import Entry
from detections.correlations.closing import Closing, ClosingGroup, Window
from detections.correlations.order import ChainMemory, Ordered
from detections.correlations.packing import (
    Happenings,
    PackedHappening,
    PackedHit,
    PackedKept,
    pack,
    unpack,
)
from detections.correlations.series import Series
from detections.correlations.sliding import Sliding, SlidingGroup
from detections.correlations.sources import Key
from detections.correlations.windows import Counts, Group, Windows

#: How the state of a correlation is written. To be raised where that changes, or what it means.
VERSION = 1
#: Groups that are written together.
_MANY = 256


class SnapshotError(ValueError):
    """A saved state can't be restored: why."""


class Known(msgspec.Struct, kw_only=True):
    """What one correlation knows."""

    groups: list[tuple[Key, Group]]
    """In the order in which they came."""
    uses: int
    evictions: dict[str, int]
    """By "groups" or "events"."""
    left_out: dict[str, int]
    """By field."""


class _Counted(msgspec.Struct, array_like=True):
    uses: int
    evictions: list[tuple[str, int]]
    left_out: list[tuple[str, int]]


class _Entries(msgspec.Struct, array_like=True):
    """Entries, column by column."""

    times: list[int]
    ids: list[str]
    kept: list[PackedKept]
    payloads: list[Any]


class _Sliding(msgspec.Struct, array_like=True):
    key: Key
    touched: int
    used: int
    happenings: list[PackedHappening]
    entries: _Entries
    late_until: int
    live: Series | None
    past: tuple[Series, ...]
    memory: list[ChainMemory] | None


class _Window(msgspec.Struct, array_like=True):
    opened: int
    closes: int
    last: PackedHit
    judged: bool
    true: bool
    lost: int


class _Closing(msgspec.Struct, array_like=True):
    key: Key
    touched: int
    used: int
    happenings: list[PackedHappening]
    entries: _Entries
    windows: list[_Window]
    series: list[Series]


class _Silent(msgspec.Struct, array_like=True):
    key: Key
    touched: int
    used: int
    happenings: list[PackedHappening]
    entries: _Entries
    last: PackedHit
    closes: int


#: All that is written.
WRITTEN: tuple[type[msgspec.Struct], ...] = (_Counted, _Sliding, _Closing, _Silent)

_encode = msgspec.msgpack.Encoder().encode
_decode_counted = msgspec.msgpack.Decoder(_Counted).decode
_decode_groups = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_sliding = msgspec.msgpack.Decoder(_Sliding).decode
_decode_closing = msgspec.msgpack.Decoder(_Closing).decode
_decode_silent = msgspec.msgpack.Decoder(_Silent).decode


# -- one correlation -------------------------------------------------------------------------------


def parts_of(windows: Windows[Any], counts: Counts, now: int) -> Iterator[bytes]:
    """What a correlation knows, in parts of a bearable size. Forgotten groups are left out."""
    windows.catch_up()
    id_ = windows.rule.rule.id
    yield _encode(
        _Counted(
            windows.uses,
            sorted((what, n) for (rule, what), n in counts.evictions.items() if rule == id_),
            sorted((field, n) for (rule, field), n in counts.left_out.items() if rule == id_),
        )
    )
    groups = _groups_of(windows, now)
    while some := list(islice(groups, _MANY)):
        yield _encode(some)


def known_of(windows: Windows[Any], parts: Iterable[bytes]) -> Known:
    """What `parts_of` was given. Raises SnapshotError if it can't be read."""
    try:
        first, *others = parts
        counted = _decode_counted(first)
        return Known(
            groups=[one for part in others for one in groups_of(windows, _decode_groups(part))],
            uses=counted.uses,
            evictions=dict(counted.evictions),
            left_out=dict(counted.left_out),
        )
    except (msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
        raise SnapshotError(f"it can't be read: {error}") from error


def groups_of(windows: Windows[Any], groups: Iterable[msgspec.Raw]) -> list[tuple[Key, Group]]:
    """The groups of a rule, by key."""
    match windows:
        case Sliding():
            return [_unpack_sliding(windows, _decode_sliding(data)) for data in groups]
        case Closing():
            return [_unpack_closing(_decode_closing(data)) for data in groups]
        case _:
            return [_unpack_silent(_decode_silent(data)) for data in groups]


# -- groups ----------------------------------------------------------------------------------------


def _groups_of(windows: Windows[Any], now: int) -> Iterator[msgspec.Raw]:
    for key, group in windows.groups.items():
        if windows.is_forgotten(group, now):
            continue
        match windows:
            case Sliding():
                packed = _pack_sliding(key, group, windows.recent(group, now))
            case Closing():
                packed = _pack_closing(key, group)
            case _:
                packed = _pack_silent(key, group)
        yield msgspec.Raw(_encode(packed))


def _pack_sliding(key: Key, group: SlidingGroup, past: tuple[Series, ...]) -> _Sliding:
    happenings, tally = Happenings(), group.tally
    entries = _pack_entries(group.entries[group.front :], happenings)
    memory = tally.memory() if isinstance(tally, Ordered) else None
    return _Sliding(
        key,
        group.touched,
        group.used,
        happenings.packed,
        entries,
        group.late_until,
        group.live,
        past,
        memory,
    )


def _unpack_sliding(windows: Sliding, packed: _Sliding) -> tuple[Key, Group]:
    group = windows.new_group(packed.touched)
    group.used = packed.used
    group.entries = _unpack_entries(packed.entries, Happenings(packed.happenings))
    group.late_until, group.live, group.past = packed.late_until, packed.live, packed.past
    windows.measure(group)
    if packed.memory is not None and isinstance(group.tally, Ordered):
        group.tally.remember(packed.memory)
    return packed.key, group


def _pack_closing(key: Key, group: ClosingGroup) -> _Closing:
    happenings = Happenings()
    entries = _pack_entries(group.entries[group.front :], happenings)
    windows = [
        _Window(w.opened, w.closes, happenings.pack_hit(w.last), w.judged, w.true, w.lost)
        for w in group.windows
    ]
    return _Closing(
        key, group.touched, group.used, happenings.packed, entries, windows, group.series
    )


def _unpack_closing(packed: _Closing) -> tuple[Key, Group]:
    happenings = Happenings(packed.happenings)
    windows = [
        Window(w.opened, w.closes, happenings.unpack_hit(w.last), w.judged, w.true, w.lost)
        for w in packed.windows
    ]
    entries = _unpack_entries(packed.entries, happenings)
    group = ClosingGroup(
        entries=entries,
        touched=packed.touched,
        used=packed.used,
        windows=windows,
        series=packed.series,
    )
    return packed.key, group


def _pack_silent(key: Key, group: SilentGroup) -> _Silent:
    happenings = Happenings()
    entries = _pack_entries(group.entries, happenings)
    last, closes = happenings.pack_hit(group.last), group.closes
    return _Silent(key, group.touched, group.used, happenings.packed, entries, last, closes)


def _unpack_silent(packed: _Silent) -> tuple[Key, Group]:
    happenings = Happenings(packed.happenings)
    group = SilentGroup(
        entries=_unpack_entries(packed.entries, happenings),
        touched=packed.touched,
        used=packed.used,
        last=happenings.unpack_hit(packed.last),
        closes=packed.closes,
        timer=packed.closes,
    )
    return packed.key, group


def _pack_entries(entries: Sequence[Entry], happenings: Happenings) -> _Entries:
    return _Entries(
        [time for time, _, _, _ in entries],
        [id_ for _, id_, _, _ in entries],
        [happenings.pack(kept) for _, _, kept, _ in entries],
        [pack(payload) for _, _, _, payload in entries],
    )


def _unpack_entries(packed: _Entries, happenings: Happenings) -> list[Entry]:
    kept = [happenings.unpack(one) for one in packed.kept]
    payloads = [unpack(one) for one in packed.payloads]
    return list(zip(packed.times, packed.ids, kept, payloads, strict=True))

"""The state of correlations as bytes: the same state, the same bytes.

Each group is encoded by itself, so that a store can keep the groups that changed and leave the
others. Tallies and timers are not kept: they follow from the events.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from detections.correlations.absence import SilentGroup
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
from detections.correlations.windows import Counts, Entry, Group, Windows
from detections.rules.model import CorrelationRule

_VERSION = 1
_MOST_TOLD = 10

_WHAT = "the snapshot of the correlations"


class SnapshotError(ValueError):
    """A snapshot can't be restored; the text says why, and what to do."""


class _Sealed(msgspec.Struct, array_like=True):
    """A state, with what shows that it is whole."""

    version: int
    digest: bytes
    state: bytes


class State(msgspec.Struct, array_like=True, kw_only=True):
    """All that correlations remember."""

    rules: list[tuple[str, str, str]]
    """Id, hash and title, in order."""
    reached: int
    late: int
    evictions: list[tuple[str, str, int]]
    left_out: list[tuple[str, str, int]]
    uses: list[int]
    groups: list[list[msgspec.Raw]]
    """By rule, the groups in the order in which they came."""


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


_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(State).decode
_decode_sliding = msgspec.msgpack.Decoder(_Sliding).decode
_decode_closing = msgspec.msgpack.Decoder(_Closing).decode
_decode_silent = msgspec.msgpack.Decoder(_Silent).decode


# -- all of it -------------------------------------------------------------------------------------


def snapshot_of(
    rules: Iterable[CorrelationRule],
    windows: Iterable[Windows[Any]],
    counts: Counts,
    reached: int,
    late: int,
) -> bytes:
    """The state as bytes. Groups that are forgotten by now are left out."""
    windows = list(windows)
    state = _encode(
        State(
            rules=_identities(rules),
            reached=reached,
            late=late,
            evictions=[(*what, n) for what, n in sorted(counts.evictions.items())],
            left_out=[(*what, n) for what, n in sorted(counts.left_out.items())],
            uses=[one.uses for one in windows],
            groups=[list(_groups_of(one, reached)) for one in windows],
        )
    )
    return _encode(_Sealed(_VERSION, _digest(state), state))


def state_of(data: bytes, rules: Sequence[CorrelationRule]) -> State:
    """The state that a snapshot holds. Raises SnapshotError, also if it is of other rules."""
    try:
        sealed = msgspec.msgpack.decode(data, type=_Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{_WHAT} can't be read: {error}; replay the events") from error
    if sealed.version != _VERSION:
        raise SnapshotError(
            f"{_WHAT} is of version {sealed.version}, and this program reads version {_VERSION}: "
            "replay the events"
        )
    if sealed.digest != _digest(sealed.state):
        raise SnapshotError(f"{_WHAT} is damaged: replay the events, or restore an older one")
    state = _decode_state(sealed.state)
    differences = _differences(state.rules, _identities(rules))
    if differences:
        more = len(differences) - _MOST_TOLD
        told = differences[:_MOST_TOLD] + ([f"{more} more"] if more > 0 else [])
        raise SnapshotError(
            f"{_WHAT} was taken with other rules: {'; '.join(told)}. Restore it with the rules "
            "that it was taken with, or replay the events"
        )
    return state


def groups_of(windows: Windows[Any], groups: Iterable[msgspec.Raw]) -> list[tuple[Key, Group]]:
    """The groups of a rule, by key."""
    match windows:
        case Sliding():
            return [_unpack_sliding(windows, _decode_sliding(data)) for data in groups]
        case Closing():
            return [_unpack_closing(_decode_closing(data)) for data in groups]
        case _:
            return [_unpack_silent(_decode_silent(data)) for data in groups]


def _digest(state: bytes) -> bytes:
    return blake2b(state, digest_size=16).digest()


def _identities(rules: Iterable[CorrelationRule]) -> list[tuple[str, str, str]]:
    return [(one.rule.id, one.rule.hash, one.rule.title) for one in rules]


def _differences(
    then: Sequence[tuple[str, str, str]], now: Sequence[tuple[str, str, str]]
) -> list[str]:
    hash_then = {id_: hash_ for id_, hash_, _ in then}
    hash_now = {id_: hash_ for id_, hash_, _ in now}
    found = [
        f'"{title}" ({id_}) is new' if id_ not in hash_then else f'"{title}" ({id_}) has changed'
        for id_, hash_, title in now
        if hash_then.get(id_) != hash_
    ]
    found += [f'"{title}" ({id_}) is gone' for id_, _, title in then if id_ not in hash_now]
    if not found and list(hash_then) != list(hash_now):
        found.append("they are in another order")
    return found


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

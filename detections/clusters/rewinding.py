"""Clusters of a chain that may be reorganised: back to before the fork, and on without what was
orphaned. Links that only orphaned events showed are withdrawn; those that still hold stay as told.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Protocol

import msgspec
import structlog

from detections.clusters.clustering import Change, Clustering, Override, State, difference
from detections.engine.chain_history import ChainHistory, Orphans
from detections.engine.correlator_state import layout
from detections.identity import fingerprint
from normalizer.events import ChainReorganised, Record
from normalizer.events.clusters import ClusterOverridden, ClusterOverrideLifted
from pipeline.config.clusters import Clusters
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: To be raised where the same fields come to mean something else.
_VERSION = 1
#: The layout of those states that don't say theirs: they were saved when it had always been this.
_UNSAID = "15609eba1f9e3b3f"
_LENGTH = 8


class CannotRestore(Exception):
    """A saved state is of no use, and why."""


class Step(msgspec.Struct, gc=False):
    """What a message of EVENTS brings: records, and whether its last transaction is complete."""

    place: int
    records: Sequence[Record]
    complete: bool


class Past(Protocol):
    """What lies behind."""

    async def state_at(self, usable: Callable[[int], bool]) -> "tuple[Remembered, int] | None":
        """The newest saved state whose place is usable, and that place; None without any."""
        ...

    def steps(self, after: int, until: int) -> AsyncIterator[Step]:
        """What was taken behind one place and before another."""
        ...

    async def whole(self) -> bool:
        """Whether nothing of EVENTS is gone."""
        ...


class Remembered(msgspec.Struct):
    """All that is saved."""

    history: ChainHistory = msgspec.field(default_factory=ChainHistory)
    state: State = msgspec.field(default_factory=State)
    settings: str = ""
    """A hash of the configuration that links were weighed by."""
    received: int = 0
    """When the newest event was received, nanoseconds since the epoch."""

    def parts(self) -> Iterator[bytes]:
        """As it is saved, part by part: together it may be much. Nothing may change meanwhile."""
        encode = msgspec.msgpack.Encoder().encode
        head = Head(_VERSION, self.settings, self.received, layout_of_all())
        for part in (head, self.history, *(getattr(self.state, name) for name in _FIELDS)):
            data = encode(part)
            yield len(data).to_bytes(_LENGTH, "big")
            yield data


_FIELDS = State.__struct_fields__


class Head(msgspec.Struct, array_like=True):
    """What a saved state begins with."""

    version: int
    settings: str
    received: int
    layout: str = ""
    """Of all that follows, which is read by places: one of another is none of ours."""


@cache
def layout_of_all() -> str:
    """A hash of how what is remembered is written."""
    return fingerprint([layout(one) for one in (ChainHistory, State)])[:16]


def read_remembered(chunks: Iterable[bytes]) -> Remembered:
    """What was saved. Raises CannotRestore."""
    data = b"".join(chunks)
    pieces: list[memoryview] = []
    at = 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        pieces.append(memoryview(data)[at + _LENGTH : end])
        at = end
    if len(pieces) != 2 + len(_FIELDS) or at != len(data):
        raise CannotRestore("the saved state can't be read: it is of another form")
    try:
        head = msgspec.msgpack.decode(pieces[0], type=Head)
        if head.version != _VERSION:
            raise CannotRestore(f"it is of version {head.version}, and this one reads {_VERSION}")
        if (head.layout or _UNSAID) != layout_of_all():
            raise CannotRestore("another version of the program wrote it in another form")
        history = msgspec.msgpack.decode(pieces[1], type=ChainHistory)
        types = {one.name: one.type for one in msgspec.structs.fields(State)}
        fields = {
            name: msgspec.msgpack.decode(piece, type=types[name])
            for name, piece in zip(_FIELDS, pieces[2:], strict=True)
        }
    except msgspec.MsgspecError as error:
        raise CannotRestore(f"the saved state can't be read: {error}") from error
    return Remembered(history, State(**fields), head.settings, head.received)


def settings_hash(settings: Clusters) -> str:
    """A hash of what decides how links are weighed."""
    weighed = msgspec.structs.replace(settings, checkpoint_every=SECOND)
    return fingerprint([msgspec.json.encode(weighed).decode()])[:16]


class RewindingClusters:
    """Clustering that goes back and on where a chain was reorganised."""

    def __init__(self, settings: Clusters, past: Past) -> None:
        self.settings = settings
        self.rewinds = 0
        """How many times it went back."""
        self._past = past
        self._hash = settings_hash(settings)
        self.restore(Remembered())

    @property
    def state(self) -> State:
        """What is known of links and clusters."""
        return self.clustering.state

    def restore(self, remembered: Remembered) -> None:
        """Go on from what was saved. Links are weighed anew where they were by other settings."""
        self.history = remembered.history
        self.received = remembered.received
        self.clustering = Clustering(self.settings, remembered.state)
        if remembered.settings != self._hash:
            self.clustering.weigh_anew()

    def remembered(self) -> Remembered:
        """What is to be saved; not a copy."""
        return Remembered(self.history, self.state, self._hash, self.received)

    async def take(self, step: Step) -> list[Change]:
        """Take what came at a place; what changes for others."""
        changes: list[Change] = []
        for record in step.records:
            if type(record) is ChainReorganised:
                changes += self.clustering.end()
                changes += await self._reorganised(step.place, record)
        self.history.saw(step.place, step.records)
        return changes + self._take(self.clustering, step)

    def _take(self, clustering: Clustering, step: Step) -> list[Change]:
        changes: list[Change] = []
        run: list[Record] = []
        for record in step.records:
            self.received = max(self.received, record.ingested)
            if isinstance(record, ClusterOverridden | ClusterOverrideLifted):
                changes += clustering.take(run)
                run = []
                changes += _said(clustering, record)
            else:
                run.append(record)
        changes += clustering.take(run)
        return changes + (clustering.end() if step.complete else [])

    async def _reorganised(self, place: int, record: ChainReorganised) -> list[Change]:
        fork = self.history.reorganised(place, record)
        if fork.first == place:
            return []
        self.rewinds += 1
        saved = await self._past.state_at(self.history.usable)
        if saved is None and not await self._past.whole():
            log.warning(
                "no saved state of clusters is from before the fork: links by orphaned blocks go, "
                "as far as these are known",
                chain=record.chain_id,
                depth=record.depth,
            )
            return self.clustering.without_blocks(record.orphaned)
        known = Remembered() if saved is None else saved[0]
        clustering = Clustering(self.settings, known.state)
        if known.settings != self._hash:
            clustering.weigh_anew()
        orphans = self.history.orphans()
        async for step in self._past.steps(0 if saved is None else saved[1], fork.place):
            self._take(clustering, _without(orphans, step))
        changes = difference(self.state, clustering.state)
        self.clustering = clustering
        return changes


def _without(orphans: Orphans, step: Step) -> Step:
    kept = [
        record
        for one in step.records
        if (record := orphans.kept(step.place, one)) is not None
        and type(record) is not ChainReorganised
    ]
    return Step(step.place, kept, step.complete)


def _said(
    clustering: Clustering, record: ClusterOverridden | ClusterOverrideLifted
) -> list[Change]:
    if isinstance(record, ClusterOverrideLifted):
        return clustering.lift(record.override)
    return clustering.override(
        Override(
            id=record.override,
            together=record.action == "join",
            addresses=record.addresses,
            who=record.who,
            why=record.reason or "",
            at=record.said,
        )
    )

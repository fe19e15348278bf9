"""What a document says of others that a sink may hold: blocks left the chain, an alert changed."""

from msgspec import Struct

from normalizer.events import (
    Alert,
    AlertStatus,
    AlertUpdate,
    CaseActivity,
    ChainReorganised,
    Record,
)


class OrphanedBlocks(Struct, frozen=True):
    """Blocks above a height left the chain. Events of them that are told later are back on it."""

    chain_id: int
    provider: str
    above: int
    hashes: tuple[str, ...]
    """Of the orphaned blocks, where all of them are known; else empty."""
    ingested: int
    """When that was received, in nanoseconds since the epoch."""
    original: str
    """Where its raw frame lies. Those of orphaned events lie before it."""

    @property
    def prefixes(self) -> frozenset[str]:
        """What the ids of events of these blocks begin with; see `block_of`."""
        return frozenset(f"{self.chain_id}:{one}" for one in self.hashes)


class AlertChange(Struct, frozen=True):
    """What an alert is from now on, and why."""

    alert_id: str
    status: AlertStatus
    reason: str


class CaseAdvance(Struct, frozen=True):
    """Something was done to a case: documents of what was done to it before are not the newest."""

    case_id: str
    number: int


Mark = OrphanedBlocks | AlertChange | CaseAdvance


def mark_of(record: Record | Alert | AlertUpdate | CaseActivity) -> Mark | None:
    """What a record says of others."""
    match record:
        case AlertUpdate():
            return AlertChange(record.alert_id, record.status, record.reason)
        case CaseActivity():
            return CaseAdvance(record.case_id, record.number)
        case ChainReorganised():
            known = len(record.orphaned) == record.depth
            return OrphanedBlocks(
                chain_id=record.chain_id,
                provider=record.provider,
                above=record.common_number,
                hashes=record.orphaned if known else (),
                ingested=record.ingested,
                original=record.original,
            )
        case _:
            return None


def block_of(event_id: str) -> str:
    """The beginning of an event's id that names chain and block, where it is of a chain."""
    return ":".join(event_id.split(":", 2)[:2])


def frame_place(original: str) -> tuple[int, int]:
    """Sequence and index of a raw frame, by which frames of one source can be put in order."""
    parts = original.split("/")
    try:
        return int(parts[1]), int(parts[2])
    except (IndexError, ValueError):
        return 0, 0

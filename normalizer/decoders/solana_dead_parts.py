"""Dead letters of the parts of a Solana block that can't be read, while the rest goes on."""

import msgspec

from normalizer.decoders.collected import Normalized
from normalizer.decoders.unreadable import Unreadable
from pipeline.frames import DeadLetter, Frame
from pipeline.solana_payload import SlotPayload, encode_slot


class SolanaDeadParts:
    """Makes the dead letters of one frame.

    The payload of each is the block with that transaction only: it decodes again, by itself, once
    the reason is gone.
    """

    def __init__(self, source: str, frame: Frame, original: str, out: Normalized) -> None:
        self._source = source
        self._frame = frame
        self._original = original
        self._out = out

    def transaction(self, payload: SlotPayload, place: int, error: Unreadable) -> None:
        """A transaction, or an instruction of it, that does not fit."""
        part = msgspec.structs.replace(payload, transactions=[payload.transactions[place]])
        self._add(f"transactions[{place}]", error, part)

    def mint(self, payload: SlotPayload, place: int, error: Unreadable) -> None:
        """A mint's account that does not fit."""
        part = msgspec.structs.replace(payload, transactions=[], mints=[payload.mints[place]])
        self._add(f"mints[{place}]", error, part)

    def _add(self, where: str, error: Unreadable, part: SlotPayload) -> None:
        self._out.dead.append(
            DeadLetter(
                stage="normalizer",
                source=self._source,
                protocol="solana",
                position=self._frame.position,
                received=self._frame.received,
                reason=error.reason,
                field=f"{where}.{error.field}" if error.field else where,
                original=self._original,
                context=self._frame.context,
                payload=encode_slot(part),
            )
        )

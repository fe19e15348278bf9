"""Raw frames: what a source sent, byte for byte, with where and when. The content of RAW.

A message of the RAW stream is one :class:`FrameBatch` as MessagePack: frames of one source in the
order in which they came.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from pipeline.secrets import without_secrets

#: ``message``: as the source pushed it. ``snapshot``: an answer that a collector asked for, such as
#: a venue's book by REST; ``context`` names what it is of. ``gap``: a :class:`GapNotice` of the
#: collector's own, in the place where something of the feed is missing. ``reorganisation`` and
#: ``finality``: what a collector found out about a chain (:mod:`pipeline.chain_notices`).
FrameKind = Literal["message", "snapshot", "gap", "reorganisation", "finality"]

#: A frame larger than this never enters RAW whole: it is cut and goes to the dead letters.
MAX_FRAME_BYTES = 32 * 1024 * 1024


class Frame(Struct, array_like=True, gc=False):
    """One frame. ``position`` is unique within the source and says where a collector goes on."""

    position: str
    received: Annotated[int, Meta(description="nanoseconds since the epoch")]
    payload: bytes
    kind: FrameKind = "message"
    context: str = ""


class FrameBatch(Struct, array_like=True, gc=False):
    """Frames of one source. ``protocol`` names the decoder: evm, coinbase, kraken, kraken-v1, ...,
    solana."""

    source: str
    protocol: str
    frames: list[Frame]


#: Instrument of a gap that is about the whole source.
WHOLE_SOURCE = "*"


class GapNotice(Struct, omit_defaults=True):
    """Payload of a ``gap`` frame, as JSON. ``instrument`` may be `WHOLE_SOURCE`."""

    instrument: str
    reason: str
    expected: int | None = None
    received: int | None = None


class DeadLetter(Struct, omit_defaults=True, kw_only=True):
    """What could not be decoded, validated or delivered, why and where. The content of DEAD."""

    stage: str
    source: str
    protocol: str = ""
    position: str
    received: int
    reason: str
    field: str | None = None
    original: str = ""
    kind: FrameKind = "message"
    context: str = ""
    payload: bytes = b""
    truncated: bool = False

    def __post_init__(self) -> None:
        # What a server says may repeat what it was sent, and a broken message be a log-in of ours.
        self.reason = without_secrets(self.reason)
        text = self.payload.decode(errors="surrogateescape")
        if (masked := without_secrets(text)) != text:
            self.payload = masked.encode(errors="surrogateescape")


_batch_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(FrameBatch)
_dead_encoder = msgspec.json.Encoder()
_dead_decoder = msgspec.json.Decoder(DeadLetter)


def encode_batch(batch: FrameBatch) -> bytes:
    """A batch as MessagePack."""
    return _batch_encoder.encode(batch)


def decode_batch(data: bytes) -> FrameBatch:
    """The batch in a RAW message. Raises :class:`msgspec.MsgspecError` when it is none."""
    return _batch_decoder.decode(data)


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """A dead letter as JSON; the payload is base64."""
    return _dead_encoder.encode(letter)


def decode_dead_letter(data: bytes) -> DeadLetter:
    """The dead letter in a DEAD message. Raises :class:`msgspec.MsgspecError` when it is none."""
    return _dead_decoder.decode(data)

"""The normalizer: batches of raw frames to events. Pure, deterministic, and it never raises."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from normalizer.assets import Assets
from normalizer.decoders.archax import ArchaxDecoder
from normalizer.decoders.coinbase import CoinbaseDecoder
from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm import EvmDecoder
from normalizer.decoders.evm_pending import EvmPendingDecoder
from normalizer.decoders.fix import FixDecoder
from normalizer.decoders.inx import InxDecoder
from normalizer.decoders.kraken import KrakenDecoder
from normalizer.decoders.kraken_v1 import KrakenV1Decoder
from normalizer.decoders.order_log import OrderLogDecoder
from normalizer.decoders.social import SocialDecoder
from normalizer.decoders.solana import SolanaDecoder
from normalizer.decoders.subgraph import SubgraphDecoder
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import Enrichment
from normalizer.events import Record
from normalizer.reference import Reference
from normalizer.reference_taking import ReferenceTaking
from normalizer.token_labels import label_by_token
from pipeline.bus.reference_history import HistoryMessage
from pipeline.frames import MAX_FRAME_BYTES, DeadLetter, Frame, FrameBatch
from pipeline.units import SECOND

__all__ = ["Normalized", "Normalizer", "encode_event", "encode_events"]

#: The tag of events that happened after they were received: their source's clock is ahead.
CLOCK_AHEAD = "clock-ahead"
#: What of a bad frame is kept in its dead letter; the whole frame stays in RAW at ``original``.
MOST_DEAD_BYTES = 256 * 1024


class Decoder(Protocol):
    """Decodes the frames of one source."""

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame to ``out``. Raises :class:`Unreadable`."""
        ...


_DECODERS: dict[str, tuple[Callable[[str, str, Enrichment], Decoder], str]] = {
    "evm": (EvmDecoder, "evm"),
    "evm-pending": (EvmPendingDecoder, "evm"),
    "subgraph": (SubgraphDecoder, "subgraph"),
    "coinbase": (CoinbaseDecoder, "coinbase"),
    "kraken": (KrakenDecoder, "kraken"),
    "kraken-v1": (KrakenV1Decoder, "kraken"),
    "solana": (SolanaDecoder, "solana"),
    "inx": (InxDecoder, "inx"),
    "archax": (ArchaxDecoder, "archax"),
    "fix": (FixDecoder, "fix"),
    "order_log": (OrderLogDecoder, "order_log"),
    "social": (SocialDecoder, "social"),
}

_encoder = msgspec.json.Encoder()


def encode_event(event: Record) -> bytes:
    """An event as one line of NDJSON, without the line's end."""
    return _encoder.encode(event)


def encode_events(events: Sequence[Record]) -> bytes:
    """Events as NDJSON, each line ended."""
    return _encoder.encode_lines(events)


class Normalizer:
    """Turns batches of raw frames into events.

    An event that says that it happened more than ``clock_tolerance`` nanoseconds after its receipt
    is tagged. ``venues`` names the venue of each source, as configured; without an entry it is the
    protocol's (``coinbase``, ``kraken``). The only state is what the frames of a source told
    before: the columns of Coinbase's ``level3``, which are the documented ones until then; and the
    reference data: that of ``reference``, which is there from the beginning, and what frames have
    put in force since.
    """

    def __init__(
        self,
        reference: Reference,
        venues: Mapping[str, str] | None = None,
        *,
        clock_tolerance: int = 5 * SECOND,
    ) -> None:
        self._tolerance = clock_tolerance
        self._enrichment = Enrichment(reference)
        self._venues = dict(venues or {})
        self._decoders: dict[tuple[str, str], Decoder] = {}
        self.reference = ReferenceTaking(self._enrichment)

    def assets(self) -> Assets:
        """Which asset each event is about, by the tokens that are known."""
        return Assets(Reference(tokens=tuple(self._enrichment.tokens())))

    def refer(
        self, raw_sequence: int, batch: FrameBatch, messages: Sequence[Sequence[HistoryMessage]]
    ) -> Normalized:
        """Put in force what frames say, from here on; the events of it.

        ``messages``: for each frame, those of REFERENCE that it puts in force and that are not yet.
        """
        out = Normalized()
        for index, (frame, changes) in enumerate(zip(batch.frames, messages, strict=True)):
            original = f"RAW/{raw_sequence}/{index}"
            try:
                self.reference.take(batch, frame, original, changes, out)
            except Unreadable as error:
                out.dead.append(_letter(batch, frame, original, error.reason, error.field))
        return out

    def normalize(self, raw_sequence: int, batch: FrameBatch) -> Normalized:
        """Events of a RAW message, in order. Every frame becomes events, a dead letter or a count.

        ``raw_sequence`` is the message's sequence in the RAW stream.
        """
        out = Normalized()
        decoder = self._decoder(batch.source, batch.protocol)
        events = out.events
        enrichment = self._enrichment
        for index, frame in enumerate(batch.frames):
            original = f"RAW/{raw_sequence}/{index}"
            before = len(events)
            try:
                if decoder is None:
                    raise Unreadable(f"no decoder for protocol {batch.protocol[:40]!r}", "protocol")
                if len(frame.payload) > MAX_FRAME_BYTES:
                    raise Unreadable(f"larger than {MAX_FRAME_BYTES} bytes")
                enrichment.go_to(frame.received)
                decoder.decode(frame, original, out)
                latest = frame.received + self._tolerance
                for event in events[before:]:
                    if event.timestamp > latest:
                        event.tags = (*event.tags, CLOCK_AHEAD)
                if enrichment.lists_of_tokens:
                    label_by_token(events[before:])
                if enrichment.stamps:
                    enrichment.stamps.stamp(events[before:])
            except Unreadable as error:
                del events[before:]
                out.dead.append(_letter(batch, frame, original, error.reason, error.field))
            except Exception as error:
                # No decoder should do this; a frame that finds the gap must not stop the pipeline.
                del events[before:]
                reason = f"the decoder failed: {type(error).__name__}: {error}"[:500]
                out.dead.append(_letter(batch, frame, original, reason, None))
        return out

    def encode(self, raw_sequence: int, batch: FrameBatch) -> tuple[bytes, Normalized]:
        """The events as NDJSON, and the result that they are from."""
        result = self.normalize(raw_sequence, batch)
        return encode_events(result.events), result

    def _decoder(self, source: str, protocol: str) -> Decoder | None:
        decoder = self._decoders.get((source, protocol))
        if decoder is None and protocol in _DECODERS:
            make, name = _DECODERS[protocol]
            decoder = make(source, self._venues.get(source, name), self._enrichment)
            self._decoders[source, protocol] = decoder
        return decoder


def _letter(
    batch: FrameBatch, frame: Frame, original: str, reason: str, field: str | None
) -> DeadLetter:
    return DeadLetter(
        stage="normalizer",
        source=batch.source,
        protocol=batch.protocol,
        position=frame.position,
        received=frame.received,
        reason=reason,
        field=field,
        original=original,
        kind=frame.kind,
        context=frame.context,
        payload=frame.payload[:MOST_DEAD_BYTES],
        truncated=len(frame.payload) > MOST_DEAD_BYTES,
    )

"""Dead letters of the parts of a block that can't be read, while the rest of the block goes on."""

from functools import cached_property
from typing import Any, cast

import msgspec
from msgspec import Raw

from normalizer.abi import AbiMismatch
from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm_wire import Misfit
from normalizer.decoders.unreadable import Unreadable
from pipeline.evm_payload import BlockPayload, encode_block
from pipeline.frames import DeadLetter, Frame


class DeadParts:
    """Makes the dead letters of one frame.

    The payload of each is a block with that part and its transaction only: it decodes again, by
    itself, once the reason is gone.
    """

    def __init__(self, source: str, frame: Frame, original: str, out: Normalized) -> None:
        self._source = source
        self._frame = frame
        self._original = original
        self._out = out

    def misfit(self, misfit: Misfit) -> None:
        """A part that is not even of the right form."""
        self._add(misfit.part, misfit.place, misfit.reason, misfit.field)

    def part(self, part: str, place: int, error: AbiMismatch | Unreadable) -> None:
        """A part whose content does not fit."""
        field = f"{part}[{place}]" + (f".{error.field}" if error.field else "")
        self._add(part, place, error.reason, field)

    def _add(self, part: str, place: int, reason: str, field: str) -> None:
        self._out.dead.append(
            DeadLetter(
                stage="normalizer",
                source=self._source,
                protocol="evm",
                position=self._frame.position,
                received=self._frame.received,
                reason=reason,
                field=field,
                original=self._original,
                context=self._frame.context,
                payload=self._excerpt(part, place),
            )
        )

    @cached_property
    def _block(self) -> BlockPayload:
        return msgspec.json.decode(self._frame.payload, type=BlockPayload)

    @cached_property
    def _transactions(self) -> dict[str, Raw]:
        return {_text(raw, "hash"): raw for raw in self._block.transactions}

    def _excerpt(self, part: str, place: int) -> bytes:
        block = self._block
        raw: Raw = getattr(block, part)[place]
        transaction_hash = _text(raw, "hash" if part == "transactions" else "transactionHash")
        transaction = self._transactions.get(transaction_hash)
        kept: dict[str, list[Any]] = {
            "transactions": [] if transaction is None else [transaction],
            "logs": [],
            "receipts": [],
            "refusals": [],
            "checks": [one for one in block.checks if one.transaction_hash == transaction_hash],
        }
        kept[part] = [raw]
        return encode_block(msgspec.structs.replace(block, **kept))


def _text(raw: Raw, name: str) -> str:
    value: Any = msgspec.json.decode(raw)
    found = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""

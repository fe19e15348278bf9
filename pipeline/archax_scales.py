"""What goes with a frame of Archax: symbols and decimal places of instruments, by number."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Places = Annotated[int, Meta(ge=0, le=36)]


class Scale(Struct, frozen=True, array_like=True):
    """An instrument's symbol, and the decimal places of its integers."""

    symbol: Annotated[str, Meta(min_length=1, max_length=64)]
    price: Places
    quantity: Places


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Scale])


def encode_scales(scales: Mapping[str, Scale]) -> str:
    """A frame's context."""
    return _encoder.encode(scales).decode()


def decode_scales(text: str) -> dict[str, Scale]:
    """The scales in a frame's context. Raises :class:`msgspec.MsgspecError`."""
    return _decoder.decode(text) if text else {}

"""Types that the venues' message records share: bounds that no honest message exceeds."""

from typing import Annotated, Literal

from msgspec import Meta

#: Decoded from a number or, as venues send them, from a decimal text.
Price = Annotated[float, Meta(ge=0, le=1e15)]
Quantity = Annotated[float, Meta(ge=0, le=1e18)]
Sequence = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Product = Annotated[str, Meta(min_length=1, max_length=64)]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Time = Annotated[str, Meta(min_length=20, max_length=48)]
Side = Literal["buy", "sell"]
#: A whole book has up to some 100,000 entries per side.
MOST_LEVELS = 1_000_000

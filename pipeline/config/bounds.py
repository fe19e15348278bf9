"""Durations and sizes that can't be nothing: for ever, or never, would be meant by that."""

from typing import Annotated

from msgspec import Meta

from pipeline.units import MILLISECOND, Duration, Size

Interval = Annotated[Duration, Meta(ge=MILLISECOND)]
Room = Annotated[Size, Meta(ge=1_024)]

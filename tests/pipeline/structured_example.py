"""A configuration with one field of nearly every type, for the tests of `pipeline.structured`."""

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.secrets import Secret, SecretText
from pipeline.structured import FilePath
from pipeline.units import HOUR, SECOND, Duration, Ratio, Size

Name = Annotated[
    str, Meta(pattern=r"^[a-z0-9_-]+$", max_length=64, description="lower-case letters and digits")
]


class Embedded(Struct, kw_only=True, tag="embedded", tag_field="type"):
    path: FilePath


class External(Struct, kw_only=True, tag="nats", tag_field="type"):
    urls: list[SecretText]


class Venue(Struct, kw_only=True, tag="venue", tag_field="type"):
    name: Name
    url: SecretText
    products: Annotated[list[str], Meta(min_length=1)]
    channels: list[Literal["full", "heartbeat"]] = field(default_factory=lambda: ["full"])
    stale_after: Duration = 15 * SECOND
    window: Annotated[Duration, Meta(ge=SECOND, le=HOUR)] = 60 * SECOND
    buffer: Size = 1024
    depth: Literal[10, 25, 100] = 10
    verify: bool = True
    password: Secret | None = None
    deviation: Annotated[Ratio, Meta(gt=0, le=0.5)] = 0.1


class Recording(Struct, kw_only=True, tag="recording", tag_field="type"):
    path: FilePath


class Example(Struct, kw_only=True):
    bus: Embedded | External
    sources: list[Venue | Recording]
    owner: str
    session_close: str = "none"
    limits: dict[str, int] = field(default_factory=dict[str, int])
    started: datetime.date | None = None
    level: Literal["debug", "info", "warning"] = "info"
    detections: list[str]

"""What a session did on purpose, so that detections can be held against it."""

from typing import Literal

import msgspec

Typology = Literal["spoofing", "wash_trading"]


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of abuse that must be found. Ids are as the feed prints them."""

    typology: Typology
    description: str
    accounts: tuple[str, ...]
    order_ids: tuple[str, ...]
    trade_ids: tuple[str, ...]


class Decoy(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of honest trading that a careless rule would flag, and must not be found."""

    name: str
    resembles: Typology
    description: str
    accounts: tuple[str, ...]
    order_ids: tuple[str, ...]
    trade_ids: tuple[str, ...]


class GroundTruth(msgspec.Struct):
    """Filled while a session plays."""

    planted: list[Planted] = []
    decoys: list[Decoy] = []

"""What a session played on purpose, in both worlds: what its verdict is held against.

It is saved beside a recording, so that the recorded session is judged by the same truth.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    # The chain's side imports web3, which a recorded session must not need.
    from demo.chain.scenario import Planted as OnChain
    from demo.venue.scenario import Session as AtVenue

World = Literal["chain", "venue"]

#: The chain's script has its own words for what it plays; these are the rules' typologies.
_RULES_WORDS = {
    "large_transfer": "large_transfers",
    "sanctioned_address": "sanctions",
    "refused_transfer": "transfer_restrictions",
    "forced_transfer": "transfer_restrictions",
    "frozen_wallet": "transfer_restrictions",
}


class TruthUnreadable(Exception):
    """The file is no ground truth; the text names file and field."""


class Planted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One abuse that was played and must be found. Ids are as the sources print them."""

    typology: str
    """As the rules name it, such as `wash_trading`."""
    description: str
    where: World
    transaction_hashes: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    trade_ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


class Decoy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Honest behaviour that looks like `resembles` and must not be found."""

    name: str
    resembles: str
    description: str
    where: World
    transaction_hashes: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    trade_ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


class GroundTruth(msgspec.Struct, kw_only=True):
    """All of a session."""

    planted: list[Planted] = []
    decoys: list[Decoy] = []

    def save(self, path: Path) -> None:
        """Write it as JSON for people to read too."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @classmethod
    def load(cls, path: Path) -> "GroundTruth":
        """Read what `save` wrote. Raises OSError, or TruthUnreadable for anything else."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except msgspec.MsgspecError as error:
            raise TruthUnreadable(f"{path} is no ground truth of the demo: {error}") from error


def ground_truth(on_chain: "Iterable[OnChain]", at_venue: "AtVenue") -> GroundTruth:
    """The truth of both worlds, in the rules' words."""
    planted = [
        Planted(
            typology=_RULES_WORDS.get(one.typology, one.typology),
            description=one.description,
            where="chain",
            transaction_hashes=tuple(text.lower() for text in one.transaction_hashes),
        )
        for one in on_chain
    ]
    planted += [
        Planted(
            typology=one.typology,
            description=one.description,
            where="venue",
            order_ids=one.order_ids,
            trade_ids=one.trade_ids,
            accounts=one.accounts,
        )
        for one in at_venue.planted
    ]
    decoys = [
        Decoy(
            name=one.name,
            resembles=one.resembles,
            description=one.description,
            where="venue",
            order_ids=one.order_ids,
            trade_ids=one.trade_ids,
            accounts=one.accounts,
        )
        for one in at_venue.decoys
    ]
    return GroundTruth(planted=planted, decoys=decoys)

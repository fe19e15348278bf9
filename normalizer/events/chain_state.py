"""What became of a chain as a whole. Unlike others these events concern every reader of it."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Event
from normalizer.events.fields import Hash, described


class _ChainState(Event, kw_only=True):
    dataset: str = field(name="event.dataset", default="tapewatch.evm")
    chain_id: Annotated[int, described("EIP-155 chain id")] = field(name="blockchain.chain.id")
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )


class ChainReorganised(_ChainState, tag="chain-reorganised", kw_only=True):
    """The chain left a branch whose blocks had been told already.

    Orphaned is every event of this chain and source (`event.provider`) that came before this one
    and whose block number is above `blockchain.reorganisation.common.number`. Events above it that
    come later are of the new branch, also where the chain returns to blocks that it had left. Its
    time is that of the last common block.
    """

    common_number: Annotated[int, described("The last block that both branches share")] = field(
        name="blockchain.reorganisation.common.number"
    )
    common_hash: Annotated[Hash, described("Its hash")] = field(
        name="blockchain.reorganisation.common.hash"
    )
    depth: Annotated[int, described("How many blocks were orphaned")] = field(
        name="blockchain.reorganisation.depth"
    )
    depth_known: Annotated[
        bool,
        described("False where the branches part deeper than the collector could see"),
    ] = field(name="blockchain.reorganisation.depth_known", default=True)
    orphaned: Annotated[
        tuple[Hash, ...], described("Hashes of orphaned blocks, as far as they are known")
    ] = field(name="blockchain.reorganisation.orphaned.hash", default=())
    old_number: Annotated[int, described("The newest block of the branch that was left")] = field(
        name="blockchain.reorganisation.old.number"
    )
    old_hash: Annotated[Hash, described("Its hash")] = field(
        name="blockchain.reorganisation.old.hash"
    )
    new_number: Annotated[int, described("The head of the new branch that showed it")] = field(
        name="blockchain.reorganisation.new.number"
    )
    new_hash: Annotated[Hash, described("Its hash")] = field(
        name="blockchain.reorganisation.new.hash"
    )


class ChainFinality(_ChainState, tag="chain-finality", kw_only=True):
    """More blocks of the chain are safe or finalized than before.

    Its time is that of the newest block that had been told.
    """

    safe_number: Annotated[int | None, described("The newest block that the node calls safe")] = (
        field(name="blockchain.safe.number", default=None)
    )
    safe_hash: Annotated[Hash | None, described("Its hash")] = field(
        name="blockchain.safe.hash", default=None
    )
    finalized_number: Annotated[
        int | None, described("The newest block that the node calls finalized")
    ] = field(name="blockchain.finalized.number", default=None)
    finalized_hash: Annotated[Hash | None, described("Its hash")] = field(
        name="blockchain.finalized.hash", default=None
    )


ChainStateRecord = ChainReorganised | ChainFinality

"""Moves of the chain's own currency, such as ether."""

from typing import Annotated

from msgspec import field

from normalizer.events.chain_parties import SourceAndDestination
from normalizer.events.fields import Uint256, described


class NativeTransfer(SourceAndDestination, tag="native-transfer", kw_only=True):
    """A transaction gave some of the chain's own currency to its receiver.

    Only the transaction's own value: what contracts pass on inside it has no trace in a block.
    """

    value_raw: Annotated[
        Uint256, described("The chain's own currency that the transaction gives, in wei, exact")
    ] = field(name="blockchain.transaction.value_raw")
    value: Annotated[
        float, described("The same in whole units (10**18 wei), such as ether; not exact")
    ] = field(name="blockchain.transaction.value")

"""The chain's own currency, given by a transaction to its receiver.

The collector names the transactions that did so and succeeded: a block alone doesn't tell the
latter.
"""

from normalizer.decoders.evm_scope import BlockScope, both_parties, related
from normalizer.decoders.evm_wire import Transaction, uint256
from normalizer.decoders.unreadable import Unreadable
from normalizer.events.chain import NativeTransfer

#: Wei in a whole unit. Every chain that speaks this protocol has 18 decimals here.
UNIT = 10**18


def native_transfer(block: BlockScope, transaction: Transaction) -> NativeTransfer:
    """The transfer that a transaction made. Raises :class:`Unreadable`."""
    value = uint256(transaction.value, "value")
    call = block.call(transaction.hash)
    if call.sender is None or call.to is None:
        raise Unreadable("a transfer needs a sender and a receiver", "to")
    sender, receiver = block.party(call.sender), block.party(call.to)
    return NativeTransfer(
        **block.fields,
        **call.fields,
        **both_parties(sender, receiver),
        id=f"{block.prefix}{call.hash}:value",
        source_address=call.sender,
        destination_address=call.to,
        related_user=related(call.sender, call.to, sender.id, receiver.id),
        value_raw=str(value),
        value=value / UNIT,
    )

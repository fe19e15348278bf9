"""Which transactions of a block give the chain's own currency to somebody that matters.

The known are the wallets of the reference data, and whoever appeared in an indexed argument of a
watched contract's log: holders, spenders, agents, investors of a registry. A first run knows of the
latter what it has seen itself; a restart begins anew with them.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

from collectors.evm.blocks import Log, Transaction

Choice = Literal["all", "known", "off"]

#: Addresses that are remembered besides those of the reference data; the idlest goes first.
MOST_SEEN = 1_000_000
#: So large a part of them goes at once: the first key of a dict is dear to find where many went.
_AT_ONCE = 64
_WORD = 66
_PADDING = "0x" + "0" * 24
#: Indexed numbers look like addresses with many leading zeros; no wallet has so many.
_NUMBER = _PADDING + "0" * 24


class NativeTransfers:
    """Chooses transactions; it outlives connections."""

    def __init__(self, choice: Choice, wallets: frozenset[str]) -> None:
        self._choice = choice
        self._wallets = wallets
        self._seen: dict[str, None] = {}

    def learn(self, logs: Iterable[Log]) -> None:
        """Remember who appears in the logs of watched contracts."""
        if self._choice != "known":
            return
        seen = self._seen
        for log in logs:
            for topic in log.topics[1:]:
                if len(topic) != _WORD or not topic.startswith(_PADDING):
                    continue
                if not topic.startswith(_NUMBER):
                    address = "0x" + topic[26:].lower()
                    seen.pop(address, None)  # and back at the end: the first is the idlest
                    seen[address] = None
        if len(seen) > MOST_SEEN:
            for address in list(islice(seen, len(seen) - MOST_SEEN + MOST_SEEN // _AT_ONCE)):
                del seen[address]

    def matters(self, transaction: Transaction) -> bool:
        """Whether the transaction would give something, and this one is asked for."""
        if self._choice == "off" or not transaction.gives:
            return False
        return (
            self._choice == "all"
            or self.knows(transaction.sender)
            or (transaction.receiver is not None and self.knows(transaction.receiver))
        )

    def chosen(self, transactions: Sequence[Transaction]) -> list[Transaction]:
        """Those that matter, in the order of the block."""
        if self._choice == "off":
            return []
        return [one for one in transactions if self.matters(one)]

    def knows(self, address: str) -> bool:
        """Whether an address, in lower case, is a known one."""
        return address in self._wallets or address in self._seen

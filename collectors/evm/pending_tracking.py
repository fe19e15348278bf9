"""Transactions that no block has yet, and what becomes of each. Pure: it asks nobody.

A sender's transactions are counted by their nonce, and a chain takes one of each number: several
with the same are versions of which one at most is ever in a block.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct

from collectors.evm.blocks import BlockHash, Header, Transaction
from pipeline.pending_payload import PendingBlock, What

#: Senders' nonces that are followed; the one seen first goes first.
MOST_FOLLOWED = 50_000
#: Versions of one nonce that are remembered.
MOST_VERSIONS = 16
#: Blocks whose transactions are remembered: what they have is not pending, and may be again.
MOST_BLOCKS = 128

Matters = Callable[[Transaction], bool]
Key = tuple[str, str]


class Fact(Struct, frozen=True, kw_only=True):
    """What there is to say of a transaction: see :mod:`pipeline.pending_payload`."""

    what: What
    first_seen: int
    transaction: Transaction
    by: Transaction | None = None
    block: PendingBlock | None = None
    index: int | None = None
    transactions: int | None = None
    again: bool = False


class Version(Struct, frozen=True):
    """A transaction, when it was first seen (nanoseconds), and what it pays: the most for a unit of
    gas, and the most of that for whoever makes the block.
    """

    transaction: Transaction
    first_seen: int
    fee: tuple[int, int]


class Slot(Struct):
    """The versions of one nonce, by what they pay, the least first."""

    versions: list[Version]
    #: When it was last found to be pending.
    checked: int

    @property
    def best(self) -> Version:
        """The one that nodes keep."""
        return self.versions[-1]


class PendingTracker:
    """Follows transactions that ``matters`` says to follow, and whatever replaces them."""

    def __init__(self, matters: Matters) -> None:
        self._matters = matters
        self._slots: OrderedDict[Key, Slot] = OrderedDict()
        self._keys: dict[str, Key] = {}
        self._recent: OrderedDict[BlockHash, Sequence[str]] = OrderedDict()
        self._in_block: dict[str, BlockHash] = {}
        self._taken: dict[BlockHash, list[tuple[Key, Slot]]] = {}
        #: Followed ones that had to give way to others.
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._slots)

    def wants(self, transaction_hash: str) -> bool:
        """Whether a transaction of this hash would be news."""
        return transaction_hash not in self._keys and transaction_hash not in self._in_block

    def concerns(self, transaction: Transaction) -> bool:
        """Whether it is one to follow, or would take the place of one."""
        return _key(transaction) in self._slots or self._matters(transaction)

    def seen(self, transaction: Transaction, at: int) -> list[Fact]:
        """A node announced a transaction, at this time in nanoseconds."""
        if not self.wants(transaction.hash) or not self.concerns(transaction):
            return []
        key = _key(transaction)
        version = Version(transaction, at, _fee(transaction))
        facts = [Fact(what="seen", first_seen=at, transaction=transaction)]
        slot = self._slots.get(key)
        self._keys[transaction.hash] = key
        if slot is None:
            self._slots[key] = Slot([version], at)
            self._bound()
            return facts
        best = slot.best
        # News travels on several ways: the one that pays less may come later than what replaced it.
        old, new = (best, version) if version.fee >= best.fee else (version, best)
        slot.versions.append(version)
        slot.versions.sort(key=_by_fee)
        for gone in slot.versions[:-MOST_VERSIONS]:
            self._keys.pop(gone.transaction.hash, None)
        del slot.versions[:-MOST_VERSIONS]
        slot.checked = at
        replaced = Fact(
            what="replaced",
            first_seen=old.first_seen,
            transaction=old.transaction,
            by=new.transaction,
        )
        return [*facts, replaced]

    def block(self, header: Header, transactions: Sequence[Transaction]) -> list[Fact]:
        """A block was added to the chain."""
        facts: list[Fact] = []
        place = PendingBlock(header.number, header.hash, header.timestamp)
        for index, transaction in enumerate(transactions):
            self._in_block[transaction.hash] = header.hash
            key = _key(transaction)
            slot = self._slots.pop(key, None)
            if slot is None:
                continue
            for version in slot.versions:
                self._keys.pop(version.transaction.hash, None)
            self._taken.setdefault(header.hash, []).append((key, slot))
            known = [one for one in slot.versions if one.transaction.hash == transaction.hash]
            if known:
                facts.append(
                    Fact(
                        what="included",
                        first_seen=known[0].first_seen,
                        transaction=transaction,
                        block=place,
                        index=index,
                        transactions=len(transactions),
                    )
                )
            else:
                facts.append(
                    Fact(
                        what="replaced",
                        first_seen=slot.best.first_seen,
                        transaction=slot.best.transaction,
                        by=transaction,
                        block=place,
                    )
                )
        self._recent[header.hash] = [one.hash for one in transactions]
        while len(self._recent) > MOST_BLOCKS:
            self._forget_block(next(iter(self._recent)))
        return facts

    def orphaned(self, blocks: Iterable[BlockHash], at: int) -> list[Fact]:
        """Blocks left the chain: what they had taken is pending again."""
        facts: list[Fact] = []
        for block in blocks:
            taken = self._taken.get(block, [])
            self._forget_block(block)
            for key, slot in taken:
                slot.checked = at
                self._slots[key] = slot
                self._keys |= {one.transaction.hash: key for one in slot.versions}
                best = slot.best
                facts.append(
                    Fact(
                        what="seen",
                        first_seen=best.first_seen,
                        transaction=best.transaction,
                        again=True,
                    )
                )
        self._bound()
        return facts

    def overdue(self, before: int) -> list[Slot]:
        """Those last found to be pending before this time, to be asked about."""
        return [slot for slot in self._slots.values() if slot.checked < before]

    def still_there(self, slot: Slot, at: int) -> None:
        """A node knows one of the versions."""
        slot.checked = at

    def gone(self, slot: Slot) -> list[Fact]:
        """No node that was asked knows any of the versions."""
        if self._slots.pop(_key(slot.best.transaction), None) is None:
            return []  # a block came meanwhile
        facts: list[Fact] = []
        for version in slot.versions:
            self._keys.pop(version.transaction.hash, None)
        best = slot.best
        facts.append(Fact(what="dropped", first_seen=best.first_seen, transaction=best.transaction))
        return facts

    def _bound(self) -> None:
        while len(self._slots) > MOST_FOLLOWED:
            _, slot = self._slots.popitem(last=False)
            for version in slot.versions:
                self._keys.pop(version.transaction.hash, None)
            self.forgotten += 1

    def _forget_block(self, block: BlockHash) -> None:
        for one in self._recent.pop(block, ()):
            if self._in_block.get(one) == block:
                del self._in_block[one]
        self._taken.pop(block, None)


class _FeeWire(Struct):
    max_fee: str = msgspec.field(name="maxFeePerGas", default="")
    priority_fee: str = msgspec.field(name="maxPriorityFeePerGas", default="")
    gas_price: str = msgspec.field(name="gasPrice", default="0x0")


_fee_wire = msgspec.json.Decoder(_FeeWire)


def _fee(transaction: Transaction) -> tuple[int, int]:
    """What it pays at most; nothing where that can't be read."""
    try:
        wire = _fee_wire.decode(transaction.raw)
        price = int(wire.max_fee or wire.gas_price, 16)
        return price, int(wire.priority_fee, 16) if wire.priority_fee else price
    except (msgspec.MsgspecError, ValueError):
        return 0, 0


def _key(transaction: Transaction) -> Key:
    return transaction.sender, transaction.nonce.lower()


def _by_fee(version: Version) -> tuple[int, int]:
    return version.fee
